"""Memory of one pod while millions of records go through it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import stage
from pods import Order, at_work
from throughput import read_schema

from streamlet_sdk.serde import canonical

if TYPE_CHECKING:
    from cluster import Cluster
    from pods import Pod

CHUNK = 50_000
AHEAD = 150_000
LOOK_SECONDS = 0.1
STALL_SECONDS = 60.0
KEPT = {"retention_bytes": "134217728", "segment_bytes": "33554432"}


class Memory(NamedTuple):
    """Resident memory in MiB at most, and its growth from early to late in the run, in %."""

    peak: float
    growth: float


async def soak(cluster: Cluster, count: int) -> Memory:
    """Feed as fast as the pod can take it, and watch its memory."""
    order = Order(name="Models", application="soak", source="soak-in", target="soak-out")
    for topic in (order.source, order.target):
        await cluster.create(topic, stage.PARTITIONS, **KEPT)
    head = canonical.header(read_schema(order.name).fingerprint)
    values = [head + stage.reading_bytes(row) for row in stage.readings(CHUNK)]
    seen: list[int] = []
    async with at_work(cluster, order) as (pod,):
        await pod.ready()
        sampling = asyncio.create_task(_sample(pod, seen))
        for fed in itertools.count(CHUNK, CHUNK):
            await cluster.fill(order.source, values, stage.PARTITIONS)
            await _out(
                cluster, pod, order.target, min(fed - AHEAD, count) if fed < count else count
            )
            if fed >= count:
                break
        peak = pod.status["VmHWM"]
        sampling.cancel()
    await cluster.delete(order.source, order.target)
    # The first quarter fills buffers.
    quarter = max(1, len(seen) // 4)
    early, late = fmean(seen[quarter : 2 * quarter] or seen), fmean(seen[-quarter:])
    return Memory(peak / 1024, 100 * (late - early) / early)


async def _sample(pod: Pod, seen: list[int]) -> None:
    with contextlib.suppress(FileNotFoundError):
        while True:
            seen.append(pod.status["VmRSS"])
            await asyncio.sleep(LOOK_SECONDS)


async def _out(cluster: Cluster, pod: Pod, topic: str, count: int) -> None:
    """Wait until that many records are out."""
    loop = asyncio.get_running_loop()
    before, until = -1, loop.time() + STALL_SECONDS
    while (found := await cluster.size(topic, stage.PARTITIONS)) < count:
        if found > before:
            before, until = found, loop.time() + STALL_SECONDS
        if not pod.is_alive or loop.time() > until:
            raise SystemExit(f"{topic} stands at {found} records:\n{pod.log()}")
        await asyncio.sleep(LOOK_SECONDS)
