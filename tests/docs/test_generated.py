"""Pages of `docs/reference` are what the code says, and a page that is not is noticed."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

import pytest

from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, writing to an empty folder."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FOLDER", tmp_path / "reference")
    return module


def status(generate: ModuleType, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["generate.py", *words])
    code: int = generate.main()
    return code


def test_a_stale_page_fails_the_check_until_it_is_written(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(generate, monkeypatch, "--check") == 1
    assert not generate.FOLDER.exists()
    assert status(generate, monkeypatch) == 0
    assert status(generate, monkeypatch, "--check") == 0
    page = generate.FOLDER / "sdk.md"
    page.write_text(page.read_text() + "by hand\n")
    assert status(generate, monkeypatch, "--check") == 1


def test_sections_of_a_docstring_become_lists(generate: ModuleType) -> None:
    doc = "What it is.\n\nAttributes:\n    one: the first,\n        in two lines.\n    two: next.\n"
    assert generate.markdown(doc) == (
        "What it is.\n\nAttributes:\n\n- `one`: the first,\n  in two lines.\n- `two`: next."
    )
