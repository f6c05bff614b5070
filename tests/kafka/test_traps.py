"""What goes wrong with Kafka alone: each test is a trap of the client that the transport avoids."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import (
    ConfigurationError,
    NotAttemptedError,
    RejectedError,
    UnavailableError,
)
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.transport import TopicSpec
from support.transport import Row, World, deadline, eventually, send, submit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def world(kafka: str) -> AsyncIterator[World]:
    """Clients of a real Kafka."""
    properties = {"metadata.max.age.ms": "500"}
    async with World(lambda client: KafkaTransport(kafka, properties, client=client)) as world:
        yield world


async def test_what_waits_behind_a_failed_batch_is_not_attempted(world: World) -> None:
    topic, small = await world.topic(), await world.topic(max_message_bytes="2000")
    producer = await world.producer()
    failing = await submit(producer, small, Row(os.urandom(20_000)))
    behind = await submit(producer, small, Row(b"behind"))
    with pytest.raises(RejectedError):
        await failing
    with pytest.raises(NotAttemptedError):
        await behind
    with pytest.raises(NotAttemptedError):
        await send(producer, topic, Row(b"elsewhere"))
    await world.write(small, b"by a new producer")
    reader = await world.reader(small)
    await reader.opened(1)
    assert await reader.values(1) == [b"by a new producer"]


async def test_a_batch_for_a_missing_partition_is_rejected_at_once(world: World) -> None:
    topic = await world.topic()
    with pytest.raises(RejectedError, match="no partition 7"):
        await send(await world.producer(), topic, Row(b"lost"), at=7)


async def test_many_batches_at_once_keep_their_order(world: World) -> None:
    topic = await world.topic()
    producer = await world.producer()
    answers = [await submit(producer, topic, Row(b"%d" % number)) for number in range(300)]
    assert await asyncio.gather(*answers) == list(range(300))


async def test_a_start_at_the_end_is_not_chosen_again_after_a_restart(world: World) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"history")
    first = await world.reader(topic, group)
    await first.opened(1, "latest")
    await first.close()
    await world.write(topic, b"written while nobody was there")
    again = await world.reader(topic, group)
    await again.opened(1, "latest")
    assert await again.values(1) == [b"written while nobody was there"]


async def test_partitions_added_while_nobody_was_there_are_read_from_their_start(
    world: World,
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"history")
    first = await world.reader(topic, group)
    await first.opened(1, "latest")
    await first.close()
    await world.transport.admin().grow(topic, 2)
    await world.write(topic, b"new", partition=1)
    again = await world.reader(topic, group)
    await again.opened(2, "latest")
    assert again.positions == {0: 1, 1: 0}


async def test_a_partition_that_was_never_read_keeps_the_start_of_its_group(world: World) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    for partition in (0, 1):
        await world.write(topic, b"history", partition=partition)
    first = await world.reader(topic, group)
    claims = await first.owning(2)
    await first.consumer.open(claims[0], "latest")
    await first.close()
    again = await world.reader(topic, group)
    await again.opened(2, "latest")
    assert again.positions == {0: 1, 1: 1}


async def test_an_offset_is_not_read_while_a_transaction_commits_it(world: World) -> None:
    source, sink, group = await world.topic(), await world.topic(), world.name("group")
    await world.write(source, *(b"%d" % number for number in range(50)))
    reader = await world.reader(source, group)
    [claim] = await reader.opened(1)
    lane = await world.lane(world.name("lane"))
    for number in range(1, 20):
        await lane.begin()
        await send(lane, sink, Row(b"out"))
        await lane.commit({claim: number}, reader.consumer, deadline())
        assert await world.transport.admin().offsets(group) == {(source, 0): number}


async def test_a_static_leader_that_was_restarted_still_sees_new_partitions(world: World) -> None:
    topic, group = await world.topic(), world.name("group")
    reader = await world.reader(topic, group, member="only")
    await reader.owning(1)
    await reader.close(leave=False)
    again = await world.reader(topic, group, member="only")
    await again.owning(1)
    await world.transport.admin().grow(topic, 3)
    await again.owning(3)


async def test_a_consumer_closes_while_its_group_waits_for_others(world: World) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    slow = await world.reader(topic, group)
    await slow.owning(2)
    release = asyncio.Event()

    async def hold(_claims: object, _until: float) -> None:
        await release.wait()

    slow.journal.on_revoke = hold
    joining = await world.reader(topic, group)
    await eventually(lambda: slow.journal.revocations == 1, "the barrier")
    async with asyncio.timeout(3):
        await joining.close()
    release.set()
    slow.journal.on_revoke = lambda _claims, _until: None
    await slow.owning(2)


@pytest.mark.parametrize("asking", ["admin", "producer", "consumer"])
async def test_a_topic_is_not_made_by_asking_for_it(world: World, asking: str) -> None:
    missing = world.name("missing")
    admin = world.transport.admin()
    if asking == "admin":
        assert await admin.topics([missing]) == {missing: None}
    elif asking == "producer":
        with pytest.raises(RejectedError):
            await (await world.producer()).partitions(missing)
    else:
        with pytest.raises(RejectedError):
            await world.reader(missing)
    # A broker makes it later, when it makes it; what is asked for now comes later still.
    for _ in range(5):
        await world.topic()
    assert await admin.topics([missing]) == {missing: None}


async def test_who_comes_too_late_to_make_a_topic_finds_it(world: World) -> None:
    clients = [world.client("racer") for _ in range(8)]
    producers = [await client.producer() for client in clients]
    for _ in range(4):
        topic = world.name("topic")

        async def found(number: int, topic: str = topic) -> int:
            with suppress(RejectedError):
                await clients[number].admin().create(TopicSpec(name=topic, partitions=40))
            return await producers[number].partitions(topic)

        assert await asyncio.gather(*map(found, range(8))) == [40] * 8


async def test_no_broker_is_said_in_one_line_with_the_cause() -> None:
    transport = KafkaTransport("127.0.0.1:1")
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1.*Connect call failed") as caught:
        await transport.producer()
    assert caught.value.hint is not None
    await transport.close()


async def test_a_tls_client_of_a_plain_listener_gives_up_and_says_so(kafka: str) -> None:
    transport = KafkaTransport(kafka, {"security.protocol": "SSL", "request.timeout.ms": "1000"})
    with pytest.raises(UnavailableError, match=r"security\.protocol|can be reached"):
        await transport.producer()
    await transport.close()


async def test_properties_of_one_consumer_are_checked_before_it_connects(world: World) -> None:
    with pytest.raises(ConfigurationError, match=r"batch\.sizes"):
        await world.transport.producer({"batch.sizes": "1"})
