"""What readers will copy and click works."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

from support.cli import CommandLine
from support.documents import code_blocks, local_links, pages
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    assert [link for link in local_links(page) if not (page.parent / link).exists()] == []


def test_the_streamlet_of_the_readme_passes_its_tests() -> None:
    namespace: dict[str, object] = {"__name__": "readings"}
    exec("\n".join(code_blocks(ROOT / "README.md", "python")), namespace)
    tests = [item for name, item in namespace.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        assert inspect.isfunction(test)
        test()


def test_the_picture_of_the_readme_is_what_the_command_draws(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    readme = ROOT / "README.md"
    [words] = re.findall(r"picture is `kubectl-cloudflow (graph .*)`:", readme.read_text("utf-8"))
    drawn = CommandLine(capsys)(*words.split())
    assert (code_blocks(readme, "mermaid"), drawn.err) == ([drawn.out], "")


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda p: p.stem)
def test_a_decision_has_its_number_and_its_three_parts(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# {page.stem[:4]}: ")
    parts = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert parts[:3] == ["Context", "Decision", "Consequences"]
