"""Clients of a real Kafka, and what is done to a group behind its members' backs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka.protocol.group import LeaveGroupRequest

from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.kafka.client import Client
from streamlet_sdk.runtime.kafka.consumer import KafkaConsumer
from streamlet_sdk.runtime.kafka.properties import Properties
from support.transport import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from support.transport import Reader

# Partitions that are added are seen soon; the default is half a minute.
WATCHFUL = {"metadata.max.age.ms": "500"}


@asynccontextmanager
async def a_world(
    bootstrap: str, properties: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """Clients of the broker at `bootstrap`, with these client properties."""
    given = WATCHFUL | dict(properties or {})
    async with World(lambda client: KafkaTransport(bootstrap, given, client=client)) as world:
        yield world


async def ask(bootstrap: str, request: Any) -> Any:
    """The answer of the only broker to a request of a test's own."""
    client: Any = Client(bootstrap, "test", Properties({}).connection())
    await client.connect()
    try:
        return await client.ask(request, "a test")
    finally:
        await client.close()


async def expel(bootstrap: str, group: str, reader: Reader) -> None:
    """Put a member out of its group as the end of its session would; nobody tells it."""
    assert isinstance(reader.consumer, KafkaConsumer)
    member = reader.consumer.member
    assert member is not None
    response = await ask(bootstrap, LeaveGroupRequest(group, member.id))
    assert response.error_code == 0
