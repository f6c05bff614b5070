"""A new user who follows the page word for word, up to the cluster, sees what the page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.sources import ROOT
from support.walkthrough import Command, Reader, differences, steps

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "getting-started.md"
CLUSTER = "On a cluster"  # tests/end_to_end/test_getting_started.py goes on there


@pytest.mark.slow
def test_the_page_shows_what_a_reader_sees(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    commands = 0
    differing: list[str] = []
    for step in steps(PAGE, before=CLUSTER):
        if isinstance(step, Command):
            commands += 1
            differing += differences(step, reader.shown(step))
        else:
            reader.write(step)
    assert commands > 8
    assert differing == []
