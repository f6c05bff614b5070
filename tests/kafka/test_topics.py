"""Topics of the operator on real Kafka: what it refuses, who may do what, and when it is away."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from chaos.proxy import Proxy
from cloudflow_operator.kafka_admin import KafkaTopics
from cloudflow_operator.kafka_clusters import Connection, KafkaClusterBook
from cloudflow_operator.topic_states import State
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.transport import TopicSpec
from support.kafka_secrets import a_secret
from support.topics_world import World
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from testbed.secure_kafka import SecureKafka


async def _unused(*_: object) -> None:
    raise NotImplementedError


@contextlib.asynccontextmanager
async def world_of(name: str, **clusters: Connection | None) -> AsyncIterator[World]:
    """Topics on these clusters."""
    topics = KafkaTopics(clusters.get)
    try:
        yield World(topics=topics, name=name, make=_unused, look=_unused, join=_unused, cut=_unused)
    finally:
        await topics.close()


async def test_what_kafka_refuses_to_make_is_told_and_tried_again(kafka: str) -> None:
    async with world_of("refused", default=Connection(kafka, {})) as world:
        few = world.wanted("few", replication_factor=3)
        unknown = world.wanted("unknown", config={"retention.mss": "1"})
        fine = world.wanted("fine")
        found = await world.brought([few, unknown, fine])
        assert (found["few"].state, found["few"].created) == (State.NOT_MADE, True)
        assert "eplication factor" in found["few"].message
        assert found["unknown"].state == State.NOT_MADE
        assert "retention.mss" in found["unknown"].message
        assert found["fine"].state == State.READY
        mended = [world.wanted("few"), world.wanted("unknown"), fine]
        again = await world.brought(mended, found)
        assert {one.state for one in again.values()} == {State.READY}


async def test_a_setting_that_kafka_refuses_changes_nothing(kafka: str) -> None:
    async with world_of("altered", default=Connection(kafka, {})) as world:
        before = await world.brought([world.wanted(partitions=2)])
        wanted = world.wanted(config={"cleanup.policy": "sometimes"})
        found = (await world.brought([wanted], before))["raw"]
        assert (found.state, found.partitions, found.created) == (State.REFUSED, 2, True)
        assert "sometimes" in found.message


async def test_a_topic_that_was_made_while_it_was_refused_is_somebody_elses(kafka: str) -> None:
    async with world_of("by-hand", default=Connection(kafka, {})) as world:
        refused = world.wanted(replication_factor=3)
        before = await world.brought([refused])
        transport = KafkaTransport(kafka)
        await transport.admin().create(TopicSpec(name=refused.spec.name))
        await transport.close()
        found = (await world.brought([world.wanted()], before))["raw"]
        assert (found.state, found.created) == (State.READY, False)


async def test_a_dead_cluster_harms_no_topic_of_another_one(kafka: str) -> None:
    (port,) = free_ports(1)
    dead = Connection(f"127.0.0.1:{port}", {})
    async with world_of("beside", default=Connection(kafka, {}), dead=dead) as world:
        wanted = [
            world.wanted("raw"),
            world.wanted("far", cluster="dead"),
            world.wanted("unknown", cluster="none"),
        ]
        found = await world.brought(wanted)
        assert found["raw"].state == State.READY
        assert found["far"].state == State.UNAVAILABLE
        assert str(port) in found["far"].message
        assert found["unknown"].state == State.UNAVAILABLE
        assert "'none'" in found["unknown"].message


@pytest.mark.parametrize("how", ["hole", "drop", "refuse"])
async def test_it_ends_in_seconds_when_the_network_fails_and_goes_on_after(
    kafka: str, how: str
) -> None:
    (port,) = free_ports(1)
    target = int(kafka.rpartition(":")[2])
    async with Proxy(port, target) as proxy:
        connection = Connection(f"127.0.0.1:{port}", {})
        async with world_of(f"cut-{how}", default=connection) as world:
            await proxy.cut("hole" if how == "hole" else "refuse")
            wanted = [world.wanted()]
            async with asyncio.timeout(60):
                assert (await world.brought(wanted))["raw"].state == State.UNAVAILABLE
                # Now it is known, and nobody waits for it.
                others = await asyncio.gather(*(world.brought(wanted) for _ in range(50)))
            assert {one["raw"].state for one in others} == {State.UNAVAILABLE}
            await proxy.mend()
            async with asyncio.timeout(60):
                while (await world.brought(wanted))["raw"].state != State.READY:
                    await asyncio.sleep(0.5)


def secured(secure: SecureKafka, listener: str, properties: Mapping[str, str]) -> KafkaClusterBook:
    book = KafkaClusterBook()
    book.put(a_secret({"bootstrap.servers": secure.at(listener), **properties}))
    return book


async def test_clusters_with_passwords_and_certificates(secure: SecureKafka) -> None:
    listeners = {
        "SASL_PLAINTEXT": secure.plain(),
        "SSL": {
            "security.protocol": "SSL",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": "ca.crt",
            "ca.crt": secure.authority.pem,
        },
    }
    for listener, properties in listeners.items():
        connection = secured(secure, listener, properties).connection("default")
        async with world_of(f"secured-{listener}", default=connection) as world:
            found = await world.brought([world.wanted()])
            assert found["raw"].state == State.READY, found
            assert list(await world.topics.delete(list(found.values()))) == []


async def test_a_wrong_password_is_told_without_it(secure: SecureKafka) -> None:
    properties = secure.plain()
    properties["sasl.jaas.config"] = properties["sasl.jaas.config"].replace("quoted", "other")
    connection = secured(secure, "SASL_PLAINTEXT", properties).connection("default")
    async with world_of("wrong", default=connection) as world:
        found = (await world.brought([world.wanted()]))["raw"]
        assert found.state == State.DENIED
        assert "sasl.jaas.config" in found.message
        assert "other" not in found.message


async def test_missing_rights_are_told_of_the_topic_that_lacks_them(secure: SecureKafka) -> None:
    connection = secured(secure, "SASL_PLAINTEXT", secure.plain("bob")).connection("default")
    async with world_of("rights", default=connection) as world:
        found = await world.brought([world.wanted("raw"), world.wanted("good")])
        assert {one.state for one in found.values()} <= {State.DENIED, State.NOT_MADE}
        assert all("allow" in one.message for one in found.values())
