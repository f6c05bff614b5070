"""What tests of a transport need: unique names, a listener that remembers, waiting in bounds.

Nothing here knows what carries the records; `tests/contract/transport/conftest.py` does.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self
from uuid import uuid4

from streamlet_sdk.runtime.transport import ConsumerSpec, TopicSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streamlet_sdk.runtime.transport import (
        Chunk,
        Claim,
        Consumer,
        Headers,
        Lane,
        Producer,
        RawRecord,
        Start,
        Transport,
    )

# Seconds within which anything happens that happens at all, on a slow machine with a real broker.
PATIENCE = 30.0


def deadline(seconds: float = PATIENCE) -> float:
    """A moment on the loop's clock, `seconds` from now."""
    return asyncio.get_running_loop().time() + seconds


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds; `what` says in the failure what was waited for."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE} s in vain: {what}") from None


class Connect(Protocol):
    """Makes one more client, as one more process would be."""

    def __call__(self, client: str) -> Transport: ...


@dataclass
class Row:
    """A record to be written; the defaults are what most tests do not care about."""

    value: bytes | None
    key: bytes | None = None
    timestamp_ms: int = 1_700_000_000_000
    headers: Headers = ()


class Journal:
    """A `Listener` that remembers what it was told, and may do something when told so."""

    def __init__(self, name: str, diary: list[str]) -> None:
        self.name = name
        self.diary = diary
        self.claims: list[Claim] = []
        self.lost_claims: list[Claim] = []
        self.joins = 0
        self.revocations = 0
        self.on_revoke: Callable[[Sequence[Claim], float], object] = _nothing

    def assigned(self, claims: Sequence[Claim]) -> None:
        """Remember them."""
        self.joins += 1
        self.claims += claims
        self.diary += [f"{self.name} +{claim.partition}" for claim in claims]

    async def revoked(self, claims: Sequence[Claim], deadline: float) -> None:
        """Do what the test planned, while the claims still count."""
        self.revocations += 1
        doing = self.on_revoke(claims, deadline)
        if asyncio.iscoroutine(doing):
            await doing
        self._forget(claims)
        self.diary += [f"{self.name} -{claim.partition}" for claim in claims]

    def lost(self, claims: Sequence[Claim]) -> None:
        """Remember them as lost."""
        self.lost_claims += claims
        self._forget(claims)

    def _forget(self, claims: Iterable[Claim]) -> None:
        self.claims = [claim for claim in self.claims if claim not in set(claims)]


def _nothing(_claims: Sequence[Claim], _deadline: float) -> None:
    return None


@dataclass
class Reader:
    """A started consumer with its journal."""

    consumer: Consumer
    journal: Journal
    records: list[RawRecord] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)

    @property
    def claims(self) -> list[Claim]:
        """The live claims, by partition."""
        live = (claim for claim in self.journal.claims if claim.alive)
        return sorted(live, key=lambda claim: claim.partition)

    @property
    def partitions(self) -> list[int]:
        """The partitions of the live claims, sorted."""
        return [claim.partition for claim in self.claims]

    async def owning(self, count: int) -> list[Claim]:
        """Wait until there are `count` live claims."""
        await eventually(lambda: len(self.claims) == count, f"{count} claims")
        return self.claims

    async def opened(self, count: int, start: Start = "earliest") -> list[Claim]:
        """Wait for `count` claims and open them all."""
        claims = await self.owning(count)
        for claim in claims:
            self.positions[claim.partition] = await self.consumer.open(claim, start)
        return claims

    async def poll(self, credit: int = 1000, timeout: float = 0.2) -> list[Chunk]:
        """One poll of every live claim."""
        return await self.consumer.poll(dict.fromkeys(self.claims, credit), timeout)

    async def read(self, count: int) -> list[RawRecord]:
        """Poll until `count` records more have come; not one more may."""
        found: list[RawRecord] = []
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                for chunk in await self.poll():
                    found += chunk.records
        assert len(found) == count, [record.value for record in found]
        return found

    async def values(self, count: int) -> list[bytes | None]:
        """The values of the next `count` records."""
        return [record.value for record in await self.read(count)]

    async def nothing_comes(self) -> None:
        """Hold a while and fail when a record comes."""
        records = [record for chunk in await self.poll(timeout=0.3) for record in chunk.records]
        assert records == []

    async def close(self, *, leave: bool = True) -> None:
        """Close the consumer."""
        await self.consumer.close(leave=leave, deadline=deadline())


class World:
    """One broker of some kind: hands out clients, topics and names that nobody else uses."""

    def __init__(self, connect: Connect) -> None:
        self.diary: list[str] = []
        self._connect = connect
        self._stack = AsyncExitStack()
        self._transport: Transport | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    def client(self, name: str = "client") -> Transport:
        """One more client; closed at the end."""
        transport = self._connect(name)
        self._stack.push_async_callback(transport.close)
        return transport

    @property
    def transport(self) -> Transport:
        """A client for whatever needs no client of its own."""
        if self._transport is None:
            self._transport = self.client("shared")
        return self._transport

    def name(self, what: str) -> str:
        """A name that is used once."""
        return f"{what}-{uuid4().hex[:12]}"

    async def topic(self, partitions: int = 1, **config: str) -> str:
        """A new topic; `cleanup_policy="compact"` sets `cleanup.policy`."""
        name = self.name("topic")
        properties = {key.replace("_", "."): value for key, value in config.items()}
        spec = TopicSpec(name=name, partitions=partitions, config=properties)
        await self.transport.admin().create(spec)
        return name

    async def reader(
        self,
        topic: str,
        group: str | None = None,
        *,
        member: str = "",
        read_committed: bool = True,
        name: str = "reader",
    ) -> Reader:
        """A started consumer, in a client of its own; closed at the end."""
        spec = ConsumerSpec(topic=topic, group=group, member=member, read_committed=read_committed)
        reader = Reader(self.client(name).consumer(spec), Journal(name, self.diary))
        await reader.consumer.start(reader.journal)
        self._stack.push_async_callback(reader.close)
        return reader

    async def producer(self) -> Producer:
        """A producer; closed at the end."""
        producer = await self.transport.producer()
        self._stack.push_async_callback(_close, producer)
        return producer

    async def lane(self, name: str) -> Lane:
        """A lane in a client of its own; closed at the end."""
        lane = await self.client(name).lane(name)
        self._stack.push_async_callback(_close, lane)
        return lane

    async def write(self, topic: str, *values: bytes | None, partition: int = 0) -> int:
        """Write records with a throw-away producer; the first offset."""
        producer = await self.transport.producer()
        try:
            return await send(producer, topic, *(Row(value) for value in values), at=partition)
        finally:
            await _close(producer)


async def _close(producer: Producer) -> None:
    await producer.close(flush=False, deadline=deadline())


async def submit(producer: Producer, topic: str, *rows: Row, at: int = 0) -> asyncio.Future[int]:
    """Submit one batch that holds `rows`; not yet answered."""
    batch = producer.batch(topic, at)
    for row in rows:
        assert batch.append(row.key, row.value, row.timestamp_ms, row.headers)
    return await producer.submit(batch)


async def send(producer: Producer, topic: str, *rows: Row, at: int = 0) -> int:
    """Submit one batch that holds `rows` and wait for its first offset."""
    async with asyncio.timeout(PATIENCE):
        return await (await submit(producer, topic, *rows, at=at))
