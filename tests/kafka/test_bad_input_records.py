"""Records that are too large, too old or damaged, and brokers that cannot take any."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import OutcomeUnknownError, RejectedError, TransportError
from streamlet_sdk.runtime.kafka import KafkaTransport
from support.require import missing
from support.transport import PATIENCE, Row, World, send, submit
from testbed.kafka import STARTING, KafkaCluster, cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

MEBIBYTE = 1024 * 1024
NOW_MS = round(time.time() * 1000)
FRAME_OF_ZSTD = bytes.fromhex("28b52ffd")
DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
async def world(kafka: str) -> AsyncIterator[World]:
    """Clients of a real Kafka."""
    async with World(lambda name: KafkaTransport(kafka, client=name)) as world:
        yield world


def a_world(bootstrap: str, properties: Mapping[str, str]) -> World:
    """Clients with these properties."""
    return World(lambda name: KafkaTransport(bootstrap, properties, client=name))


# Size


async def test_a_record_that_is_too_large_is_refused_before_it_is_sent(world: World) -> None:
    producer = await world.producer()
    batch = producer.batch(await world.topic(), 0)
    with pytest.raises(RejectedError, match="larger than the") as caught:
        batch.append(None, bytes(MEBIBYTE + 1), NOW_MS, ())
    assert caught.value.hint == "raise max.request.size, and max.message.bytes of the topic"


async def test_a_record_that_the_topic_is_too_small_for_is_refused_with_the_way_out(
    world: World,
) -> None:
    topic = await world.topic(max_message_bytes="2000")
    with pytest.raises(RejectedError, match=f"writing to {topic}/0") as caught:
        await send(await world.producer(), topic, Row(os.urandom(20_000)))
    assert caught.value.hint == "raise max.message.bytes of the topic, or write less"


async def test_a_value_that_is_larger_than_what_is_fetched_at_once_still_arrives(
    kafka: str,
) -> None:
    large = os.urandom(900_000)
    properties = {"fetch.max.bytes": "1000", "max.partition.fetch.bytes": "1000"}
    async with a_world(kafka, properties) as world:
        topic = await world.topic()
        await world.write(topic, b"before")
        await world.write(topic, large)
        await world.write(topic, b"after")
        reader = await world.reader(topic)
        await reader.opened(1)
        assert await reader.values(3) == [b"before", large, b"after"]


# Time


@pytest.mark.parametrize(
    "moment", [0, 1, -1, pytest.param(NOW_MS - 50 * 365 * DAY_MS, id="fifty years ago")]
)
async def test_the_distant_past_goes_through_unchanged(world: World, moment: int) -> None:
    topic = await world.topic()
    await send(await world.producer(), topic, Row(b"old", timestamp_ms=moment))
    reader = await world.reader(topic)
    await reader.opened(1)
    [record] = await reader.read(1)
    assert record.timestamp == moment


@pytest.mark.parametrize("moment", [pytest.param(NOW_MS + 10 * DAY_MS, id="in ten days"), 2**60])
async def test_a_clock_that_is_ahead_is_refused_with_what_to_check(
    world: World, moment: int
) -> None:
    topic = await world.topic(message_timestamp_after_max_ms=str(DAY_MS))
    with pytest.raises(RejectedError, match="too far from the broker's clock") as caught:
        await send(await world.producer(), topic, Row(b"ahead", timestamp_ms=moment))
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("check the clocks, and message.timestamp")


async def test_a_clock_that_is_behind_is_refused_where_the_topic_says_so(world: World) -> None:
    topic = await world.topic(message_timestamp_before_max_ms=str(DAY_MS))
    with pytest.raises(RejectedError, match="too far from the broker's clock"):
        await send(await world.producer(), topic, Row(b"old", timestamp_ms=NOW_MS - 2 * DAY_MS))


# Damage and disks


@pytest.fixture
def own() -> Iterator[KafkaCluster]:
    """A broker whose files a test may damage."""
    with cluster() as made:
        yield made


def damage(broker_folder: Path, topic: str, value: bytes) -> None:
    """Change the first byte of `value`, the last but one of several, where the broker keeps it."""
    [segment] = broker_folder.glob(f"data/{topic}-0/*.log")
    content = bytearray(segment.read_bytes())
    last = content.rindex(value)
    before = content.rfind(value, 0, last)
    content[last if before < 0 else before] ^= 0xFF
    segment.write_bytes(content)


async def _damaged(own: KafkaCluster, codec: str = "none") -> str:
    """A topic of three batches, the second of which is damaged on the disk."""
    async with a_world(own.bootstrap, {"compression.type": codec}) as world:
        topic = await world.topic()
        for value in (b"first", b"second", b"third"):
            await world.write(topic, value)
    [broker] = own.brokers
    await asyncio.to_thread(broker.stop)
    damage(broker.folder, topic, b"second" if codec == "none" else FRAME_OF_ZSTD)
    await asyncio.to_thread(broker.start)
    return topic


@pytest.mark.slow
async def test_a_damaged_batch_is_said_after_what_is_before_it(own: KafkaCluster) -> None:
    topic = await _damaged(own)
    async with a_world(own.bootstrap, {}) as world:
        reader = await world.reader(topic)
        await reader.opened(1)
        assert await reader.values(1) == [b"first"]
        for _ in range(2):
            with pytest.raises(RejectedError, match=f"reading {topic}/0: a batch") as caught:
                await reader.read(1)
            assert caught.value.hint is not None
            assert "check.crcs=false" in caught.value.hint
        assert reader.consumer.position(reader.claims[0]) == 1


@pytest.mark.slow
async def test_a_damaged_batch_is_read_as_it_is_when_that_is_asked_for(own: KafkaCluster) -> None:
    topic = await _damaged(own)
    async with a_world(own.bootstrap, {"check.crcs": "false"}) as world:
        reader = await world.reader(topic)
        await reader.opened(1)
        assert await reader.values(3) == [b"first", bytes([ord("s") ^ 0xFF]) + b"econd", b"third"]


@pytest.mark.slow
async def test_a_batch_that_cannot_be_unpacked_is_damaged_too(own: KafkaCluster) -> None:
    topic = await _damaged(own, "zstd")
    async with a_world(own.bootstrap, {"check.crcs": "false"}) as world:
        reader = await world.reader(topic)
        await reader.opened(1)
        assert await reader.values(1) == [b"first"]
        with pytest.raises(RejectedError, match="a batch of records is damaged"):
            await reader.read(1)


@pytest.mark.slow
async def test_a_batch_that_nobody_acknowledges_is_given_up(own: KafkaCluster) -> None:
    [broker] = own.brokers
    async with a_world(own.bootstrap, {"delivery.timeout.ms": "5000"}) as world:
        topic = await world.topic()
        producer = await world.producer()
        assert await send(producer, topic, Row(b"before")) == 0
        broker.pause()
        try:
            waiting = await submit(producer, topic, Row(b"lost?"))
            behind = await submit(producer, topic, Row(b"behind"))
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(OutcomeUnknownError, match=r"delivery\.timeout\.ms") as caught:
                    await waiting
                with pytest.raises(TransportError):
                    await behind
        finally:
            broker.resume()
        assert caught.value.hint is not None
        assert f"writing to {topic}/0" in str(caught.value)


def mounted(folder: Path, options: str) -> bool:
    """Put a file system in memory there; false when that is not allowed."""
    if os.geteuid() or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return not subprocess.run(command, check=False).returncode


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[KafkaCluster]:
    """A broker with 64 MiB of disk; needs to be allowed to mount file systems."""
    with contextlib.ExitStack() as ending:
        try:
            made = KafkaCluster(tmp_path)
            [broker] = made.brokers
            data = broker.folder / "data"
            data.mkdir()
            if not mounted(data, "size=64m"):
                pytest.skip("a small file system can be mounted by root alone")
            ending.callback(subprocess.run, ["umount", str(data)], check=True)
            ending.callback(made.stop)
            made.format()
            made.start()
        except STARTING as error:
            missing("kafka", str(error))
        yield made


@pytest.mark.slow
async def test_a_full_disk_is_said_and_what_was_acknowledged_is_kept(
    small_disk: KafkaCluster,
) -> None:
    [broker] = small_disk.brokers
    properties = {"delivery.timeout.ms": "3000", "compression.type": "none"}
    value, written = os.urandom(MEBIBYTE // 2), 0
    async with a_world(small_disk.bootstrap, properties) as world:
        topic = await world.topic()
        producer = await world.producer()
        error: TransportError | None = None
        while error is None:
            try:
                await send(producer, topic, Row(value))
                written += 1
            except TransportError as caught:
                error = caught
        assert f"writing to {topic}/0" in str(error)
        assert "disk" in str(error.hint)
        await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(mounted, broker.folder / "data", "remount,size=256m")
        await asyncio.to_thread(broker.start)
        assert await world.write(topic, b"after") >= written
        reader = await world.reader(topic)
        await reader.opened(1)
        assert await reader.values(written) == [value] * written
