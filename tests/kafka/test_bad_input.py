"""Brokers that cannot be reached, and what a principal may not do: one line, in bounds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import DeniedError, RejectedError, TransportError, UnavailableError
from streamlet_sdk.runtime.kafka import KafkaTransport
from support.impostor import API_VERSIONS, KAFKA_2_4, kafka_of, serving, silence, web
from support.permissions import May, On, allow
from support.transport import PATIENCE, Row, World, deadline, send
from testbed.kafka import cluster
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from testbed.secure_kafka import SecureKafka

    Permit = Callable[..., Awaitable[None]]


class Said:
    """What an error has said."""

    error: TransportError

    @property
    def text(self) -> str:
        """Its sentence."""
        return str(self.error)

    @property
    def hint(self) -> str:
        """What to do about it."""
        return str(self.error.hint)


@asynccontextmanager
async def refused(kind: type[TransportError]) -> AsyncIterator[Said]:
    """Expect an error of this kind: in bounded time, in one line, with what to do."""
    said = Said()
    with pytest.raises(kind) as caught:
        async with asyncio.timeout(PATIENCE):
            yield said
    said.error = caught.value
    assert "\n" not in said.text
    assert said.error.hint, said.text


async def connecting(bootstrap: str, kind: type[TransportError] = UnavailableError) -> Said:
    """What is said of a broker that cannot be used."""
    transport = KafkaTransport(bootstrap, {"request.timeout.ms": "500"})
    try:
        async with refused(kind) as said:
            await transport.producer()
    finally:
        await transport.close()
    return said


# Who is no broker


async def test_a_port_where_nobody_listens_is_said() -> None:
    said = await connecting(f"127.0.0.1:{free_ports(1)[0]}")
    assert "no broker of 127.0.0.1:" in said.text
    assert "Connect call failed" in said.text
    assert said.hint == "check host and port in bootstrap.servers, and that the broker runs"


async def test_a_host_that_does_not_exist_is_said() -> None:
    said = await connecting("no-such-host.invalid:9092")
    assert "no broker of no-such-host.invalid:9092 can be reached" in said.text
    assert said.hint == "check the host in bootstrap.servers"


async def test_a_broker_that_does_not_answer_is_given_up() -> None:
    async with serving(silence) as where:
        said = await connecting(where)
    assert f"{where}: no answer came in time" in said.text
    assert "security.protocol" in said.hint


async def test_a_server_that_is_no_kafka_is_said() -> None:
    async with serving(web) as where:
        said = await connecting(where)
    assert f"no broker of {where} can be reached" in said.text
    assert "check host and port" in said.hint


async def test_a_broker_that_is_too_old_is_refused() -> None:
    async with serving(kafka_of(KAFKA_2_4)) as where:
        said = await connecting(where, RejectedError)
    assert said.text == f"the broker at {where} is too old: it knows no version 7 of OffsetFetch"
    assert said.hint == "Kafka 2.5 or later is needed"


async def test_a_broker_that_is_too_young_is_said() -> None:
    young = dict.fromkeys(KAFKA_2_4, (90, 99)) | {API_VERSIONS: (0, 99)}
    async with serving(kafka_of(young)) as where:
        said = await connecting(where, RejectedError)
    assert "Support for MetadataRequest v90 has not yet been added" in said.text
    assert "too young" in said.hint


@pytest.mark.slow
async def test_a_broker_that_gives_an_address_nobody_reaches_is_said() -> None:
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    with cluster(properties={"advertised.listeners": f"PLAINTEXT://{nowhere}"}) as kafka:
        transport = KafkaTransport(kafka.bootstrap)
        async with refused(UnavailableError) as said:
            await transport.admin().topics(["any"])
        await transport.close()
    assert nowhere in said.text


# Who may not


@pytest.fixture
async def boss(secure: SecureKafka) -> AsyncIterator[World]:
    """Clients that may everything."""
    async with World(lambda name: KafkaTransport(secure.at("PLAINTEXT"), client=name)) as world:
        yield world


@pytest.fixture
async def bob(secure: SecureKafka) -> AsyncIterator[World]:
    """Clients that may what a test allows."""
    at, properties = secure.at("SASL_PLAINTEXT"), secure.plain("bob")
    async with World(lambda name: KafkaTransport(at, properties, client=name)) as world:
        yield world


@pytest.fixture
def permit(secure: SecureKafka) -> Permit:
    """Gives bob permissions."""

    async def given(on: On, name: str, *operations: May) -> None:
        await allow(secure.at("PLAINTEXT"), "bob", on, name, *operations)

    return given


async def test_a_topic_that_may_not_be_seen_is_denied(boss: World, bob: World) -> None:
    topic = await boss.topic()
    async with refused(DeniedError) as said:
        await bob.reader(topic)
    assert topic in said.text
    assert "allow what it lacks on the topic: Describe" in said.hint


@pytest.mark.parametrize("grouped", [True, False])
async def test_a_topic_that_may_not_be_read_is_denied(
    boss: World, bob: World, permit: Permit, *, grouped: bool
) -> None:
    topic, group = await boss.topic(), boss.name("group") if grouped else None
    await permit(On.TOPIC, topic, May.DESCRIBE)
    if group is not None:
        await permit(On.GROUP, group, May.READ)
    reader = await bob.reader(topic, group)
    await reader.opened(1)
    async with refused(DeniedError) as said:
        while True:
            await reader.poll()
    assert f"reading {topic}" in said.text
    assert "Read" in said.hint


async def test_a_topic_that_may_not_be_written_is_denied(
    boss: World, bob: World, permit: Permit
) -> None:
    topic, other = await boss.topic(), await boss.topic()
    await permit(On.TOPIC, topic, May.DESCRIBE)
    await permit(On.TOPIC, other, May.WRITE)
    producer = await bob.producer()
    async with refused(DeniedError) as said:
        await send(producer, topic, Row(b"secret"))
    assert f"writing to {topic}/0" in said.text
    assert "Write" in said.hint


async def test_a_group_that_may_not_be_joined_is_denied(
    boss: World, bob: World, permit: Permit
) -> None:
    topic = await boss.topic()
    await permit(On.TOPIC, topic, May.READ)
    reader = await bob.reader(topic, "not-for-bob")
    async with refused(DeniedError) as said:
        while True:
            await reader.poll()
    assert "the consumer group (not-for-bob)" in said.text
    assert said.hint == "allow Read on the group"


async def test_a_transactional_id_that_may_not_be_used_is_denied(
    boss: World, bob: World, permit: Permit
) -> None:
    await permit(On.TOPIC, await boss.topic(), May.WRITE)
    async with refused(DeniedError) as said:
        await bob.lane("not-for-bob")
    assert "the transactional id (not-for-bob)" in said.text
    assert said.hint == "allow Describe and Write on the transactional id"


async def test_a_lane_may_not_write_where_its_principal_may_not(
    boss: World, bob: World, permit: Permit
) -> None:
    topic, name = await boss.topic(), boss.name("lane")
    await permit(On.TOPIC, topic, May.DESCRIBE)
    await permit(On.TRANSACTIONAL_ID, name, May.WRITE, May.DESCRIBE)
    lane = await bob.lane(name)
    await lane.begin()
    async with refused(DeniedError) as said:
        await send(lane, topic, Row(b"secret"))
    assert topic in said.text
    await lane.abort(deadline())


async def test_a_lane_may_not_commit_for_a_group_that_is_not_allowed(
    boss: World, bob: World, permit: Permit
) -> None:
    topic, name = await boss.topic(), boss.name("lane")
    await permit(On.TOPIC, topic, May.WRITE)
    await permit(On.TRANSACTIONAL_ID, name, May.WRITE, May.DESCRIBE)
    reader = await boss.reader(topic, "not-for-bob")
    [claim] = await reader.opened(1)
    lane = await bob.lane(name)
    await lane.begin()
    await send(lane, topic, Row(b"out"))
    async with refused(DeniedError) as said:
        await lane.commit({claim: 0}, reader.consumer, deadline())
    assert "the consumer group (not-for-bob)" in said.text


# What is not there


async def _read(world: World) -> None:
    await world.reader("never-made", "group")


async def _write(world: World) -> None:
    await (await world.producer()).partitions("never-made")


@pytest.mark.parametrize("use", [_read, _write])
async def test_a_topic_that_is_missing_is_said_and_not_made(
    boss: World, use: Callable[[World], Awaitable[None]]
) -> None:
    async with refused(RejectedError) as said:
        await use(boss)
    assert said.text == "there is no topic never-made"
    assert said.hint == "create it, or check its name"
    assert await boss.transport.admin().topics(["never-made"]) == {"never-made": None}
