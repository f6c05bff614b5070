"""Faults of one reader or writer: a broker that forgets or freezes, a handler that blocks."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import FencedError, OutcomeUnknownError, TransportError
from support.kafka import a_world
from support.transport import PATIENCE, Row, deadline, eventually, send, submit
from testbed.kafka import cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamlet_sdk.runtime.transport import Lane
    from support.transport import World
    from testbed.kafka import Broker

pytestmark = pytest.mark.slow

# What takes a broker days or minutes takes this one a second.
HASTY = {
    "group.min.session.timeout.ms": "1000",
    "producer.id.expiration.check.interval.ms": "200",
    "producer.id.expiration.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
    "transaction.remove.expired.transaction.cleanup.interval.ms": "200",
    "transactional.id.expiration.ms": "1500",
}
SHORT = {
    "heartbeat.interval.ms": "300",
    "request.timeout.ms": "1000",
    "session.timeout.ms": "1500",
    "transaction.timeout.ms": "1000",
}


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A hasty broker, which a test may pause."""
    with cluster(properties=HASTY) as made:
        yield made.brokers[0]


@pytest.fixture
async def world(broker: Broker) -> AsyncIterator[World]:
    """Clients with short times; the broker goes on before they are closed."""
    async with a_world(broker.bootstrap, SHORT) as world:
        yield world
        broker.resume()


async def _transact(lane: Lane, topic: str, value: bytes) -> None:
    await lane.begin()
    await send(lane, topic, Row(value))
    await lane.commit({}, None, deadline())


async def _idle_and_transact(lane: Lane, topic: str) -> None:
    """Write after pauses until it is refused."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await asyncio.sleep(3)
            await _transact(lane, topic, b"again")


def _block(seconds: float) -> None:
    """As a handler that should be in a thread."""
    time.sleep(seconds)


async def test_an_id_that_expired_while_nothing_was_written_fences_and_a_new_lane_goes_on(
    world: World,
) -> None:
    topic, name = await world.topic(), world.name("lane")
    lane = await world.lane(name)
    await _transact(lane, topic, b"before")
    # The broker forgets it some time later and tells nobody.
    with pytest.raises(FencedError, match="producer id which is not currently assigned"):
        await _idle_and_transact(lane, topic)
    await lane.close(flush=False, deadline=deadline())
    await _transact(await world.lane(name), topic, b"after")
    reader = await world.reader(topic)
    await reader.opened(1)
    assert (await reader.values(2))[-1] == b"after"


async def test_a_writer_that_was_idle_for_long_goes_on(world: World) -> None:
    topic = await world.topic()
    producer = await world.producer()
    assert await send(producer, topic, Row(b"before")) == 0
    await asyncio.sleep(3)  # the broker forgets the producer
    assert await send(producer, topic, Row(b"after")) == 1


async def test_a_transaction_that_is_left_open_holds_readers_until_its_time_is_over(
    world: World,
) -> None:
    topic = await world.topic()
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    lane = await world.lane(world.name("lane"))
    await lane.begin()
    await send(lane, topic, Row(b"left open"))
    await lane.close(flush=False, deadline=deadline())
    await world.write(topic, b"behind")
    assert await reader.consumer.ends([claim]) == {claim: 0}, "what may be read ends here"
    assert await reader.values(1) == [b"behind"]
    ends = await reader.consumer.ends([claim])
    async with asyncio.timeout(PATIENCE):
        while reader.consumer.position(claim) < ends[claim]:
            await reader.poll()
    assert ends[claim] == 3, "two records and the marker"


async def test_everything_ends_in_its_time_while_the_broker_is_frozen(
    world: World, broker: Broker
) -> None:
    topic = await world.topic()
    transport = world.client("frozen")
    lanes = [await transport.lane(world.name("lane")) for _ in range(2)]
    for lane in lanes:
        await lane.begin()
        await send(lane, topic, Row(b"open"))
    producer = await transport.producer()
    await producer.partitions(topic)
    reader = await world.reader(topic, world.name("group"))
    [claim] = await reader.opened(1)
    broker.pause()
    answer = await submit(producer, topic, Row(b"lost"))
    async with asyncio.timeout(25):
        with pytest.raises(OutcomeUnknownError):
            await lanes[0].abort(deadline(1))
        with pytest.raises(OutcomeUnknownError):
            await lanes[1].commit({}, None, deadline(1))
        assert await reader.consumer.commit({claim: 0}, deadline(1)) == set()
        await reader.poll()
        await producer.close(flush=True, deadline=deadline(1))
        await reader.consumer.close(leave=True, deadline=deadline(1))
        await transport.close()
    assert isinstance(answer.exception(), TransportError)


async def test_a_consumer_closes_in_its_time_while_it_joins_a_frozen_broker(
    world: World, broker: Broker
) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    first = await world.reader(topic, group)
    await first.owning(2)
    second = await world.reader(topic, group)
    broker.pause()
    async with asyncio.timeout(15):
        await second.consumer.close(leave=True, deadline=deadline(1))
        await first.consumer.close(leave=True, deadline=deadline(1))


async def test_a_handler_that_waits_longer_than_the_session_keeps_its_claim(world: World) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a")
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    await reader.read(1)
    await asyncio.sleep(4)  # nobody polls, and nobody has to
    assert await reader.consumer.commit({claim: 1}, deadline()) == {claim}
    assert reader.journal.lost_claims == []


@pytest.mark.parametrize("member", ["", "named"])
async def test_a_handler_that_blocks_longer_than_the_session_loses_its_claim_and_reads_again(
    world: World, member: str
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a")
    reader = await world.reader(topic, group, member=member)
    [claim] = await reader.opened(1)
    await reader.read(1)
    _block(4)
    assert await reader.consumer.commit({claim: 1}, deadline()) == set()
    await eventually(lambda: not claim.alive, "the loss of the claim")
    assert reader.journal.lost_claims == [claim]
    await reader.opened(1)
    assert reader.positions == {0: 0}
    assert await reader.values(1) == [b"a"]
