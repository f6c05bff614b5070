"""What an application runs on: the embedded broker, or a real Kafka that `--kafka` names."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.runtime.transport import ConsumerSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.runtime.transport import Claim, Transport

_CLOSE_SECONDS: Final = 5.0


class Ground(Protocol):
    """A broker for the time of one run."""

    @property
    def title(self) -> str:
        """What people call it, after "on"."""
        ...

    def transport(self, client: str) -> Transport:
        """A client, by a name."""
        ...

    async def unread(self, topic: str, committed: Mapping[tuple[str, int], int]) -> int:
        """How many records of `topic` lie behind the next offsets of a group; all for none."""
        ...

    async def close(self) -> None:
        """Let go of it, once the application has stopped."""
        ...


class EmbeddedGround:
    """A broker in this process, which knows nothing of earlier runs."""

    title = "the embedded broker"

    def __init__(self) -> None:
        """Start with no topics."""
        self._broker = EmbeddedBroker()

    def transport(self, client: str) -> Transport:
        """A client, by a name."""
        return self._broker.transport(client=client)

    async def unread(self, topic: str, committed: Mapping[tuple[str, int], int]) -> int:
        """How many records lie behind the next offsets of a group; exact."""
        count = 0
        for partition, log in enumerate(self._broker.topic(topic).partitions):
            records = log.stable.records
            done = committed.get((topic, partition), 0)
            count += len(records) - bisect_left(records, done, key=attrgetter("offset"))
        return count

    async def close(self) -> None:
        """Forget every record."""
        await self._broker.close()


class KafkaGround:
    """A real Kafka; its topics, records and committed offsets outlive the run."""

    def __init__(self, bootstrap: str) -> None:
        """Connect nothing yet."""
        self._bootstrap = bootstrap

    @property
    def title(self) -> str:
        """What people call it, after "on"."""
        return f"Kafka at {self._bootstrap}"

    def transport(self, client: str) -> Transport:
        """A client, by a name."""
        # aiokafka takes a while to import, and most runs need none of it.
        from streamlet_sdk.runtime.kafka import KafkaTransport

        return KafkaTransport(self._bootstrap, client=client)

    async def unread(self, topic: str, committed: Mapping[tuple[str, int], int]) -> int:
        """How many offsets lie behind those of a group; ends of transactions count as well."""
        transport = self.transport("summary")
        consumer = transport.consumer(ConsumerSpec(topic=topic, group=None))
        owned = _Owned()
        try:
            await consumer.start(owned)
            ends = await consumer.ends(owned.claims)
            count = 0
            for claim, end in ends.items():
                first = await consumer.open(claim, "earliest")
                done = committed.get((topic, claim.partition), first)
                count += max(0, end - max(done, first))
            return count
        finally:
            deadline = asyncio.get_running_loop().time() + _CLOSE_SECONDS
            await consumer.close(leave=True, deadline=deadline)

    async def close(self) -> None:
        """Nothing is held: every transport is closed by who has made it."""


class _Owned:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.claims: list[Claim] = []

    def assigned(self, claims: Sequence[Claim]) -> None:
        self.claims += claims

    async def revoked(self, claims: Sequence[Claim], deadline: float) -> None:
        """Nothing was begun."""

    def lost(self, claims: Sequence[Claim]) -> None:
        """Nothing was begun."""


def ground(kafka: str | None) -> Ground:
    """A new embedded broker, or the Kafka at `host:port`."""
    return EmbeddedGround() if kafka is None else KafkaGround(kafka)
