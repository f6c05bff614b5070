"""Credentials that are changed while clients are at work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import DeniedError
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.kafka.consumer import KafkaConsumer
from support.transport import Row, World, send
from testbed.secure_kafka import jaas, secure_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.transport import Reader
    from testbed.secure_kafka import SecureKafka

MECHANISM = "SCRAM-SHA-512"
OLD, NEW = "old-password", "new-password"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[SecureKafka]:
    """A Kafka of this test's alone, for others know `ann` by the password that she has."""
    with secure_kafka(tmp_path) as made:
        made.kafka.set_password("ann", MECHANISM, OLD)
        yield made


async def hang_up(reader: Reader) -> None:
    """End the connections of a reader, as brokers do when they restart."""
    consumer = reader.consumer
    assert isinstance(consumer, KafkaConsumer)
    assert consumer._reading is not None
    for connection in consumer._reading.client._conns.values():
        connection.close()


@pytest.mark.timeout(300)
async def test_who_is_logged_in_goes_on_and_who_comes_with_the_old_password_hears_of_it(
    own: SecureKafka,
) -> None:
    servers = own.at("SASL_PLAINTEXT")
    old = own.plain(mechanism=MECHANISM) | {"sasl.jaas.config": jaas("ann", MECHANISM, OLD)}
    new = old | {"sasl.jaas.config": jaas("ann", MECHANISM, NEW)}
    async with World(lambda client: KafkaTransport(servers, old, client=client)) as world:
        topic = await world.topic()
        reader = await world.reader(topic, world.name("group"))
        await reader.opened(1)
        producer = await world.producer()
        await send(producer, topic, Row(b"before"))
        assert await reader.values(1) == [b"before"]
        await asyncio.to_thread(own.kafka.set_password, "ann", MECHANISM, NEW)
        await send(producer, topic, Row(b"after"))
        assert await reader.values(1) == [b"after"]
        await hang_up(reader)
        with pytest.raises(DeniedError, match="invalid credentials"):
            await reader.values(1)
        late, fresh = KafkaTransport(servers, old), KafkaTransport(servers, new)
        with pytest.raises(DeniedError, match="invalid credentials") as refused:
            await late.producer()
        assert "sasl.jaas.config" in str(refused.value.hint)
        assert OLD not in f"{refused.value} {refused.value.hint}"
        await fresh.producer()
        await late.close()
        await fresh.close()
