"""The short form of `make chaos`: each guarantee once, in a run with a seed of its own."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from chaos.brokers import brokers
from chaos.running import run
from chaos.scenarios import SCENARIOS
from support.require import missing
from testbed.jars import KafkaUnavailableError

if TYPE_CHECKING:
    from streamlet_sdk.delivery import Guarantee

RUNS: tuple[tuple[str, Guarantee], ...] = (
    ("kill", "at-least-once"),
    ("broker-kill", "exactly-once"),
    ("roll", "at-most-once"),
)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_guarantees_hold_while_replicas_and_brokers_die() -> None:
    seed = random.randrange(10_000)
    named = {scenario.name: scenario for scenario in SCENARIOS}
    try:
        async with brokers() as cluster:
            results = [await run(named[name], guarantee, seed, cluster) for name, guarantee in RUNS]
    except KafkaUnavailableError as error:
        missing("kafka", str(error))
    broken = {f"{made.scenario} {made.guarantee} {seed}": made.broken for made in results}
    assert not any(broken.values()), broken
    assert all(made.account.records for made in results)
