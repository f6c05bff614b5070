"""How a real Kafka is read: nothing is fetched twice, and nothing is too large."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from aiokafka.protocol.fetch import FetchRequest

from streamlet_sdk.runtime.kafka.client import Client
from streamlet_sdk.runtime.kafka.consumer import KafkaConsumer
from streamlet_sdk.runtime.kafka.properties import Properties
from streamlet_sdk.runtime.transport import ConsumerSpec
from support.kafka import a_world
from support.transport import PATIENCE, Journal, Reader, Row, send

RECORD = 50_000
RECORDS = 60


class CountingClient(Client):
    """Counts the bytes of fetched records."""

    fetched = 0

    async def send(self, node_id: Any, request: Any, **how: Any) -> Any:
        untyped: Any = super()
        response = await untyped.send(node_id, request, **how)
        if isinstance(request, FetchRequest):
            self.fetched += sum(
                len(row[-1]) for _, partitions in response.topics for row in partitions
            )
        return response


async def test_a_claim_without_credit_costs_no_second_fetch(kafka: str) -> None:
    async with a_world(kafka) as world:
        topic = await world.topic(partitions=2)
        producer = await world.producer()
        for number in range(RECORDS):
            await send(producer, topic, Row(os.urandom(RECORD)), at=number % 2)
        client = CountingClient(kafka, "counting", Properties({}).connection())
        spec = ConsumerSpec(topic=topic, group=None)
        settings = Properties({}).consumer()
        reader = Reader(KafkaConsumer(lambda: client, spec, settings), Journal("reader", []))
        await reader.consumer.start(reader.journal)
        claims = await reader.opened(2)
        read = 0
        async with asyncio.timeout(PATIENCE):
            while read < RECORDS:
                # Each poll one of them has no credit, though its records are here.
                credit = {claims[read % 2]: 1}
                for chunk in await reader.consumer.poll(credit, 0.2):
                    read += len(chunk.records)
        await reader.close()
        assert client.fetched < 1.1 * RECORDS * RECORD


async def test_a_value_larger_than_what_is_fetched_at_once_arrives(kafka: str) -> None:
    limits = {"fetch.max.bytes": "1000", "max.partition.fetch.bytes": "1000"}
    async with a_world(kafka, limits) as world:
        topic = await world.topic()
        value = os.urandom(500_000)
        await world.write(topic, b"small", value, b"behind")
        reader = await world.reader(topic)
        await reader.opened(1)
        assert await reader.values(3) == [b"small", value, b"behind"]
