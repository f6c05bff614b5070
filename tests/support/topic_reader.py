"""What lies in a topic, read by a client that is not ours; values are decoded by fastavro."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import fastavro
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition

from support.kube import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

HEADER = 10
"""Bytes before the datum: a marker of two, and the fingerprint of the schema."""


class Reader:
    """Reads topics of an application from their beginning, as often as it is asked."""

    def __init__(self, consumer: Any, schemas: Mapping[str, Any]) -> None:
        """`schemas` are the parsed ones, by fingerprint."""
        self._consumer = consumer
        self._schemas = schemas

    async def values(self, topic: str) -> list[Any]:
        """The values of all records that are in a topic now."""
        await self._consumer._client.set_topics([topic])
        places = [TopicPartition(topic, one) for one in self._consumer.partitions_for_topic(topic)]
        self._consumer.assign(places)
        await self._consumer.seek_to_beginning()
        ends = await self._consumer.end_offsets(places)
        found = []
        while any([await self._consumer.position(one) < ends[one] for one in places]):
            read = await self._consumer.getmany(timeout_ms=200)
            found += [self._decoded(one.value) for some in read.values() for one in some]
        return found

    async def until(self, topic: str, count: int) -> list[Any]:
        """The same, once there are at least so many."""

        async def are_there() -> list[Any]:
            found = await self.values(topic)
            return found if len(found) >= count else []

        return await eventually(are_there, f"{count} records in {topic}")

    def _decoded(self, data: bytes) -> Any:
        schema = self._schemas[data[2:HEADER].hex()]
        return fastavro.schemaless_reader(io.BytesIO(data[HEADER:]), schema, None)


@contextlib.asynccontextmanager
async def a_reader(bootstrap: str, *resources: Path) -> AsyncIterator[Reader]:
    """One that knows the schemas of applications' resources."""
    schemas = {key: one for each in resources for key, one in _schemas(each).items()}
    make: Any = AIOKafkaConsumer  # has no annotations
    consumer = make(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        yield Reader(consumer, schemas)
    finally:
        await consumer.stop()


def _schemas(resource: Path) -> dict[str, Any]:
    told = yaml.safe_load(resource.read_text())["spec"]["schemas"]
    return {
        one["fingerprint"]: fastavro.parse_schema(json.loads(one["text"]))
        for one in told
        if one["text"]  # what is not Avro may have none
    }
