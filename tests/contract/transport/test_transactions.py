"""What every transport owes to those who need exactly once."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import FencedError, RejectedError
from support.transport import Row, deadline, send

if TYPE_CHECKING:
    from streamlet_sdk.runtime.transport import Claim, Lane
    from support.transport import Reader, World


async def _commit(lane: Lane, reader: Reader | None = None, **offsets: int) -> None:
    claims: dict[Claim, int] = {}
    if reader is not None:
        claims = {claim: offsets[f"p{claim.partition}"] for claim in reader.claims}
    await lane.commit(claims, reader.consumer if reader else None, deadline())


async def test_a_transaction_is_seen_when_it_is_committed_and_not_before(world: World) -> None:
    topic = await world.topic()
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    await send(lane, topic, Row(b"a"), Row(b"b"))
    await reader.nothing_comes()
    assert await reader.consumer.ends([claim]) == {claim: 0}
    await _commit(lane)
    assert await reader.values(2) == [b"a", b"b"]


async def test_a_reader_of_everything_sees_an_open_transaction(world: World) -> None:
    topic = await world.topic()
    reader = await world.reader(topic, read_committed=False)
    [claim] = await reader.opened(1)
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    await send(lane, topic, Row(b"a"))
    assert await reader.values(1) == [b"a"]
    assert await reader.consumer.ends([claim]) == {claim: 1}
    await lane.abort(deadline())


async def test_an_aborted_transaction_is_never_seen(world: World) -> None:
    topic = await world.topic()
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    await send(lane, topic, Row(b"aborted"))
    await lane.abort(deadline())
    await lane.begin()
    await send(lane, topic, Row(b"committed"))
    await _commit(lane)
    reader = await world.reader(topic)
    await reader.opened(1)
    assert await reader.values(1) == [b"committed"]
    await reader.nothing_comes()


async def test_a_reader_passes_the_gaps_that_transactions_leave(world: World) -> None:
    topic = await world.topic()
    lane = await world.lane(world.name("lane"))
    for value in (b"a", b"b"):
        await lane.begin()
        await send(lane, topic, Row(value))
        await _commit(lane)
    await lane.begin()
    await send(lane, topic, Row(b"aborted"))
    await lane.abort(deadline())
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    records = await reader.read(2)
    assert records[0].value == b"a"
    assert records[1].offset > records[0].offset + 1, "a marker lies between them"
    ends = await reader.consumer.ends([claim])
    async with asyncio.timeout(30):
        while reader.consumer.position(claim) < ends[claim]:
            assert [chunk.records for chunk in await reader.poll() if chunk.records] == []
    assert reader.consumer.position(claim) == ends[claim] > records[1].offset + 1


async def test_an_open_transaction_holds_back_what_lies_behind_it(world: World) -> None:
    topic = await world.topic()
    reader = await world.reader(topic)
    await reader.opened(1)
    lane = await world.lane(world.name("lane"))
    await world.write(topic, b"before")
    await lane.begin()
    await send(lane, topic, Row(b"inside"))
    await world.write(topic, b"behind")
    assert await reader.values(1) == [b"before"]
    await reader.nothing_comes()
    await _commit(lane)
    assert await reader.values(2) == [b"inside", b"behind"]


async def test_a_transaction_over_several_topics_is_one(world: World) -> None:
    topics = [await world.topic(), await world.topic(partitions=2)]
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    await send(lane, topics[0], Row(b"a"))
    await send(lane, topics[1], Row(b"b"), at=1)
    await lane.abort(deadline())
    await lane.begin()
    await send(lane, topics[0], Row(b"c"))
    await send(lane, topics[1], Row(b"d"), at=1)
    await _commit(lane)
    for topic, partitions, value in zip(topics, (1, 2), (b"c", b"d"), strict=True):
        reader = await world.reader(topic)
        await reader.opened(partitions)
        assert await reader.values(1) == [value]


async def test_offsets_are_committed_with_the_transaction(world: World) -> None:
    source, sink, group = await world.topic(), await world.topic(), world.name("group")
    await world.write(source, b"a", b"b")
    reader = await world.reader(source, group)
    await reader.owning(1)
    lane = await world.lane(world.name("lane"))
    await reader.opened(1)
    await reader.read(2)
    await lane.begin()
    await send(lane, sink, Row(b"A"))
    await _commit(lane, reader, p0=1)
    await lane.begin()
    await send(lane, sink, Row(b"B"))
    await lane.abort(deadline())
    admin = world.transport.admin()
    assert await admin.offsets(group) == {(source, 0): 1}
    await reader.close()
    again = await world.reader(source, group)
    await again.opened(1)
    assert again.positions == {0: 1}


async def test_aborting_without_a_transaction_is_harmless_unless_fenced(world: World) -> None:
    name = world.name("lane")
    lane = await world.lane(name)
    await lane.abort(deadline())
    await world.lane(name)
    with pytest.raises(FencedError):
        await lane.abort(deadline())


async def test_an_empty_transaction_may_be_committed(world: World) -> None:
    lane = await world.lane(world.name("lane"))
    for _ in range(2):
        await lane.begin()
        await _commit(lane)


async def test_offsets_alone_may_be_committed(world: World) -> None:
    source, group = await world.topic(), world.name("group")
    await world.write(source, b"dropped")
    reader = await world.reader(source, group)
    await reader.opened(1)
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    await _commit(lane, reader, p0=1)
    assert await world.transport.admin().offsets(group) == {(source, 0): 1}


async def test_a_newer_lane_fences_the_earlier_one_and_aborts_what_it_left(
    world: World,
) -> None:
    topic, name = await world.topic(), world.name("lane")
    old = await world.lane(name)
    await old.begin()
    await send(old, topic, Row(b"left open"))
    new = await world.lane(name)
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    ends = await reader.consumer.ends([claim])
    assert ends[claim] >= 1, "the transaction must not be open any more"
    with pytest.raises(FencedError):
        await _commit(old)
    await new.begin()
    await send(new, topic, Row(b"new"))
    await _commit(new)
    assert await reader.values(1) == [b"new"]


async def test_a_fenced_lane_can_neither_begin_nor_write(world: World) -> None:
    topic, name = await world.topic(), world.name("lane")
    idle, busy_name = await world.lane(name), world.name("lane")
    busy = await world.lane(busy_name)
    await busy.begin()
    await world.lane(name)
    await world.lane(busy_name)
    with pytest.raises(FencedError):
        await _write_one(idle, topic, begin=True)
    with pytest.raises(FencedError):
        await _write_one(busy, topic, begin=False)


async def _write_one(lane: Lane, topic: str, *, begin: bool) -> None:
    """As far as a lane gets; a broker may notice at any step, at the latest at the last."""
    if begin:
        await lane.begin()
    await send(lane, topic, Row(b"zombie"))
    await _commit(lane)


async def test_lanes_of_other_names_do_not_meet(world: World) -> None:
    topic = await world.topic()
    lanes = [await world.lane(world.name("lane")) for _ in range(2)]
    for lane in lanes:
        await lane.begin()
        await send(lane, topic, Row(b"value"))
    for lane in reversed(lanes):
        await _commit(lane)
    reader = await world.reader(topic)
    await reader.opened(1)
    await reader.read(2)


async def test_a_failed_batch_stops_the_commit(world: World) -> None:
    topic, small = await world.topic(), await world.topic(max_message_bytes="2000")
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    await send(lane, topic, Row(b"good"))
    batch = lane.batch(small, 0)
    batch.append(None, os.urandom(25_600), 0, ())
    answer = await lane.submit(batch)
    with pytest.raises(RejectedError):
        await _commit(lane)
    assert isinstance(answer.exception(), RejectedError)
    await lane.abort(deadline())
    reader = await world.reader(topic)
    await reader.opened(1)
    await reader.nothing_comes()


async def test_offsets_of_a_dead_claim_stop_the_commit(world: World) -> None:
    source, sink, group = await world.topic(), await world.topic(), world.name("group")
    await world.write(source, b"a")
    zombie = await world.reader(source, group)
    [claim] = await zombie.opened(1)
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    await send(lane, sink, Row(b"A"))
    await zombie.close()
    with pytest.raises(FencedError):
        await lane.commit({claim: 1}, zombie.consumer, deadline())
    await lane.abort(deadline())
    assert await world.transport.admin().offsets(group) == {}
    reader = await world.reader(sink)
    await reader.opened(1)
    await reader.nothing_comes()


async def test_a_commit_waits_for_what_was_submitted(world: World) -> None:
    topic = await world.topic()
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    answers = []
    for number in range(10):
        batch = lane.batch(topic, 0)
        batch.append(None, b"%d" % number, 0, ())
        answers.append(await lane.submit(batch))
    await _commit(lane)
    assert all(answer.done() for answer in answers)
    reader = await world.reader(topic)
    await reader.opened(1)
    assert await reader.values(10) == [b"%d" % number for number in range(10)]
