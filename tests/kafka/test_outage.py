"""A broker that dies and comes back: nothing is lost, nothing is written twice, nothing hangs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import OutcomeUnknownError
from streamlet_sdk.runtime.kafka import KafkaTransport
from support.transport import Row, World, deadline, send, submit
from testbed.kafka import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.kafka import Broker

pytestmark = pytest.mark.slow


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker that the test may kill."""
    with cluster() as made:
        yield made.brokers[0]


async def test_writing_and_reading_go_on_when_the_broker_is_back(broker: Broker) -> None:
    async with World(lambda client: KafkaTransport(broker.bootstrap, client=client)) as world:
        topic = await world.topic()
        producer = await world.producer()
        reader = await world.reader(topic, world.name("group"))
        await reader.opened(1)
        assert await send(producer, topic, Row(b"before")) == 0
        broker.kill()
        answers = [await submit(producer, topic, Row(b"%d" % number)) for number in range(3)]
        await asyncio.to_thread(broker.start)
        async with asyncio.timeout(60):
            assert await asyncio.gather(*answers) == [1, 2, 3]
        assert await reader.values(4) == [b"before", b"0", b"1", b"2"]
        [claim] = reader.claims
        assert await reader.consumer.commit({claim: 4}, deadline()) == {claim}


async def test_closing_keeps_its_deadlines_while_the_broker_is_away(broker: Broker) -> None:
    transport = KafkaTransport(broker.bootstrap)
    async with World(lambda client: KafkaTransport(broker.bootstrap, client=client)) as world:
        topic = await world.topic()
        reader = await world.reader(topic, world.name("group"))
        await reader.opened(1)
        producer = await transport.producer()
        await producer.partitions(topic)
        lane = await transport.lane(world.name("lane"))
        await lane.begin()
        await send(lane, topic, Row(b"open"))
        broker.kill()
        answer = await submit(producer, topic, Row(b"lost"))
        async with asyncio.timeout(15):
            with pytest.raises(OutcomeUnknownError):
                await lane.commit({}, None, deadline(1))
            await producer.close(flush=True, deadline=deadline(1))
            await reader.consumer.close(leave=True, deadline=deadline(1))
            await transport.close()
        assert answer.exception() is not None
