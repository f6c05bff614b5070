"""What the page about testing shows are tests that pass."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from streamlet_sdk.testing import ApplicationKit, StreamletKit
from support.documents import code_blocks
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "concepts" / "testing.md"


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    text = "\n".join(code_blocks(PAGE, "python"))
    (tmp_path / "test_page.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(re.findall('^def test_', text, re.MULTILINE))} passed" in done.stdout


def test_the_table_of_calls_has_every_call_of_the_kit_and_no_other() -> None:
    rows = re.findall(r"^\| (`.*?) +\|", PAGE.read_text("utf-8"), re.MULTILINE)
    said = {name for row in rows for name in re.findall(r"`([a-z_]+)[`(.]", row)}
    calls = {name for name in dir(StreamletKit) if not name.startswith("_")}
    assert said == calls
    assert calls <= {name for name in dir(ApplicationKit) if not name.startswith("_")} | {
        "rebalance"
    }
