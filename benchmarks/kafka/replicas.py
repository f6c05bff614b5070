"""Three replicas over twelve partitions: how long a partition stands when one of them goes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import stage
from aiokafka import AIOKafkaProducer
from pods import Order, at_work
from throughput import read_schema

from streamlet_sdk.serde import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cluster import Cluster
    from pods import Pod

PARTITIONS, REPLICAS = 12, 3
EACH = PARTITIONS // REPLICAS
TICK_SECONDS = 0.01
SETTLE_SECONDS = 3.0
SESSION_SECONDS = 10.0
FLOW_SECONDS = 60.0
HEADER = 10


class Period(NamedTuple):
    """From when to when something was done to replicas; seconds since the epoch."""

    since: float
    until: float


class Standstill(NamedTuple):
    """The longest time without a record out, in seconds.

    Attributes:
        roll: of any partition, while each replica was stopped and started.
        crash: of the partitions of a replica that was killed and started at once.
        others: of all other partitions meanwhile.
        loss: of any partition after a replica was killed for good.
    """

    roll: float
    crash: float
    others: float
    loss: float


async def standstill(cluster: Cluster) -> Standstill:
    """Roll, crash and lose replicas under a steady flow."""
    order = Order(name="Mark", application="replicas", source="steady", target="steadied")
    for topic in (order.source, order.target):
        await cluster.create(topic, PARTITIONS)
    async with at_work(cluster, order, REPLICAS) as pods:
        await asyncio.gather(*(pod.ready() for pod in pods))
        feeding = asyncio.create_task(_feed(cluster, order.source))
        await _flowing(cluster, order.target)
        roll = await _roll(pods)
        crash = await _crash(pods[1])
        loss = await _lose(pods[2])
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding
    times = await _times(cluster, order.target)
    await cluster.delete(order.source, order.target)
    crashed = sorted(_gaps(times, crash))
    return Standstill(
        roll=max(_gaps(times, roll)),
        crash=crashed[-1],
        others=crashed[-1 - EACH],
        loss=max(_gaps(times, loss)),
    )


async def _roll(pods: Sequence[Pod]) -> Period:
    since = time.time()
    for pod in pods:
        await pod.stop()
        pod.start()
        await pod.ready()
    await asyncio.sleep(SETTLE_SECONDS)
    return Period(since, time.time())


async def _crash(pod: Pod) -> Period:
    since = time.time()
    await pod.kill()
    pod.start()
    await pod.ready()
    await asyncio.sleep(SETTLE_SECONDS)
    return Period(since, time.time())


async def _lose(pod: Pod) -> Period:
    since = time.time()
    await pod.kill()
    await asyncio.sleep(SESSION_SECONDS + 2 * SETTLE_SECONDS)
    return Period(since, time.time())


async def _feed(cluster: Cluster, topic: str) -> None:
    """A record for each partition every ten milliseconds; its device is the partition."""
    head = canonical.header(read_schema("Mark").fingerprint)
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
        due = time.perf_counter()
        while True:
            for number in range(PARTITIONS):
                row = stage.reading(0) | {"deviceId": str(number)}
                value = head + stage.reading_bytes(row)
                await producer.send(topic, value, partition=number)
            due += TICK_SECONDS
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def _flowing(cluster: Cluster, topic: str) -> None:
    """Wait until every partition has been worked on for a while."""
    async with asyncio.timeout(FLOW_SECONDS):
        while True:
            if await cluster.size(topic, PARTITIONS) * TICK_SECONDS > PARTITIONS * SETTLE_SECONDS:
                return
            await asyncio.sleep(TICK_SECONDS)


async def _times(cluster: Cluster, topic: str) -> Mapping[str, Sequence[float]]:
    """When records of each input partition came out."""
    times: dict[str, list[float]] = defaultdict(list)
    async for rows in cluster.records(topic, PARTITIONS):
        for row in rows:
            device = stage.read_metric(row.value[HEADER:])["deviceId"]
            times[device].append(row.timestamp / 1000)
    if len(times) != PARTITIONS:
        raise SystemExit(f"records of {len(times)} partitions came out, not of {PARTITIONS}")
    return {device: sorted(found) for device, found in times.items()}


def _gaps(times: Mapping[str, Sequence[float]], period: Period) -> list[float]:
    """The longest time without a record, of each partition."""
    gaps = []
    for found in times.values():
        inside = [at for at in found if period.since < at < period.until]
        edges = [period.since, *inside, period.until]
        gaps.append(max(b - a for a, b in itertools.pairwise(edges)))
    return gaps
