"""What both type checkers say about code of users: the files of `tests/contract/typing`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = ROOT / "tests" / "contract" / "typing"
MARKED = re.compile(r"#\s*E\d+:")
MYPY_ERROR = re.compile(r"(?P<file>.+?):(?P<line>\d+): error: ")

Line = tuple[str, int]
"""File name and line number."""


def marked_lines() -> set[Line]:
    return {
        (file.name, number)
        for file in sorted(FOLDER.glob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if MARKED.search(line)
    }


def run(*command: str | Path) -> str:
    """The output of a checker; its exit status says no more than its output does."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout


def rejected_by_mypy() -> set[Line]:
    # A cache of its own: `make check` may be writing the other one.
    output = run("mypy", "--strict", "--cache-dir", ".mypy_cache/typing", FOLDER)
    return {
        (Path(match["file"]).name, int(match["line"]))
        for match in map(MYPY_ERROR.match, output.splitlines())
        if match
    }


def rejected_by_pyright() -> set[Line]:
    output = run("pyright", "--outputjson", "--pythonpath", sys.executable, "-p", FOLDER)
    return {
        (Path(finding["file"]).name, finding["range"]["start"]["line"] + 1)
        for finding in json.loads(output)["generalDiagnostics"]
        if finding["severity"] == "error"
    }


@pytest.mark.parametrize("rejected", [rejected_by_mypy, rejected_by_pyright])
def test_a_checker_rejects_the_marked_lines_and_no_other(
    rejected: Callable[[], set[Line]],
) -> None:
    assert rejected() == marked_lines()


def test_there_are_marked_lines() -> None:
    assert len(marked_lines()) >= 9
