"""Our figures on Kafka beside their targets and beside what users would pick instead, in one run.

    make bench-kafka [ARGS="--quick | --soak | --only PART"]

Starts a broker of its own, or takes the one that CLOUDFLOW_TEST_KAFKA names. Everybody who is
measured is a process of its own; ours is the one that a pod runs, with everything at its default.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from statistics import fmean
from typing import TYPE_CHECKING

import replicas
import soak
import startup
import streamlets
import throughput
from cluster import Cluster
from latency import through_two
from pods import HERE, ROOT
from throughput import (
    AIOKAFKA,
    CONFLUENT,
    DICTS,
    EXACTLY,
    FASTSTREAM,
    KEYED,
    KEYED_AIOKAFKA,
    KEYED_CONFLUENT,
    KEYED_QUIX,
    LISTS,
    MODELS,
    QUIX,
    RICH,
    Ours,
)

from support.report import Finding, Report, Target, printed, tell
from testbed.kafka import running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from throughput import Competitor, Speed

PARTS = ("throughput", "waiting", "latency", "memory", "startup", "replicas")
WAITING = Ours(label="async each, concurrency 64, 5 ms", name="Waiting", source="readings-few")
# Who is shown, beside whom, and how many times as fast it has to be.
PAIRS: Sequence[tuple[Competitor, Competitor | None, float | None]] = (
    (CONFLUENT, None, None),
    (AIOKAFKA, None, None),
    (FASTSTREAM, None, None),
    (QUIX, None, None),
    (KEYED_CONFLUENT, None, None),
    (KEYED_AIOKAFKA, None, None),
    (KEYED_QUIX, None, None),
    (MODELS, QUIX, 1.7),
    (MODELS, AIOKAFKA, 1.2),
    (MODELS, CONFLUENT, None),
    (RICH, QUIX, None),
    (KEYED, KEYED_QUIX, None),
    (KEYED, KEYED_AIOKAFKA, None),
    (EXACTLY, MODELS, 0.75),
    (DICTS, QUIX, None),
    (LISTS, QUIX, 2.8),
)


def main() -> None:
    asked = _arguments()
    # What brokers say about topics that are new or gone is no finding.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with printed("only processor times will say something.") as report, running() as bootstrap:
        asyncio.run(_measure(bootstrap, asked, report))


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="make bench-kafka", description="Measure what Kafka costs us.")
    say = parser.add_argument
    say("--quick", action="store_true", help="a tenth of the records, one round: does it work?")
    say("--soak", action="store_true", help="10 million records instead of one for memory")
    say("--records", type=int, default=200_000, help="of the stage (%(default)s)")
    say("--rounds", type=int, default=3, help="of the stage (%(default)s)")
    say("--only", choices=PARTS, action="append", help="a part; may be repeated")
    asked = parser.parse_args()
    if asked.quick:
        asked.records, asked.rounds = asked.records // 10, 1
    return asked


async def _measure(bootstrap: str, asked: Namespace, report: Report) -> None:
    measures = {
        "throughput": _throughput,
        "waiting": _waiting,
        "latency": _latency,
        "memory": _memory,
        "startup": _startup,
        "replicas": _replicas,
    }
    async with Cluster(bootstrap) as cluster:
        await throughput.publish(cluster, map(throughput.read_schema, ("Models", "RichModels")))
        for part in asked.only or PARTS:
            tell(f"{part} ...")
            await measures[part](cluster, asked, report)


async def _throughput(cluster: Cluster, asked: Namespace, report: Report) -> None:
    await throughput.fill(cluster, asked.records)
    limits = [_codec_limit(asked.records)]
    speeds = await throughput.compete(cluster, asked.records, asked.rounds, tell)
    await cluster.delete(throughput.PLAIN, MODELS.source, RICH.source)
    # Before and after: a machine that others use is not the same all the time.
    limits.append(_codec_limit(asked.records))
    limit = fmean(limits)
    share = 100 * speeds[LISTS.label].per_second / limit
    report.add(*(_beside(speeds, *pair) for pair in PAIRS))
    report.add(
        Finding(
            what=LISTS.label,
            figure=str(speeds[LISTS.label]),
            against=f"the codec alone, {limit:,.0f}/s",
            value=share,
            unit="%",
            target=Target(sense="at least", value=60, unit="%"),
        )
    )


def _beside(
    speeds: Mapping[str, Speed], who: Competitor, other: Competitor | None, target: float | None
) -> Finding:
    """A line that compares two speeds of the same rounds."""
    mine = speeds[who.label]
    against = "" if other is None else f"{other.label}, {speeds[other.label].per_second:,.0f}/s"
    return Finding(
        what=who.label,
        figure=str(mine),
        against=against,
        value=None if other is None else mine.per_second / speeds[other.label].per_second,
        unit="×",
        target=None if target is None else Target(sense="at least", value=target, unit="×"),
    )


def _codec_limit(count: int) -> float:
    """Records per second of a loop that has no Kafka."""
    path = os.pathsep.join(map(str, (HERE, ROOT)))
    printed = subprocess.run(
        [sys.executable, HERE / "codec.py", str(count)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(printed.stdout)


async def _waiting(cluster: Cluster, asked: Namespace, report: Report) -> None:
    count = asked.records // 5
    ideal = streamlets.CONCURRENCY / streamlets.WAIT_SECONDS
    await throughput.fill_one(cluster, WAITING, count)
    speed = await throughput.one_run(cluster, WAITING, count)
    await cluster.delete(WAITING.source)
    report.add(
        Finding(
            what=WAITING.label,
            figure=str(speed),
            against=f"the ideal, {ideal:,.0f}/s",
            value=100 * speed.per_second / ideal,
            unit="%",
            target=Target(sense="at least", value=80, unit="%"),
        )
    )


async def _latency(cluster: Cluster, asked: Namespace, report: Report) -> None:
    bare, found = await through_two(cluster, 3 if asked.quick else 15)
    for name, limit in (("p50", 10), ("p99", 30)):
        value = getattr(found, name)
        report.add(
            Finding(
                what=f"end to end through two streamlets, 1,000/s, {name}",
                figure=f"{value:.1f} ms",
                against=f"no streamlet between, {getattr(bare, name):.1f} ms",
                value=value,
                unit="ms",
                target=Target(sense="at most", value=limit, unit="ms"),
            )
        )


async def _memory(cluster: Cluster, asked: Namespace, report: Report) -> None:
    count = 10_000_000 if asked.soak else 5 * asked.records
    found = await soak.soak(cluster, count)
    for what, value, unit, limit in (
        ("memory of a pod at most", found.peak, "MiB", 110),
        ("its growth", found.growth, "%", 5),
    ):
        report.add(
            Finding(
                what=f"{what}, {count:,} records",
                figure=f"{value:.1f} {unit}",
                value=value,
                unit=unit,
                target=Target(sense="at most", value=limit, unit=unit),
            )
        )


async def _startup(cluster: Cluster, asked: Namespace, report: Report) -> None:
    seconds = await startup.start_seconds(cluster, 1 if asked.quick else 5)
    report.add(_seconds("start of a pod to ready", seconds, 1.5))


async def _replicas(cluster: Cluster, asked: Namespace, report: Report) -> None:
    del asked
    found = await replicas.standstill(cluster)
    rows = (
        ("three replicas rolled: longest stop of a partition", found.roll, 3.0),
        ("container killed: its partitions are back", found.crash, 2.0),
        ("container killed: longest stop of others' partitions", found.others, 0.5),
        ("node lost: its partitions moved", found.loss, replicas.SESSION_SECONDS + 2),
    )
    for what, value, limit in rows:
        report.add(_seconds(what, value, limit))


def _seconds(what: str, value: float, limit: float) -> Finding:
    return Finding(
        what=what,
        figure=f"{value:.2f} s",
        value=value,
        unit="s",
        target=Target(sense="at most", value=limit, unit="s"),
    )


if __name__ == "__main__":
    main()
