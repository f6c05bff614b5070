"""The topic of schemas on a real Kafka: made once, compacted, right with many writers at once."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk.errors import SchemaConflictError
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.runtime.transport import TopicSpec
from streamlet_sdk.serde import SchemaBook
from support.kafka import a_world
from support.outside import avro
from support.transport import PATIENCE, Row, eventually, send

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamlet_sdk.serde import Schema
    from support.transport import World

# A process that publishes some schemas of its own and one that all have.
PROCESS = """
import asyncio, sys
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.serde import SchemaBook
from streamlet_sdk.serde.avro import AvroCodec
from streamlet_sdk.serde.parsing import parse_schema

bootstrap, topic, number = sys.argv[1:]

def schema(name):
    text = '{"type": "record", "name": "%s", "fields": []}' % name
    return AvroCodec(parse_schema(text, "a schema"), None, SchemaBook()).schema

async def main():
    transport = KafkaTransport(bootstrap)
    schemas = SchemaTopic(transport, SchemaBook(), topic)
    await schemas.start()
    for name in ("Shared", f"Own{number}", f"More{number}"):
        await schemas.publish(schema(name))
    await schemas.close()
    await transport.close()

asyncio.run(main())
"""


@pytest.fixture
async def world(kafka: str) -> AsyncIterator[World]:
    """Clients of a real Kafka."""
    async with a_world(kafka) as world:
        yield world


def _schema(name: str, logical: str) -> Schema:
    kind = {"type": "long", "logicalType": logical}
    document: dict[str, Any] = {
        "type": "record",
        "name": name,
        "fields": [{"name": "at", "type": kind}],
    }
    return avro(document).schema


async def _started(world: World, topic: str, count: int) -> list[SchemaTopic]:
    made = [
        SchemaTopic(world.client(f"process-{number}"), SchemaBook(), topic)
        for number in range(count)
    ]
    await asyncio.gather(*(schemas.start() for schemas in made))
    return made


async def _closed(made: list[SchemaTopic]) -> None:
    await asyncio.gather(*(schemas.close() for schemas in made))


async def test_the_topic_is_made_compacted_by_many_at_once(world: World) -> None:
    topic = world.name("schemas")
    made = await _started(world, topic, 6)
    info = (await world.transport.admin().topics([topic]))[topic]
    assert info is not None
    assert (info.partitions, info.config["cleanup.policy"]) == (1, "compact")
    await _closed(made)


async def test_a_topic_that_is_there_is_left_as_it_is(world: World) -> None:
    topic = world.name("schemas")
    config = {"cleanup.policy": "compact", "max.message.bytes": "2000000"}
    await world.transport.admin().create(TopicSpec(name=topic, config=config))
    made = await _started(world, topic, 2)
    info = (await world.transport.admin().topics([topic]))[topic]
    assert info is not None
    assert info.config["max.message.bytes"] == "2000000"
    await _closed(made)


async def test_readers_follow_what_others_publish(world: World) -> None:
    topic = world.name("schemas")
    made = await _started(world, topic, 3)
    schemas = [_schema(f"plant.Reading{number}", "timestamp-millis") for number in range(3)]
    for one, schema in zip(made, schemas, strict=True):
        await one.publish(schema)
    await eventually(
        lambda: all(one.book.text(each.fingerprint) for one in made for each in schemas),
        "the schemas of the others",
    )
    await _closed(made)


async def test_of_conflicting_writers_at_the_same_moment_one_counts_for_everybody(
    world: World,
) -> None:
    topic = world.name("schemas")
    made = await _started(world, topic, 6)
    versions = [
        _schema("plant.Reading", "timestamp-millis"),
        _schema("plant.Reading", "timestamp-micros"),
    ]
    assert versions[0].fingerprint == versions[1].fingerprint
    results = await asyncio.gather(
        *(one.publish(versions[number % 2]) for number, one in enumerate(made)),
        return_exceptions=True,
    )
    refused = {number % 2 for number, result in enumerate(results) if result is not None}
    accepted = {number % 2 for number, result in enumerate(results) if result is None}
    assert [len(refused), len(accepted)] == [1, 1], results
    assert all(result is None or isinstance(result, SchemaConflictError) for result in results)
    [winner] = accepted
    # Compaction keeps the last record of a key.
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    ends = await reader.consumer.ends([claim])
    values: list[bytes | None] = []
    async with asyncio.timeout(PATIENCE):
        while reader.consumer.position(claim) < ends[claim]:
            for chunk in await reader.poll():
                values += [record.value for record in chunk.records]
    assert values[0] == values[-1] == versions[winner].text.encode()
    [late] = await _started(world, topic, 1)
    await late.publish(versions[winner])
    with pytest.raises(SchemaConflictError):
        await late.publish(versions[1 - winner])
    await _closed([*made, late])


async def test_several_processes_that_publish_at_once_lose_no_schema(
    kafka: str, world: World
) -> None:
    topic = world.name("schemas")
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROCESS, kafka, topic, str(number)),
            stderr=asyncio.subprocess.PIPE,
        )
        for number in range(3)
    ]
    ended = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0], ended
    reader = await world.reader(topic)
    [claim] = await reader.opened(1)
    [end] = (await reader.consumer.ends([claim])).values()
    keys = [record.key for record in await reader.read(end)]
    assert len(set(keys)) == 7
    assert len(keys) <= 9


async def test_what_is_no_schema_stops_nobody(world: World) -> None:
    topic = world.name("schemas")
    made = await _started(world, topic, 1)
    await send(await world.producer(), topic, Row(b"{", b"rubbish"), Row(None, b"gone"))
    await made[0].publish(_schema("plant.Reading", "timestamp-millis"))
    late = await _started(world, topic, 1)
    schema = _schema("plant.Reading", "timestamp-millis")
    assert late[0].book.text(schema.fingerprint) is not None
    await _closed(made + late)
