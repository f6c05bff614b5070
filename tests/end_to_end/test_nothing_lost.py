"""Records flow through two ways of an application while everything around them breaks.

`CLOUDFLOW_DISTURBANCES` names some of the disturbances, with spaces between them, and
`CLOUDFLOW_RATE` another number of records a second.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from support.disturbances import DISTURBANCES
from support.disturbed import a_stage
from support.disturbed_table import table
from support.node_pods import own
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from support.space import Space
    from testbed.kafka import KafkaCluster

RATE = float(os.environ.get("CLOUDFLOW_RATE", "2000"))
NAMED = os.environ.get("CLOUDFLOW_DISTURBANCES", "")


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_nothing_is_lost(space: Space, brokers: KafkaCluster, tmp_path: Path) -> None:
    chosen = NAMED.split() or list(DISTURBANCES)
    rows = []
    async with a_stage(space, own(space.platform.cluster), brokers, tmp_path) as stage:
        stage.flow.start(RATE)
        for name in chosen:
            rows += await stage.disturb(name, DISTURBANCES[name])
            sys.stdout.write(f"{table(rows[-2:])}\n")
        written = await stage.flow.stop()
        rows += await stage.disturb("the end", DISTURBANCES["calm"])
        if any(row.broken for row in rows):
            sys.stdout.write(f"{await stage.repeats()}\n")
    sys.stdout.write(f"{table(rows)}\n")
    assert [(row.disturbance, row.promise, row.broken) for row in rows if row.broken] == []
    assert sum(row.piece.account.records for row in rows) >= 2 * written


def test_every_disturbance_is_explained() -> None:
    page = (ROOT / "docs" / "concepts" / "guarantees.md").read_text()
    table = page[page.index("## On a node") :]
    assert [name for name in DISTURBANCES if f"`{name}`" not in table] == []
