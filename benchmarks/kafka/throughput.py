"""Everybody plays the stage in turn, each in a process of its own, and what came out is checked."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import environments
import stage
import streamlets
from pods import HERE, Order, at_work

from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.serde import PortOptions, SchemaBook, canonical, port_codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aiokafka import ConsumerRecord
    from cluster import Cluster
    from pods import Pod

    from streamlet_sdk.delivery import Guarantee
    from streamlet_sdk.serde import Schema

PLAIN = "readings-plain"
HEADER = 10
RUN_SECONDS = 120.0
LOOK_SECONDS = 0.1
_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What a user would write instead: a script in an environment of its own."""

    label: str
    script: str
    requirements: str = "requirements.txt"
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A streamlet in the process that a pod runs."""

    label: str
    name: str
    guarantee: Guarantee = "at-least-once"
    source: str = "readings"


class Speed(NamedTuple):
    """How fast somebody is; processor time counts in its process alone, not in the broker."""

    per_second: float
    cpu_micros: float

    def __str__(self) -> str:
        """For people."""
        return f"{self.per_second:,.0f}/s, {self.cpu_micros:.1f} µs CPU"


class Played(NamedTuple):
    """What a process left: what it wrote at its first record, its processor time at its end."""

    began: str
    cpu_seconds: float


Competitor = Peer | Ours

CONFLUENT = Peer(label="confluent-kafka, by hand", script="confluent.py")
AIOKAFKA = Peer(label="aiokafka, by hand", script="aiokafka_batches.py")
FASTSTREAM = Peer(label="FastStream, batches", script="faststream_batches.py")
QUIX = Peer(label="Quix Streams", script="quix.py", requirements="quix.txt")
KEYED_CONFLUENT = Peer(
    label="confluent-kafka, by hand, keyed", script="confluent.py", words=("keyed",)
)
KEYED_AIOKAFKA = Peer(label="aiokafka, by hand, keyed", script="aiokafka_keyed.py")
KEYED_QUIX = Peer(
    label="Quix Streams, keyed", script="quix.py", requirements="quix.txt", words=("keyed",)
)
MODELS = Ours(label="each, pydantic", name="Models")
RICH = Ours(
    label="each, pydantic with UUID and datetime", name="RichModels", source="readings-rich"
)
KEYED = Ours(label="each, pydantic, keyed", name="Keyed")
DICTS = Ours(label="each, dicts", name="Dicts")
LISTS = Ours(label="batches, dicts", name="DictLists")
EXACTLY = Ours(label="each, pydantic, exactly once", name="Models", guarantee="exactly-once")
COMPETITORS: Sequence[Competitor] = (
    CONFLUENT,
    AIOKAFKA,
    FASTSTREAM,
    QUIX,
    KEYED_CONFLUENT,
    KEYED_AIOKAFKA,
    KEYED_QUIX,
    MODELS,
    RICH,
    KEYED,
    DICTS,
    LISTS,
    EXACTLY,
)


async def fill(cluster: Cluster, count: int) -> None:
    """Write the input, once with headers for us and once without for peers."""
    for ours in (MODELS, RICH):
        await fill_one(cluster, ours, count)
    await cluster.create(PLAIN, stage.PARTITIONS)
    await cluster.fill(PLAIN, map(stage.reading_bytes, stage.readings(count)), stage.PARTITIONS)


async def fill_one(cluster: Cluster, ours: Ours, count: int) -> None:
    """Write the input of one streamlet."""
    head = canonical.header(read_schema(ours.name).fingerprint)
    values = (head + stage.reading_bytes(row) for row in stage.readings(count))
    await cluster.create(ours.source, stage.PARTITIONS)
    await cluster.fill(ours.source, values, stage.PARTITIONS)


def read_schema(name: str) -> Schema:
    """The schema that a streamlet reads."""
    port = vars(getattr(streamlets, name))["in_"]
    options = PortOptions(avro=port.avro, module=streamlets.__name__)
    return port_codec(port.schema, options, SchemaBook()).schema


async def publish(cluster: Cluster, schemas: Iterable[Schema]) -> None:
    """Make schemas known, as writers do."""
    transport = KafkaTransport(cluster.bootstrap)
    topic = SchemaTopic(transport, SchemaBook())
    await topic.start()
    for schema in schemas:
        await topic.publish(schema)
    await topic.close()
    await transport.close()


async def compete(
    cluster: Cluster, count: int, rounds: int, tell: Callable[[str], None]
) -> dict[str, Speed]:
    """How fast everybody is: medians of some rounds, each in another order."""
    found: dict[str, list[Speed]] = defaultdict(list)
    # The first to play would pay for a broker whose code is not compiled yet.
    await one_run(cluster, AIOKAFKA, count)
    for number in range(rounds):
        for competitor in random.sample(COMPETITORS, len(COMPETITORS)):
            speed = await one_run(cluster, competitor, count)
            found[competitor.label].append(speed)
            tell(f"round {number + 1}: {competitor.label}: {speed}")
    return {label: Speed(*map(median, zip(*runs, strict=True))) for label, runs in found.items()}


async def one_run(cluster: Cluster, competitor: Competitor, count: int) -> Speed:
    """Play once: from the first record in to the last record out."""
    target = f"metrics-{next(_numbers)}"
    await cluster.create(target, stage.PARTITIONS)
    if isinstance(competitor, Peer):
        played = await _peer(cluster, competitor, target, count)
    else:
        played = await _ours(cluster, competitor, target, count)
    last = await _checked(cluster, target, count, headed=isinstance(competitor, Ours))
    await cluster.delete(target)
    began, cpu_before = json.loads(played.began)
    return Speed(count / (last - began), (played.cpu_seconds - cpu_before) / count * 1e6)


async def _peer(cluster: Cluster, peer: Peer, target: str, count: int) -> Played:
    job = stage.Job(cluster.bootstrap, PLAIN, target, f"group-{target}", count)
    python = environments.python(peer.requirements)
    words = (HERE / "peers" / peer.script, job.text(), *peer.words)
    before = _children()
    with tempfile.TemporaryDirectory(prefix="cloudflow-bench-") as folder:
        began = Path(folder, "began")
        process = await asyncio.create_subprocess_exec(
            python,
            *words,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(HERE), stage.BEGAN: str(began)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(RUN_SECONDS):
            _, complaint = await process.communicate()
        told = _read(began)
    if process.returncode or not told:
        sys.exit(f"{peer.label} failed:\n{complaint.decode()[-2000:]}")
    done = await cluster.committed(job.group)
    if done != count:
        sys.exit(f"{peer.label} committed {done} records of {count}")
    return Played(told, _children() - before)


async def _ours(cluster: Cluster, ours: Ours, target: str, count: int) -> Played:
    order = Order(
        name=ours.name,
        application=target,
        source=ours.source,
        target=target,
        guarantee=ours.guarantee,
    )
    async with at_work(cluster, order) as (pod,):
        await until_committed(cluster, pod, order.group, count)
        told = _read(pod.began)
        if not told:
            sys.exit(f"{ours.label} has not handled any record:\n{pod.log()}")
        return Played(told, pod.cpu_seconds)


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _children() -> float:
    """The processor time of processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def until_committed(cluster: Cluster, pod: Pod, group: str, count: int) -> None:
    """Wait until a group has done `count` records."""
    until = time.monotonic() + RUN_SECONDS
    while await cluster.committed(group) < count:
        if not pod.is_alive or time.monotonic() > until:
            sys.exit(f"{group} did not come to its end:\n{pod.log()}")
        await asyncio.sleep(LOOK_SECONDS)


async def _checked(cluster: Cluster, target: str, count: int, *, headed: bool) -> float:
    """When the broker took the last record of an output that is as it has to be; in seconds."""
    found, last, edges = 0, 0, dict[int, tuple[bytes, bytes]]()
    async for rows in cluster.records(target, stage.PARTITIONS):
        found += len(rows)
        last = max(last, rows[-1].timestamp)
        first_value = edges.get(rows[0].partition, (_value(rows[0]), b""))[0]
        edges[rows[0].partition] = first_value, _value(rows[-1])
    if found != count:
        sys.exit(f"{target} has {found} records, not {count}")
    for value in itertools.chain.from_iterable(edges.values()):
        row = stage.read_metric(value[HEADER if headed else 0 :])
        number = row["timestamp"] - stage.FIRST_MILLIS
        if row != stage.metric(stage.reading(number)):
            sys.exit(f"{target} has {row}, which is not what comes of record {number}")
    return last / 1000


def _value(record: ConsumerRecord) -> bytes:
    value: bytes = record.value
    return value
