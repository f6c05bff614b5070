"""Calls the command line in this process and keeps what it wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_cli.app import PROGRAM, program

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it wrote to stdout, read as JSON; fails when anything else stands there."""
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """The command line, called with words; `capture` is pytest's `capsys`."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Outcome:
        """Run a command to its end."""
        self.capture.readouterr()
        status: int | str | None = 0
        try:
            program().main(list(words), prog_name=PROGRAM)
        except SystemExit as end:
            status = end.code
        out, err = self.capture.readouterr()
        return Outcome(int(status or 0), out, err)


PYPROJECT = """\
[project]
name = "plant"
version = "1.4.0"

[tool.cloudflow]
"""


def a_project(root: Path, *, pyproject: str = PYPROJECT, blueprint: str | None = None) -> Path:
    """A folder with `pyproject.toml`, an empty source folder and a blueprint."""
    (root / "src").mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text(pyproject, "utf-8")
    (root / "blueprint.yaml").write_text(blueprint or "blueprint: {}\n", "utf-8")
    return root
