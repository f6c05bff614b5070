"""Bounds, shares, gaps and the look from outside: what the contract suite cannot ask for."""

from __future__ import annotations

import asyncio

import pytest

from streamlet_sdk.broker import EmbeddedBroker, StoredRecord
from streamlet_sdk.errors import RejectedError
from streamlet_sdk.runtime.transport import TopicSpec
from support.embedded import bench
from support.transport import Row, deadline, send
from support.virtual_time import virtual_time

MIB = 1024 * 1024


@virtual_time
async def test_a_poll_is_bounded_in_bytes_over_all_claims() -> None:
    async with bench() as it:
        producer = await it.client().producer()
        for number in range(20):
            await send(producer, "t", Row(bytes(MIB - 100)), at=number % 2)
        reader = await it.reader()
        await reader.opened(2)
        sizes = [[chunk.size for chunk in await reader.poll()] for _ in range(4)]
        assert all(sum(size) <= 8 * MIB for size in sizes)
        assert sum(map(sum, sizes)) > 19 * MIB


@virtual_time
async def test_a_record_beyond_the_bound_of_a_poll_still_comes_and_alone() -> None:
    async with bench(1, EmbeddedBroker(max_record_bytes=20 * MIB)) as it:
        producer = await it.client().producer()
        for size in (10, 10 * MIB, 10):
            await send(producer, "t", Row(bytes(size)))
        reader = await it.reader()
        await reader.opened(1)
        counts = [[len(c.records) for c in await reader.poll()] for _ in range(3)]
        assert counts == [[1], [1], [1]]


@virtual_time
async def test_a_busy_partition_does_not_starve_the_others() -> None:
    async with bench(3, EmbeddedBroker(max_record_bytes=20 * MIB)) as it:
        producer = await it.client().producer()
        for number in range(9):
            await send(producer, "t", Row(bytes(9 * MIB)), at=number % 3)
        reader = await it.reader()
        await reader.opened(3)
        seen = {chunk.claim.partition for _ in range(3) for chunk in await reader.poll()}
        assert seen == {0, 1, 2}


@virtual_time
async def test_polls_give_other_tasks_a_turn() -> None:
    async with bench(1) as it:
        await send(await it.client().producer(), "t", *(Row(b"") for _ in range(100)))
        reader = await it.reader()
        await reader.opened(1)
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count_turns())
        for _ in range(50):
            await reader.poll(credit=1)
        counting.cancel()
        assert turns >= 50


@virtual_time
async def test_a_batch_takes_nothing_after_it_was_handed_over() -> None:
    async with bench(1) as it:
        producer = await it.client().producer()
        batch = producer.batch("t", 0)
        assert batch.append(None, b"a", 0, ())
        await (await producer.submit(batch))
        assert not batch.append(None, b"late", 0, ())
        assert not batch.append(None, bytes(2 * MIB), 0, ())
        assert [record.value for record in it.broker.topic("t").records()] == [b"a"]


@virtual_time
async def test_changing_the_headers_later_changes_no_record() -> None:
    async with bench(1) as it:
        headers = [("a", b"1")]
        await send(await it.client().producer(), "t", Row(b"v", headers=headers))
        headers.append(("b", b"2"))
        [record] = it.broker.topic("t").records()
        assert record.headers == (("a", b"1"),)


@virtual_time
async def test_a_batch_has_the_size_that_was_asked_for() -> None:
    async with bench(1) as it:
        batch = (await it.client().producer({"batch.size": "300"})).batch("t", 0)
        assert batch.append(None, bytes(1000), 0, ()), "the first record always has room"
        assert not batch.append(None, b"", 0, ())
        small = await it.client().producer({"max.request.size": "100"})
        with pytest.raises(RejectedError, match="larger than the 100 bytes"):
            small.batch("t", 0).append(None, bytes(101), 0, ())


@virtual_time
async def test_a_partition_that_is_not_there_rejects() -> None:
    async with bench(1) as it:
        for topic, partition in (("t", 1), ("t", -1), ("missing", 0)):
            with pytest.raises(RejectedError):
                await send(await it.client().producer(), topic, Row(b"v"), at=partition)


@virtual_time
async def test_compacting_leaves_gaps_that_readers_pass() -> None:
    async with bench(1) as it:
        rows = [Row(b"1", b"a"), Row(b"2", b"b"), Row(b"3", b"a"), Row(None, b"b")]
        await send(await it.client().producer(), "t", *rows)
        reader = await it.reader()
        [claim] = await reader.opened(1)
        it.broker.topic("t").compact()
        [chunk] = await reader.consumer.poll({claim: 1}, 0.0)
        assert [record.offset for record in chunk.records] == [2]
        assert chunk.next_offset == 3
        [chunk] = await reader.consumer.poll({claim: 9}, 0.0)
        assert [(record.key, record.value) for record in chunk.records] == [(b"b", None)]


@virtual_time
async def test_a_committed_offset_that_retention_overtook_is_out_of_range() -> None:
    async with bench(1) as it:
        await send(await it.client().producer(), "t", *(Row(b"%d" % n) for n in range(5)))
        reader = await it.reader()
        [claim] = await reader.opened(1)
        await reader.consumer.commit({claim: 1}, deadline())
        it.broker.topic("t").partitions[0].trim(3)
        assert await reader.consumer.open(claim, "earliest") == 3
        assert await reader.consumer.open(claim, "latest") == 5
        assert await reader.consumer.open(claim, "earliest") == 3
        assert await reader.values(2) == [b"3", b"4"]


@virtual_time
async def test_topics_can_be_looked_into() -> None:
    async with bench() as it:
        producer = await it.client().producer()
        await send(producer, "t", Row(b"x", b"k", 7, [("h", b"1")]), at=1)
        assert it.broker.topics == ("t",)
        assert it.broker.topic("t").records() == [StoredRecord(1, 0, 7, b"k", b"x", (("h", b"1"),))]
        with pytest.raises(RejectedError):
            it.broker.topic("missing")


@virtual_time
async def test_a_topic_made_again_is_assigned_again() -> None:
    async with bench() as it:
        reader, solo = await it.reader(), await it.reader("solo", group=None)
        await it.client().admin().grow("t", 3)
        await asyncio.sleep(0.1)
        await it.client().admin().delete("t")
        assert reader.partitions == solo.partitions == []
        it.broker.create(TopicSpec(name="t", partitions=3))
        await asyncio.sleep(0.1)
        assert reader.partitions == solo.partitions == [0, 1, 2]
        assert len(solo.journal.lost_claims) == 3
        await send(await it.client().producer(), "t", Row(b"new"), at=2)
        assert await solo.consumer.open(solo.claims[2], "latest") == 1
        assert await reader.consumer.open(reader.claims[2], "latest") == 1


@virtual_time
async def test_reading_starts_once_and_only_what_exists() -> None:
    async with bench() as it:
        reader = await it.reader()
        with pytest.raises(RejectedError):
            await reader.consumer.start(reader.journal)
        await it.client().admin().delete("t")
        with pytest.raises(RejectedError):
            await it.consumer("late").start(reader.journal)
