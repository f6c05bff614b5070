"""Every scenario, by name: what `make chaos` runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from chaos import faults, topic_faults
from chaos.stage import PARTITIONS, Scenario, Stage
from chaos.traffic import partition_of

if TYPE_CHECKING:
    from streamlet_sdk.delivery import Guarantee

ALL: tuple[Guarantee, ...] = ("at-least-once", "exactly-once", "at-most-once")
STUCK_AT = 1200
OFTEN = {"attempts": 12, "backoff": "50 ms", "maxBackoff": "200 ms"}


def _others_went_on(stage: Stage) -> str | None:
    """Whether records of other partitions came out while one was tried again and again."""
    first = partition_of(STUCK_AT, PARTITIONS)
    waited = stage.watch.arrivals[first]
    begin, end = max(
        ((before, after) for (_, before), (_, after) in itertools.pairwise(waited)),
        key=lambda pair: pair[1] - pair[0],
    )
    for partition, pairs in stage.watch.arrivals.items():
        due = sum(begin < went_in < end - 1 for went_in, _ in pairs)
        done = sum(begin < came_out < end for _, came_out in pairs)
        if partition != first and done < due / 2:
            return f"partition {partition} waited for another: {done} of {due} came out"
    return None


def _told_what_was_skipped(stage: Stage) -> str | None:
    """Whether the first streamlet said, each time, that it could not read everything."""
    told = sum(
        pod.log.read_text(errors="replace").count("offsets are skipped")
        for pod in stage.kubelet.pods
        if pod.streamlet == "forward"
    )
    return None if told >= PARTITIONS else f"only {told} partitions told of skipped offsets"


SHORT: tuple[tuple[Scenario, Guarantee], ...] = (
    (Scenario(name="short-kill", faults=faults.one_killed_of_each), "at-least-once"),
    (Scenario(name="short-broker", faults=faults.one_broker_killed), "exactly-once"),
    (Scenario(name="short-roll", faults=faults.one_rolled_of_each), "at-most-once"),
)
"""What is part of the tests: each guarantee once."""

SCENARIOS = (
    Scenario(name="calm", faults=faults.nothing, guarantees=ALL),
    Scenario(name="kill", faults=faults.killed_replicas, guarantees=ALL),
    Scenario(
        name="kill-backlog",
        faults=faults.killed_in_a_row,
        settings={"window_records": 300},
        backlog=40_000,
    ),
    Scenario(name="roll", faults=faults.rolled, guarantees=ALL),
    Scenario(name="scale", faults=faults.scaled, guarantees=ALL),
    Scenario(name="freeze", faults=faults.frozen, guarantees=ALL, incidents=2),
    Scenario(name="outage", faults=faults.all_brokers_killed, incidents=12),
    Scenario(name="broker-kill", faults=faults.broker_killed, guarantees=ALL, incidents=12),
    Scenario(name="coordinator-kill", faults=faults.coordinators_killed, incidents=18),
    Scenario(name="cut-refuse", faults=faults.cut("refuse"), incidents=24),
    Scenario(
        name="cut-hole",
        faults=faults.cut("hole"),
        guarantees=ALL,
        incidents=24,
    ),
    Scenario(name="cut-drop", faults=faults.dropped_often, guarantees=ALL, incidents=90),
    Scenario(name="cut-one", faults=faults.one_broker_cut, incidents=12),
    Scenario(name="cut-coordinator", faults=faults.coordinator_cut, incidents=12),
    Scenario(name="grow", faults=topic_faults.grown, is_ordered=False),
    Scenario(
        name="grow-latest",
        faults=topic_faults.grown,
        mark="MarkLatest",
        is_ordered=False,
        begins_at_end=True,
    ),
    Scenario(name="made-again", faults=topic_faults.made_again, forward="Slow"),
    Scenario(
        name="overtaken",
        faults=topic_faults.overtaken,
        forward="Slow",
        settings={"window_records": 60},
        properties={"max.partition.fetch.bytes": "2000"},
        proof=_told_what_was_skipped,
    ),
    Scenario(name="beyond-end", faults=topic_faults.offsets_beyond_the_end),
    Scenario(name="twins", faults=faults.twins, incidents=4),
    Scenario(name="term-rebalance", faults=faults.terminated_in_rebalances, guarantees=ALL),
    Scenario(name="term-outage", faults=faults.terminated_in_an_outage, incidents=12),
    Scenario(
        name="timeouts",
        faults=faults.broker_paused,
        properties={"request.timeout.ms": "2000", "delivery.timeout.ms": "4000"},
        incidents=12,
    ),
    Scenario(name="open-transaction", faults=topic_faults.transaction_left_open),
    Scenario(name="idle", faults=topic_faults.idle),
    Scenario(name="expired-id", faults=topic_faults.forgotten),
    Scenario(name="password", faults=faults.password_changed, is_guarded=True, incidents=18),
    Scenario(name="slow", faults=faults.slow_and_killed, forward="Slow"),
    Scenario(
        name="flaky",
        faults=faults.one_killed_of_each,
        guarantees=ALL,
        forward="Flaky",
        delivery={"retry": OFTEN},
    ),
    Scenario(
        name="poison",
        faults=faults.one_killed_of_each,
        forward="Poisoned",
        mark="PoisonedMark",
        poison=lambda number: number % 100 in {7, 57},
    ),
    Scenario(
        name="too-large",
        faults=faults.one_killed_of_each,
        forward="Large",
        topic={"max.message.bytes": "200000"},
        poison=lambda number: number % 200 == 7,
    ),
    Scenario(
        name="stuck",
        faults=faults.waited,
        forward="Stuck",
        delivery={"retry": {"attempts": 10, "backoff": "500 ms", "maxBackoff": "3 s"}},
        proof=_others_went_on,
    ),
    Scenario(name="blocked", faults=faults.waited, forward="Blocking", incidents=30),
)
