"""The commands in the examples' READMEs work, each in a copy of its example."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from support.documents import code_blocks
from support.sources import ROOT
from support.walkthrough import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = sorted(readme.parent for readme in (ROOT / "examples").glob("*/README.md"))
# Those that talk to a server are part of the example's own tests, as are its tests.
ELSEWHERE = ("curl", "python send.py", "python -m pytest")
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".pytest_cache")


def commands(example: Path) -> Iterator[str]:
    for block in code_blocks(example / "README.md", "sh"):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if not line.startswith(ELSEWHERE):
                yield line.replace("kubectl cloudflow", "kubectl-cloudflow")


def ending(command: str) -> str:
    """`command`, or one that ends soon where a reader would press Ctrl-C."""
    if " sandbox" not in command:
        return command
    end = "" if "--until" in command else " --until 300ms"
    return f"{command} --port-base 0{end}"


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_commands_of_an_example_end_well(example: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path / example.name)
    shutil.copytree(example, reader.folder, ignore=NOT_COPIED)
    given = [ending(command) for command in commands(example)]
    assert any(" sandbox" in command for command in given)
    failed = {command: shown for command in given if (shown := reader.failure(command)) is not None}
    assert failed == {}
