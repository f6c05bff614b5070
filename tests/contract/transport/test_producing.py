"""What every transport owes to those who write."""

from __future__ import annotations

import asyncio
import math
import os
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import NotAttemptedError, RejectedError
from streamlet_sdk.runtime.transport import Claim
from support.transport import Row, deadline, send, submit

if TYPE_CHECKING:
    from streamlet_sdk.runtime.transport import Producer
    from support.transport import World


async def test_the_answer_to_a_batch_is_its_first_offset(world: World) -> None:
    topic = await world.topic()
    producer = await world.producer()
    assert await send(producer, topic, Row(b"a"), Row(b"b")) == 0
    assert await send(producer, topic, Row(b"c")) == 2


async def test_records_keep_key_value_headers_and_timestamp(world: World) -> None:
    topic = await world.topic()
    row = Row(b"value", b"key", 1_600_000_000_123, [("trace", b"\x00\xff"), ("trace", b"")])
    await send(await world.producer(), topic, row)
    reader = await world.reader(topic)
    await reader.opened(1)
    [record] = await reader.read(1)
    assert (record.offset, record.timestamp) == (0, 1_600_000_000_123)
    assert (record.key, record.value) == (b"key", b"value")
    assert [tuple(header) for header in record.headers] == [("trace", b"\x00\xff"), ("trace", b"")]


async def test_a_batch_that_is_not_packed_follows_one_that_is(world: World) -> None:
    topic = await world.topic()
    lane = await world.lane("lane")
    await lane.begin()
    for producer in (await world.producer(), lane):
        for packed in (True, False):
            batch = producer.batch(topic, 0, packed=packed)
            assert batch.append(None, b"packed" if packed else b"loose", 1, ())
            await (await producer.submit(batch))
    await lane.commit({}, None, deadline())
    reader = await world.reader(topic)
    await reader.opened(1)
    assert await reader.values(4) == [b"packed", b"loose"] * 2


async def test_null_and_empty_keys_and_values_stay_apart(world: World) -> None:
    topic = await world.topic()
    await send(await world.producer(), topic, Row(None, b"k"), Row(b"", b""), Row(b"v", None))
    reader = await world.reader(topic)
    await reader.opened(1)
    records = await reader.read(3)
    pairs = [(record.key, record.value) for record in records]
    assert pairs == [(b"k", None), (b"", b""), (None, b"v")]
    assert all(len(record.headers) == 0 for record in records)


async def test_batches_of_a_partition_are_written_in_the_order_of_submission(
    world: World,
) -> None:
    topic = await world.topic(partitions=2)
    producer = await world.producer()
    answers = [
        await submit(producer, topic, Row(b"%d" % number), at=number % 2) for number in range(40)
    ]
    async with asyncio.timeout(30):
        offsets = await asyncio.gather(*answers)
    assert offsets == [number // 2 for number in range(40)]
    reader = await world.reader(topic)
    await reader.opened(2)
    values = await reader.values(40)
    assert [v for v in values if v and int(v) % 2] == [b"%d" % n for n in range(1, 40, 2)]


async def test_a_batch_counts_what_it_holds_and_refuses_more_when_full(world: World) -> None:
    topic = await world.topic()
    producer = await world.producer()
    batch = producer.batch(topic, 0)
    assert (batch.count, batch.size >= 0) == (0, True)
    value = os.urandom(10_000)
    taken = 0
    while batch.append(None, value, 0, ()) and taken < 10_000:
        taken += 1
        assert batch.count == taken
        assert batch.size >= taken * 10_000
    assert 0 < taken < 10_000, "a batch must be bounded"
    assert batch.count == taken
    assert await (await producer.submit(batch)) == 0
    reader = await world.reader(topic)
    await reader.opened(1)
    assert await reader.values(taken) == [value] * taken


async def test_a_record_larger_than_can_be_carried_is_rejected_at_once(world: World) -> None:
    topic = await world.topic()
    producer = await world.producer()
    batch = producer.batch(topic, 0)
    assert batch.append(None, b"small", 0, ())
    with pytest.raises(RejectedError):
        batch.append(None, bytes(20_000_000), 0, ())
    assert batch.count == 1
    assert await (await producer.submit(batch)) == 0


async def test_what_the_topic_refuses_is_rejected_and_not_written(world: World) -> None:
    topic = await world.topic(max_message_bytes="2000")
    with pytest.raises(RejectedError):
        await send(await world.producer(), topic, Row(os.urandom(20_000)))
    await world.write(topic, b"fits")
    reader = await world.reader(topic)
    await reader.opened(1)
    assert await reader.values(1) == [b"fits"]


async def test_a_compacted_topic_refuses_records_without_a_key(world: World) -> None:
    topic = await world.topic(cleanup_policy="compact")
    with pytest.raises(RejectedError):
        await send(await world.producer(), topic, Row(b"value", None))
    assert await send(await world.producer(), topic, Row(b"value", b"key")) == 0


async def test_a_producer_knows_the_number_of_partitions(world: World) -> None:
    topic = await world.topic(partitions=3)
    assert await (await world.producer()).partitions(topic) == 3


async def test_a_missing_topic_has_no_partitions_and_is_not_made_by_asking(world: World) -> None:
    topic = world.name("missing")
    with pytest.raises(RejectedError):
        await (await world.producer()).partitions(topic)
    assert await world.transport.admin().topics([topic]) == {topic: None}


async def test_closing_with_flush_waits_for_what_was_submitted(world: World) -> None:
    topic = await world.topic()
    producer = await world.transport.producer()
    answers = [await submit(producer, topic, Row(b"%d" % number)) for number in range(20)]
    await producer.close(flush=True, deadline=deadline())
    assert [await answer for answer in answers] == list(range(20))


async def test_after_closing_no_answer_stays_open(world: World) -> None:
    topic = await world.topic()
    producer = await world.transport.producer()
    answers = [await submit(producer, topic, Row(b"%d" % number)) for number in range(20)]
    await producer.close(flush=False, deadline=deadline())
    done, _ = await asyncio.wait(answers, timeout=30)
    assert done == set(answers)
    assert [answer.exception() for answer in answers if answer.cancelled()] == []
    for answer in answers:
        answer.exception()


async def test_a_batch_waits_while_its_claim_is_in_doubt(world: World) -> None:
    topic = await world.topic()
    producer = await world.producer()
    claim = Claim(topic, 0, 1)
    claim.lease.until = 0.0
    answer = await submit_for(claim, producer, topic, b"mine")
    await send(await world.producer(), topic, Row(b"of somebody else"))
    assert not answer.done()
    claim.lease.until = math.inf
    assert await answer == 1


async def test_a_batch_is_not_sent_when_its_claim_has_died(world: World) -> None:
    topic = await world.topic()
    producer = await world.producer()
    claim = Claim(topic, 0, 1)
    claim.lease.until = 0.0
    answer = await submit_for(claim, producer, topic, b"too late")
    claim.alive = False
    # It is a claim of its group again, and not this one.
    claim.lease.until = math.inf
    with pytest.raises(NotAttemptedError, match="gone elsewhere"):
        await answer
    assert await send(await world.producer(), topic, Row(b"the first")) == 0


async def submit_for(
    claim: Claim, producer: Producer, topic: str, value: bytes
) -> asyncio.Future[int]:
    """Submit a record that comes of `claim`."""
    batch = producer.batch(topic, 0)
    assert batch.append(None, value, 1, ())
    batch.claims = [claim]
    return await producer.submit(batch)
