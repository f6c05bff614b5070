"""What every transport owes to one reader."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import FencedError, RejectedError
from streamlet_sdk.runtime.transport import ConsumerSpec
from support.transport import Journal, Row, deadline, send

if TYPE_CHECKING:
    from support.transport import World


async def test_without_a_committed_offset_the_start_decides(world: World) -> None:
    topic = await world.topic()
    await world.write(topic, b"early")
    first = await world.reader(topic, world.name("group"))
    late = await world.reader(topic, world.name("group"))
    await first.opened(1, "earliest")
    await late.opened(1, "latest")
    assert (first.positions, late.positions) == ({0: 0}, {0: 1})
    await world.write(topic, b"late")
    assert await first.values(2) == [b"early", b"late"]
    assert await late.values(1) == [b"late"]


async def test_a_committed_offset_wins_over_the_start(world: World) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b", b"c")
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    assert await reader.consumer.commit({claim: 1}, deadline()) == {claim}
    await reader.close()
    again = await world.reader(topic, group)
    await again.opened(1, "latest")
    assert again.positions == {0: 1}
    assert await again.values(2) == [b"b", b"c"]


@pytest.mark.parametrize(("start", "position"), [("earliest", 0), ("latest", 2)])
async def test_a_committed_offset_out_of_range_leaves_it_to_the_start(
    world: World, start: str, position: int
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b")
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    await reader.consumer.commit({claim: 1000}, deadline())
    await reader.close()
    again = await world.reader(topic, group)
    [claim] = await again.owning(1)
    assert await again.consumer.open(claim, "latest" if start == "latest" else "earliest") == (
        position
    )


async def test_nothing_is_fetched_before_a_claim_is_opened(world: World) -> None:
    topic = await world.topic(partitions=2)
    await world.write(topic, b"zero", partition=0)
    await world.write(topic, b"one", partition=1)
    reader = await world.reader(topic)
    claims = await reader.owning(2)
    await reader.consumer.open(claims[1], "earliest")
    assert await reader.values(1) == [b"one"]
    await reader.nothing_comes()
    await reader.consumer.open(claims[0], "earliest")
    assert await reader.values(1) == [b"zero"]


async def test_credit_bounds_each_claim_and_no_record_comes_twice(world: World) -> None:
    topic = await world.topic(partitions=2)
    for partition in (0, 1):
        values = [b"%d" % number for number in range(100)]
        await world.write(topic, *values, partition=partition)
    reader = await world.reader(topic)
    zero, one = await reader.opened(2)
    offsets: dict[int, list[int]] = {0: [], 1: []}
    async with asyncio.timeout(30):
        while sum(map(len, offsets.values())) < 200:
            for chunk in await reader.consumer.poll({zero: 7, one: 3}, 1.0):
                assert len(chunk.records) <= {zero: 7, one: 3}[chunk.claim]
                offsets[chunk.claim.partition] += [record.offset for record in chunk.records]
    assert offsets == {0: list(range(100)), 1: list(range(100))}


async def test_a_claim_without_credit_is_left_alone(world: World) -> None:
    topic = await world.topic(partitions=2)
    await world.write(topic, b"zero", partition=0)
    await world.write(topic, b"one", partition=1)
    reader = await world.reader(topic)
    zero, one = await reader.opened(2)
    for credit in ({one: 5}, {one: 5, zero: 0}):
        chunks = await reader.consumer.poll(credit, 1.0)
        assert {chunk.claim for chunk in chunks} <= {one}
    assert reader.consumer.position(zero) == 0
    assert await reader.values(1) == [b"zero"]


async def test_a_chunk_says_where_reading_goes_on(world: World) -> None:
    topic = await world.topic()
    await world.write(topic, b"a" * 10, b"b" * 10, b"c" * 10)
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    read = 0
    async with asyncio.timeout(30):
        while read < 3:
            for chunk in await reader.consumer.poll({claim: 2}, 1.0):
                read += len(chunk.records)
                assert chunk.next_offset == read == reader.consumer.position(claim)
                assert chunk.size >= 10 * len(chunk.records)


async def test_a_poll_that_finds_nothing_ends_after_its_time(world: World) -> None:
    topic = await world.topic()
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    loop = asyncio.get_running_loop()
    for credit in ({claim: 10}, {}):
        before = loop.time()
        assert await reader.consumer.poll(credit, 0.2) == []
        assert loop.time() - before >= 0.15


async def test_a_waiting_poll_returns_when_a_record_arrives(world: World) -> None:
    topic = await world.topic()
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    polling = asyncio.ensure_future(reader.consumer.poll({claim: 10}, 1000.0))
    await asyncio.sleep(0.05)
    await world.write(topic, b"at last")
    async with asyncio.timeout(30):
        [chunk] = await polling
    assert [record.value for record in chunk.records] == [b"at last"]


async def test_cancelling_a_poll_loses_no_record(world: World) -> None:
    topic = await world.topic()
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    producer = await world.producer()
    seen: list[int] = []
    for number in range(50):
        polling = asyncio.ensure_future(reader.consumer.poll({claim: 10}, 1000.0))
        await send(producer, topic, Row(b"%d" % number))
        if number % 2:
            await asyncio.sleep(0)
        polling.cancel()
        for chunks in await asyncio.gather(polling, return_exceptions=True):
            if isinstance(chunks, list):
                seen += [record.offset for chunk in chunks for record in chunk.records]
    seen += [record.offset for record in await reader.read(50 - len(seen))]
    assert seen == list(range(50))


async def test_records_of_many_megabytes_all_arrive(world: World) -> None:
    topic = await world.topic()
    value = bytes(500_000)
    for _ in range(40):
        await world.write(topic, value)
    reader = await world.reader(topic)
    await reader.opened(1)
    chunks = await reader.poll(credit=1000, timeout=5.0)
    assert 0 < sum(chunk.size for chunk in chunks) < 20_000_000, "a poll must be bounded in bytes"
    rest = 40 - sum(len(chunk.records) for chunk in chunks)
    assert len(await reader.read(rest)) == rest


async def test_the_end_is_past_the_last_record(world: World) -> None:
    topic = await world.topic(partitions=2)
    await world.write(topic, b"a", b"b", partition=1)
    reader = await world.reader(topic)
    zero, one = await reader.opened(2)
    assert await reader.consumer.ends([zero, one]) == {zero: 0, one: 2}
    assert reader.consumer.position(one) == 0


async def test_a_reader_without_a_group_claims_everything_and_commits_nothing(
    world: World,
) -> None:
    topic = await world.topic(partitions=3)
    readers = [await world.reader(topic), await world.reader(topic)]
    await world.write(topic, b"for all", partition=2)
    for reader in readers:
        claims = await reader.opened(3)
        assert await reader.values(1) == [b"for all"]
        assert await reader.consumer.commit(dict.fromkeys(claims, 1), deadline()) == set()


async def test_a_reader_without_a_group_claims_partitions_that_are_added(world: World) -> None:
    topic = await world.topic()
    await world.write(topic, b"before")
    reader = await world.reader(topic)
    await reader.opened(1, "latest")
    await world.transport.admin().grow(topic, 2)
    await world.write(topic, b"after", partition=1)
    _, added = await reader.owning(2)
    assert await reader.consumer.open(added, "latest") == 0
    assert await reader.values(1) == [b"after"]


async def test_a_dead_claim_is_neither_opened_nor_fetched(world: World) -> None:
    topic = await world.topic()
    await world.write(topic, b"a")
    reader = await world.reader(topic, world.name("group"))
    [claim] = await reader.opened(1)
    await reader.close()
    assert not claim.alive
    with pytest.raises(FencedError):
        await reader.consumer.open(claim, "earliest")


async def test_closing_revokes_and_closing_twice_is_harmless(world: World) -> None:
    topic = await world.topic()
    reader = await world.reader(topic)
    [claim] = await reader.owning(1)
    await reader.close()
    await reader.close()
    assert (reader.journal.revocations, claim.alive) == (1, False)


async def test_a_topic_that_is_not_there_cannot_be_read(world: World) -> None:
    spec = ConsumerSpec(topic=world.name("missing"), group=None)
    consumer = world.transport.consumer(spec)
    with pytest.raises(RejectedError):
        await consumer.start(Journal("reader", []))
    assert await world.transport.admin().topics([spec.topic]) == {spec.topic: None}


async def test_there_is_no_position_before_a_claim_is_opened(world: World) -> None:
    reader = await world.reader(await world.topic())
    [claim] = await reader.owning(1)
    with pytest.raises(FencedError):
        reader.consumer.position(claim)


async def test_a_claim_may_be_opened_again_to_go_back_to_what_was_committed(
    world: World,
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b", b"c")
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    await reader.consumer.commit({claim: 1}, deadline())
    assert await reader.values(3) == [b"a", b"b", b"c"]
    assert await reader.consumer.open(claim, "earliest") == 1
    assert await reader.values(2) == [b"b", b"c"]


async def test_a_consumer_that_was_never_started_can_be_closed(world: World) -> None:
    consumer = world.transport.consumer(ConsumerSpec(topic=world.name("any"), group=None))
    await consumer.close(leave=True, deadline=deadline())
