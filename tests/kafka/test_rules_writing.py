"""What is written to a real Kafka: codecs, keys, headers, and how many transactions are open."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streamlet_sdk.errors import OutcomeUnknownError, RejectedError
from streamlet_sdk.runtime.kafka.consumer import KafkaConsumer
from streamlet_sdk.runtime.kafka.lane import KafkaLane
from streamlet_sdk.runtime.kafka.producer import KafkaProducer
from streamlet_sdk.runtime.transport import Claim
from support.kafka import a_world
from support.transport import Row, deadline, send, submit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.transport import World


@pytest.fixture
async def world(kafka: str) -> AsyncIterator[World]:
    """Clients of a real Kafka."""
    async with a_world(kafka) as world:
        yield world


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
async def test_every_codec_makes_batches_smaller_and_is_read_again(kafka: str, codec: str) -> None:
    async with a_world(kafka, {"compression.type": codec}) as world:
        topic = await world.topic(max_message_bytes="4000")
        await world.write(topic, *[b"again " * 200] * 20)
        reader = await world.reader(topic)
        await reader.opened(1)
        assert await reader.values(20) == [b"again " * 200] * 20


async def test_batches_are_compressed_when_nobody_says_so_and_not_when_it_is_said(
    kafka: str, world: World
) -> None:
    topic = await world.topic(max_message_bytes="4000")
    await world.write(topic, *[b"again " * 200] * 20)
    async with a_world(kafka, {"compression.type": "none"}) as plain:
        with pytest.raises(RejectedError):
            await plain.write(topic, *[b"again " * 200] * 20)


async def test_headers_repeat_and_may_have_no_value(world: World) -> None:
    topic = await world.topic()
    headers: Any = [("trace", b"1"), ("trace", b"1"), ("none", None), ("empty", b"")]
    await send(await world.producer(), topic, Row(b"value", headers=headers))
    reader = await world.reader(topic)
    await reader.opened(1)
    [record] = await reader.read(1)
    assert [tuple(header) for header in record.headers] == headers


async def test_a_batch_that_was_handed_over_takes_no_more(world: World) -> None:
    topic = await world.topic()
    producer = await world.producer()
    batch = producer.batch(topic, 0)
    assert batch.append(None, b"in time", 0, ())
    answer = await producer.submit(batch)
    assert not batch.append(None, b"late", 0, ())
    assert await answer == 0
    assert await send(producer, topic, Row(b"next")) == 1


async def test_a_batch_that_is_too_large_for_the_topic_harms_no_other_topic(world: World) -> None:
    small, topic = await world.topic(max_message_bytes="2000"), await world.topic(partitions=2)
    values = [b"%d" % number for number in range(30)]
    producer = await world.producer()
    places = [(value, int(value) % 2) for value in values]
    answers = [await submit(producer, topic, Row(v), at=place) for v, place in places[:10]]
    failing = await submit(producer, small, Row(os.urandom(20_000)))
    answers += [await submit(producer, topic, Row(v), at=place) for v, place in places[10:]]
    with pytest.raises(RejectedError):
        await failing
    results = await asyncio.gather(*answers, return_exceptions=True)
    rest = [v for v, result in zip(values, results, strict=True) if not isinstance(result, int)]
    # What has no answer is sent again by a new producer: nothing is lost, the order stays.
    again = await world.producer()
    for value in rest:
        await send(again, topic, Row(value), at=int(value) % 2)
    reader = await world.reader(topic)
    await reader.opened(2)
    found = await reader.read(30)
    assert Counter(record.value for record in found) == Counter(values)


async def test_an_offset_is_not_told_while_a_transaction_may_change_it(world: World) -> None:
    source, group = await world.topic(), world.name("group")
    await world.write(source, b"a")
    reader = await world.reader(source, group)
    [claim] = await reader.opened(1)
    await reader.consumer.commit({claim: 0}, deadline())
    lane = await world.lane(world.name("lane"))
    assert isinstance(lane, KafkaLane)
    assert isinstance(reader.consumer, KafkaConsumer)
    await lane.begin()
    # As far as a lane gets that dies between its offsets and the end of its transaction.
    lane._line.sender.member = reader.consumer.member
    rows = {TopicPartition(source, 0): OffsetAndMetadata(1, "")}
    await lane._line.transactions.add_offsets_to_txn(rows, group)
    asking = asyncio.ensure_future(world.transport.admin().offsets(group))
    done, _ = await asyncio.wait({asking}, timeout=0.5)
    assert done == set()
    await lane.commit({}, None, deadline())
    assert await asking == {(source, 0): 1}


async def test_a_batch_that_waits_for_a_connection_is_not_sent_when_its_claim_has_died(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await world.topic()
    producer = await world.producer()
    assert isinstance(producer, KafkaProducer)
    claim = Claim(topic, 0, 1)
    ready = producer._client.ready

    async def slowly(*given: Any, **named: Any) -> bool:
        is_ready = bool(await ready(*given, **named))
        claim.alive = False
        return is_ready

    monkeypatch.setattr(producer._client, "ready", slowly)
    batch = producer.batch(topic, 0)
    assert batch.append(None, b"too late", 1, ())
    batch.claims = [claim]
    with pytest.raises(OutcomeUnknownError, match="gone elsewhere"):
        await (await producer.submit(batch))
    assert await send(await world.producer(), topic, Row(b"the first")) == 0
