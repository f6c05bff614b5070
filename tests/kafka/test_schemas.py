"""The topic of schemas on a broker that dies and comes back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.serde import SchemaBook
from support.outside import avro
from testbed.kafka import cluster

pytestmark = pytest.mark.slow

FIRST, SECOND = (
    avro({"type": "record", "name": name, "fields": [{"name": "a", "type": "int"}]}).schema
    for name in ("First", "Second")
)


async def test_a_reader_that_waits_for_a_schema_hears_of_it_after_an_outage() -> None:
    with cluster() as brokers:
        broker = brokers.brokers[0]
        clients = [KafkaTransport(broker.bootstrap, client=name) for name in ("reads", "writes")]
        reads, writes = (SchemaTopic(client, SchemaBook()) for client in clients)
        await reads.start()
        await writes.start()
        await writes.publish(FIRST)
        assert await reads.known(FIRST.fingerprint, timedelta(seconds=30))
        broker.kill()
        waiting = asyncio.create_task(reads.known(SECOND.fingerprint, timedelta(minutes=2)))
        await asyncio.to_thread(broker.start)
        await writes.publish(SECOND)
        assert await waiting
        assert reads.book.text(SECOND.fingerprint) == SECOND.text
        for topic, client in zip((reads, writes), clients, strict=True):
            await topic.close()
            await client.close()
