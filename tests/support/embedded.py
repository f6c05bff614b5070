"""Shorthands for tests of the embedded broker itself, which may know that it is embedded."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.runtime.transport import ConsumerSpec, TopicSpec
from support.transport import Journal, Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamlet_sdk.broker import EmbeddedTransport


class Bench:
    """A broker with one topic "t", and instances that read it in the group "g"."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.broker = broker
        self.diary: list[str] = []
        self._transports: list[EmbeddedTransport] = []

    def client(self, name: str = "client") -> EmbeddedTransport:
        """One more client, killed at the end."""
        self._transports.append(self.broker.transport(client=name))
        return self._transports[-1]

    async def reader(
        self, name: str = "reader", *, member: str = "", group: str | None = "g"
    ) -> Reader:
        """A started reader of "t", with a turn of the loop to get its claims."""
        consumer = self.consumer(name, member=member, group=group)
        reader = Reader(consumer, Journal(name, self.diary))
        await consumer.start(reader.journal)
        await asyncio.sleep(0.1)
        return reader

    def consumer(self, name: str, *, member: str = "", group: str | None = "g") -> EmbeddedConsumer:
        """A consumer of "t" that was not started."""
        spec = ConsumerSpec(topic="t", group=group, member=member)
        return self.client(name).consumer(spec)

    async def stop(self) -> None:
        """Kill what is left."""
        for transport in self._transports:
            transport.kill()
        await self.broker.close()


@asynccontextmanager
async def bench(partitions: int = 2, broker: EmbeddedBroker | None = None) -> AsyncIterator[Bench]:
    """A bench whose topic has that many partitions."""
    made = Bench(broker or EmbeddedBroker())
    made.broker.create(TopicSpec(name="t", partitions=partitions))
    yield made
    await made.stop()


def crash(reader: Reader) -> None:
    """`kill -9` the reader's consumer."""
    embedded(reader).kill()


def embedded(reader: Reader) -> EmbeddedConsumer:
    """The reader's consumer with what the Protocol does not show."""
    assert isinstance(reader.consumer, EmbeddedConsumer)
    return reader.consumer
