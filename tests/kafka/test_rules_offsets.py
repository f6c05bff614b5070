"""Where reading goes on when an offset is gone: by the inlet's start, and never silently."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import RequestTimedOutError
from aiokafka.protocol.admin import DeleteRecordsRequest

from streamlet_sdk.runtime.kafka.consumer import KafkaConsumer
from streamlet_sdk.runtime.kafka.membership import Coordinator
from streamlet_sdk.runtime.transport import TopicSpec
from support.kafka import a_world, ask
from support.transport import PATIENCE, deadline, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamlet_sdk.runtime.transport import Start
    from support.transport import Reader, World


@pytest.fixture
async def world(kafka: str) -> AsyncIterator[World]:
    """Clients of a real Kafka."""
    async with a_world(kafka) as world:
        yield world


async def _expire(bootstrap: str, topic: str, before: int) -> None:
    """Remove records as retention does."""
    rows: Any = [(topic, [(0, before)])]
    response = await ask(bootstrap, DeleteRecordsRequest(rows, 10_000))
    assert [row[2] for _, rows in [each[:2] for each in response.topics] for row in rows] == [0]


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name.startswith("streamlet_sdk")
    ]


async def _committed_at(world: World, topic: str, group: str, offset: int) -> None:
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    await reader.consumer.commit({claim: offset}, deadline())
    await reader.close()


@pytest.mark.parametrize(("start", "position", "skipped"), [("earliest", 6, 4), ("latest", 10, 8)])
async def test_records_that_went_while_nobody_read_are_counted_in_a_warning(
    kafka: str,
    world: World,
    caplog: pytest.LogCaptureFixture,
    start: Start,
    position: int,
    skipped: int,
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, *(b"%d" % number for number in range(10)))
    await _committed_at(world, topic, group, 2)
    await _expire(kafka, topic, 6)
    reader = await world.reader(topic, group)
    await reader.opened(1, start)
    assert reader.positions == {0: position}
    assert await _read(reader, 10 - position) == list(range(position, 10))
    [said] = _warnings(caplog)
    assert f"no offset 2 of {topic}/0, which has offsets 6 to 10" in said
    assert f"from {start}, {position}: {skipped} offsets are skipped" in said


async def test_records_that_go_ahead_of_a_reader_are_counted_in_a_warning(
    kafka: str, caplog: pytest.LogCaptureFixture
) -> None:
    # The first fetch brings one batch, and the next one is asked for when that has been read.
    async with a_world(kafka, {"max.partition.fetch.bytes": "1"}) as world:
        topic = await world.topic()
        for number in range(10):
            await world.write(topic, b"%d" % number)
        reader = await world.reader(topic, world.name("group"))
        await reader.opened(1)
        [claim] = reader.claims
        [first] = await reader.poll(timeout=PATIENCE)
        await _expire(kafka, topic, 8)
        behind = [record.offset for record in first.records]
        async with asyncio.timeout(PATIENCE):
            while reader.consumer.position(claim) < 10:
                for chunk in await reader.poll():
                    behind += [record.offset for record in chunk.records]
        [said] = _warnings(caplog)
        read_to = behind.index(8)
        assert behind == [*range(read_to), 8, 9]
        assert f"no offset {read_to} of {topic}/0, which has offsets 8 to 10" in said
        assert f"from earliest, 8: {8 - read_to} offsets are skipped" in said


async def test_a_start_at_the_end_for_want_of_an_offset_is_not_chosen_again(
    kafka: str, world: World
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b", b"c")
    await _committed_at(world, topic, group, 0)
    await _expire(kafka, topic, 2)
    first = await world.reader(topic, group)
    await first.opened(1, "latest")
    await first.close()
    await world.write(topic, b"written while nobody was there")
    again = await world.reader(topic, group)
    await again.opened(1, "latest")
    assert await again.values(1) == [b"written while nobody was there"]


async def _read(reader: Reader, count: int) -> list[int]:
    return [record.offset for record in await reader.read(count)] if count else []


@pytest.mark.parametrize(("start", "position", "skipped"), [("earliest", 0, 0), ("latest", 3, 3)])
async def test_an_offset_behind_the_end_of_a_topic_that_was_made_again_is_told(
    world: World,
    caplog: pytest.LogCaptureFixture,
    start: Start,
    position: int,
    skipped: int,
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b", b"c")
    await _committed_at(world, topic, group, 1000)
    reader = await world.reader(topic, group)
    await reader.opened(1, start)
    assert reader.positions == {0: position}
    [said] = _warnings(caplog)
    assert f"no offset 1000 of {topic}/0, which has offsets 0 to 3" in said
    assert f"from {start}, {position}: {skipped} offsets are skipped" in said


async def test_a_topic_that_is_deleted_and_made_again_is_read_from_its_start(
    world: World,
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, *(b"old %d" % number for number in range(5)))
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    await reader.read(5)
    await reader.consumer.commit({claim: 5}, deadline())
    admin = world.transport.admin()
    await admin.delete(topic)
    await eventually(lambda: not claim.alive, "the end of the claim")
    await admin.create(TopicSpec(name=topic))
    await world.write(topic, b"new")
    await reader.opened(1)
    assert await reader.values(1) == [b"new"]


async def test_an_offset_behind_the_end_is_replaced_before_it_becomes_a_wrong_one(
    world: World,
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b")
    await _committed_at(world, topic, group, 3)
    first = await world.reader(topic, group)
    await first.opened(1)
    await first.close()
    await world.write(topic, b"c", b"d")
    again = await world.reader(topic, group)
    await again.opened(1)
    assert await again.values(4) == [b"a", b"b", b"c", b"d"]


async def test_a_claim_whose_topic_was_made_again_ends_and_another_begins_at_the_start(
    world: World,
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b")
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    assert isinstance(reader.consumer, KafkaConsumer)
    assert reader.consumer._reading is not None
    # As if it had read the earlier topic so far, and commits that when it is asked to finish.
    reader.consumer._seek(reader.consumer._reading, claim, 50)
    reader.journal.on_revoke = lambda _claims, until: reader.consumer.commit({claim: 50}, until)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await reader.read(1)
    assert not claim.alive
    assert reader.journal.revocations == 1
    await world.write(topic, *[b"more"] * 60)
    await reader.opened(1)
    assert (await reader.values(62))[:2] == [b"a", b"b"]
    assert await world.transport.admin().offsets(group) == {(topic, 0): 0}


async def test_a_commit_that_came_too_late_takes_back_no_later_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {1}

    async def committed(self: Any, assignment: Any, offsets: Any) -> None:
        if refused.intersection(each.offset for each in offsets.values()):
            raise RequestTimedOutError
        await done(self, assignment, offsets)

    done = Coordinator._do_commit_offsets
    monkeypatch.setattr(Coordinator, "_do_commit_offsets", committed)
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b", b"c")
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    assert await reader.consumer.commit({claim: 1}, deadline(0.3)) == set()
    assert await reader.consumer.commit({claim: 2}, deadline()) == {claim}
    refused.clear()
    await asyncio.sleep(1)
    await reader.close()
    after = await world.reader(topic, group)
    await after.opened(1)
    assert await after.values(1) == [b"c"]
