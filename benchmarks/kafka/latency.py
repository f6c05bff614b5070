"""End-to-end latency: a thousand records a second through two streamlets, seen by a reader."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

import stage
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pods import Order, at_work
from throughput import read_schema

from streamlet_sdk.serde import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster import Cluster

PER_SECOND = 1000
WARM_SECONDS = 3.0
TICK_SECONDS = 0.001
LATE_SECONDS = 1.0
NAMES = ("passed-0", "passed-1", "passed-2")


class Latency(NamedTuple):
    """Milliseconds that half of the records, and all but a hundredth, stay below."""

    p50: float
    p99: float


class Seen(NamedTuple):
    """A record's time of sending, and how long it took; seconds."""

    sent: float
    took: float


async def through_two(cluster: Cluster, seconds: float) -> tuple[Latency, Latency]:
    """Latency of the broker alone, and through two streamlets."""
    first, second, last = NAMES
    for name in NAMES:
        await cluster.create(name, stage.PARTITIONS)
    bare = await _measured(cluster, seconds / 2, first, stage.decode)
    forward = Order(name="Forward", application="latency", source=first, target=second)
    mark = Order(name="Mark", application="latency", source=second, target=last)
    async with AsyncExitStack() as open_:
        for order in (forward, mark):
            (pod,) = await open_.enter_async_context(at_work(cluster, order))
            await pod.ready()
        found = await _measured(cluster, seconds, last, stage.read_metric)
    await cluster.delete(*NAMES)
    return bare, found


async def _measured(
    cluster: Cluster, seconds: float, last: str, read: Callable[[bytes], stage.Row]
) -> Latency:
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap)
    await consumer.start()
    parts = [TopicPartition(last, number) for number in range(stage.PARTITIONS)]
    consumer.assign(parts)
    await consumer.seek_to_end(*parts)
    seen: list[Seen] = []
    watching = asyncio.create_task(_watch(consumer, read, seen))
    began = time.time()
    await _send(cluster, NAMES[0], WARM_SECONDS + seconds)
    await asyncio.sleep(LATE_SECONDS)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await consumer.stop()
    took = sorted(one.took for one in seen if one.sent > began + WARM_SECONDS)
    if len(took) < PER_SECOND * seconds * 0.9:
        raise SystemExit(f"only {len(took)} records came through in time")
    return Latency(*(1000 * took[int(len(took) * part)] for part in (0.5, 0.99)))


async def _send(cluster: Cluster, topic: str, seconds: float) -> None:
    head = canonical.header(read_schema("Forward").fingerprint)
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all")
    await producer.start()
    began, sent = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        while sent < passed * PER_SECOND:
            row = stage.reading(sent) | {"timestamp": time.time_ns() // 1000}
            value = head + stage.reading_bytes(row)
            await producer.send(topic, value, partition=sent % stage.PARTITIONS)
            sent += 1
        await asyncio.sleep(TICK_SECONDS)
    await producer.stop()


async def _watch(
    consumer: AIOKafkaConsumer, read: Callable[[bytes], stage.Row], seen: list[Seen]
) -> None:
    head = canonical.header("00" * 8)
    while True:
        got = await consumer.getmany(timeout_ms=1000)
        now = time.time()
        for rows in got.values():
            for row in rows:
                sent = read(row.value[len(head) :])["timestamp"] / 1e6
                seen.append(Seen(sent, now - sent))
