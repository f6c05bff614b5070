"""The implementations that the suites of this folder run against.

`test_ownership.py` holds for all, `test_settings.py` for those that know settings of topics.
"""

from __future__ import annotations

import itertools
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from chaos.proxy import Proxy
from cloudflow_operator.kafka_admin import KafkaTopics
from cloudflow_operator.kafka_clusters import Connection
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.errors import UnavailableError
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.transport import ConsumerSpec, TopicInfo, TopicSpec
from support.cluster import FakeTopics
from support.topics_world import World
from support.transport import Journal, Reader
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamlet_sdk.runtime.transport import Admin, Transport

_NUMBERS = itertools.count()


def a_name() -> str:
    """What no other test calls its topics."""
    return f"topics-{os.getpid()}-{next(_NUMBERS)}"


@asynccontextmanager
async def memory(_request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The twin that reconciling is tested with."""
    topics = FakeTopics()

    async def make(spec: TopicSpec) -> None:
        topics.there["default", spec.name] = spec.partitions

    async def look(name: str) -> TopicInfo | None:
        count = topics.there.get(("default", name))
        if count is None:
            return None
        return TopicInfo(name=name, partitions=count, replication_factor=1, config={})

    async def cut() -> None:
        topics.away = True

    async def join(group: str) -> None:
        topics.consumers.add(("default", group))

    yield World(topics=topics, name=a_name(), make=make, look=look, join=join, cut=cut)


@asynccontextmanager
async def embedded(_request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The real one on the broker of the sandbox."""
    broker = EmbeddedBroker()
    transport = broker.transport(client="operator")
    there = True

    async def connect(_connection: Connection) -> Admin:
        if not there:
            raise UnavailableError("no broker can be reached")
        return transport.admin()

    async def cut() -> None:
        nonlocal there
        there = False
        await topics.close()

    topics = KafkaTopics(lambda _: Connection("memory:0", {}), connect)
    yield _world(topics, transport, cut)
    await topics.close()
    await transport.close()
    await broker.close()


@asynccontextmanager
async def kafka(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The real one on a real Kafka, which advertises another way than the one that is cut."""
    bootstrap: str = request.getfixturevalue("kafka")
    (port,) = free_ports(1)
    servers = bootstrap
    transport = KafkaTransport(bootstrap)
    async with Proxy(port, int(bootstrap.rpartition(":")[2])) as proxy:

        async def cut() -> None:
            nonlocal servers
            servers = f"127.0.0.1:{port}"
            await proxy.cut("refuse")

        topics = KafkaTopics(lambda _: Connection(servers, {}))
        yield _world(topics, transport, cut)
        await topics.close()
        await transport.close()


def _world(topics: KafkaTopics, transport: Transport, cut: Callable[[], Awaitable[None]]) -> World:
    admin = transport.admin()

    async def look(name: str) -> TopicInfo | None:
        return (await admin.topics([name]))[name]

    async def join(group: str) -> None:
        await admin.create(spec := TopicSpec(name=f"{group}.topic"))
        consumer = transport.consumer(ConsumerSpec(topic=spec.name, group=group))
        reader = Reader(consumer, Journal(group, []))
        await reader.consumer.start(reader.journal)
        await reader.owning(1)

    return World(topics=topics, name=a_name(), make=admin.create, look=look, join=join, cut=cut)


WORLDS = {"memory": memory, "embedded": embedded, "kafka": kafka}
WITH_SETTINGS = ("embedded", "kafka")


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Topics with nothing there that a test would meet."""
    async with WORLDS[request.param](request) as world:
        yield world
