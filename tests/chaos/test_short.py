"""The short form of `make chaos`: each guarantee once, in a run with a seed of its own."""

from __future__ import annotations

import random

import pytest

from chaos.brokers import brokers
from chaos.running import run
from chaos.scenarios import SHORT
from support.require import missing
from testbed.kafka import STARTING


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_guarantees_hold_while_replicas_and_brokers_die() -> None:
    seed = random.randrange(10_000)
    try:
        async with brokers() as cluster:
            results = [
                await run(scenario, guarantee, seed, cluster) for scenario, guarantee in SHORT
            ]
    except STARTING as error:
        missing("kafka", str(error))
    broken = {f"{made.scenario} {made.guarantee} {seed}": made.broken for made in results}
    assert not any(broken.values()), broken
    assert all(made.account.records for made in results)
