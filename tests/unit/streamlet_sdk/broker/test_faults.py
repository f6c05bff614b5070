"""Planned faults, and what clients make of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from streamlet_sdk.broker import Fault
from streamlet_sdk.errors import (
    NotAttemptedError,
    OutcomeUnknownError,
    RejectedError,
    TransportError,
    UnavailableError,
)
from support.embedded import bench
from support.transport import Row, deadline, send, submit
from support.virtual_time import virtual_time


@pytest.mark.parametrize(
    ("fault", "error", "written"),
    [
        (Fault(rejected=True), RejectedError, []),
        (Fault(unanswered=True, done=False), OutcomeUnknownError, []),
        (Fault(unanswered=True, done=True), OutcomeUnknownError, [b"a"]),
    ],
)
@virtual_time
async def test_a_fault_meets_one_batch_and_spoils_its_producer(
    fault: Fault, error: type[TransportError], written: list[bytes]
) -> None:
    async with bench() as it:
        producer = await it.client().producer()
        it.broker.faults.batch("t", fault)
        with pytest.raises(error):
            await send(producer, "t", Row(b"a"))
        with pytest.raises(NotAttemptedError):
            await send(producer, "t", Row(b"b"), at=1)
        fresh = await it.client().producer()
        await send(fresh, "t", Row(b"c"))
        assert [r.value for r in it.broker.topic("t").records()] == [*written, b"c"]


@virtual_time
async def test_what_was_submitted_behind_a_failed_batch_is_not_written() -> None:
    async with bench() as it:
        producer = await it.client().producer()
        it.broker.faults.batch("t", Fault(rejected=True))
        answers = [await submit(producer, "t", Row(b"%d" % number)) for number in range(3)]
        await asyncio.wait(answers)
        errors = [type(answer.exception()) for answer in answers]
        assert errors == [RejectedError, NotAttemptedError, NotAttemptedError]
        assert it.broker.topic("t").records() == []


@virtual_time
async def test_a_delayed_batch_is_not_overtaken() -> None:
    async with bench() as it:
        producer = await it.client().producer()
        it.broker.faults.batch("t", Fault(delay=timedelta(seconds=5)))
        first = await submit(producer, "t", Row(b"a"))
        second = await submit(producer, "t", Row(b"b"))
        await asyncio.sleep(4)
        assert not first.done()
        assert not second.done()
        assert [await first, await second] == [0, 1]


@virtual_time
async def test_submitting_waits_while_too_much_is_under_way() -> None:
    async with bench() as it:
        producer = await it.client().producer({"buffer.memory": "1000"})
        it.broker.faults.cut()
        values = [b"%d" % number * 400 for number in range(5)]
        submitting = [asyncio.ensure_future(submit(producer, "t", Row(value))) for value in values]
        await asyncio.sleep(5)
        assert [task.done() for task in submitting] == [True, True, False, False, False]
        it.broker.faults.restore()
        await asyncio.gather(*[await task for task in submitting])
        assert [record.value for record in it.broker.topic("t").records()] == values


@virtual_time
async def test_a_small_batch_does_not_overtake_a_large_one_that_waits() -> None:
    async with bench() as it:
        producer = await it.client().producer({"buffer.memory": "1000"})
        it.broker.faults.cut()
        sizes = [500, 900, 10]
        submitting = [
            asyncio.ensure_future(submit(producer, "t", Row(bytes(size)))) for size in sizes
        ]
        await asyncio.sleep(5)
        assert [task.done() for task in submitting] == [True, False, False]
        it.broker.faults.restore()
        answers = [await task for task in submitting]
        assert [await answer for answer in answers] == [0, 1, 2]


@virtual_time
async def test_a_batch_larger_than_the_buffer_goes_alone() -> None:
    async with bench() as it:
        producer = await it.client().producer({"buffer.memory": "10"})
        for number in range(3):
            assert await send(producer, "t", Row(bytes(100))) == number


@virtual_time
async def test_without_a_broker_polls_are_empty_and_commits_unconfirmed() -> None:
    async with bench() as it:
        producer = await it.client().producer()
        await send(producer, "t", Row(b"a"))
        reader = await it.reader()
        claims = await reader.opened(2)
        it.broker.faults.cut()
        assert await reader.poll(timeout=3.0) == []
        assert await reader.consumer.commit({claims[0]: 1}, deadline(3)) == set()
        with pytest.raises(UnavailableError):
            await reader.consumer.ends(claims)
        with pytest.raises(UnavailableError):
            await it.client().producer()
        polling = asyncio.ensure_future(reader.poll(timeout=1000.0))
        await asyncio.sleep(1)
        it.broker.faults.restore()
        [chunk] = await polling
        assert [record.value for record in chunk.records] == [b"a"]


@virtual_time
async def test_a_refused_commit_is_not_confirmed_and_not_stored() -> None:
    async with bench() as it:
        reader = await it.reader()
        [claim, _] = await reader.opened(2)
        it.broker.faults.refuse_commits("g")
        assert await reader.consumer.commit({claim: 1}, deadline()) == set()
        assert await it.client().admin().offsets("g") == {}
        assert await reader.consumer.commit({claim: 1}, deadline()) == {claim}


@pytest.mark.parametrize("done", [True, False])
@virtual_time
async def test_a_transaction_without_an_answer_is_decided_by_the_next_lane(*, done: bool) -> None:
    async with bench(1) as it:
        reader = await it.reader()
        [claim] = await reader.opened(1)
        lane = await it.client().lane("lane")
        it.broker.faults.transaction("lane", Fault(unanswered=True, done=done))
        await lane.begin()
        await send(lane, "t", Row(b"a"))
        with pytest.raises(OutcomeUnknownError):
            await lane.commit({claim: 7}, reader.consumer, deadline())
        await it.client().lane("lane")
        assert len(it.broker.topic("t").records()) == int(done)
        assert await it.client().admin().offsets("g") == ({("t", 0): 7} if done else {})


@virtual_time
async def test_a_refused_transaction_may_be_aborted() -> None:
    async with bench(1) as it:
        lane = await it.client().lane("lane")
        it.broker.faults.transaction("lane", Fault(rejected=True))
        await lane.begin()
        await send(lane, "t", Row(b"a"))
        with pytest.raises(RejectedError):
            await lane.commit({}, None, deadline())
        await lane.abort(deadline())
        await lane.begin()
        await send(lane, "t", Row(b"b"))
        await lane.commit({}, None, deadline())
        assert [record.value for record in it.broker.topic("t").records()] == [b"b"]


@virtual_time
async def test_a_commit_whose_batches_hang_ends_at_its_deadline() -> None:
    async with bench(1) as it:
        lane = await it.client().lane("lane")
        await lane.begin()
        it.broker.faults.cut()
        answer = await submit(lane, "t", Row(b"a"))
        with pytest.raises(OutcomeUnknownError):
            await lane.commit({}, None, deadline(3))
        with pytest.raises(OutcomeUnknownError):
            await lane.abort(deadline(3))
        assert isinstance(answer.exception(), NotAttemptedError)
        it.broker.faults.restore()
        await it.client().lane("lane")
        assert it.broker.topic("t").records() == []


@virtual_time
async def test_a_lane_goes_on_after_aborting_what_hung() -> None:
    async with bench(1) as it:
        lane = await it.client().lane("lane")
        it.broker.faults.batch("t", Fault(delay=timedelta(seconds=60)))
        await lane.begin()
        hung = await submit(lane, "t", Row(b"a"))
        await lane.abort(deadline(3))
        assert isinstance(hung.exception(), NotAttemptedError)
        await lane.begin()
        assert await send(lane, "t", Row(b"b")) == 0
        await lane.commit({}, None, deadline())
        assert [record.value for record in it.broker.topic("t").records()] == [b"b"]
