"""Writing to and reading from an application's topics from outside: feeds and taps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamlet_sdk.records import Record
from streamlet_sdk.runtime.partitioner import partition_of
from streamlet_sdk.runtime.transport import ConsumerSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from streamlet_sdk.runtime.ports import Cluster
    from streamlet_sdk.runtime.transport import Claim, Headers, Producer, RawRecord
    from streamlet_sdk.serde import PortCodec

CREDIT = 1000
POLL_SECONDS = 0.2
DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """A record to write: bytes as they go on the wire."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    timestamp_ms: int = 0


class Feed:
    """Writes records to one topic; each call returns once they are acknowledged."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        """Write to `topic`, by its name on the broker."""
        self._cluster = cluster
        self._topic = topic
        self._producer: Producer | None = None
        self._next = 0

    async def publish(self, codec: PortCodec[Any]) -> None:
        """Make the schema known that records are going to be written in.

        Raises:
            SchemaConflictError: when it must not be written with.
        """
        if codec.schema.format == "avro":
            await self._cluster.schemas.publish(codec.schema)

    async def write(self, records: Sequence[Fed]) -> None:
        """Write records in order; those without a key go to the partitions in turn.

        Raises:
            RejectedError: when there is no such topic, or a record is too large.
        """
        if self._producer is None:
            self._producer = await self._cluster.transport.producer()
        count = await self._producer.partitions(self._topic)
        by_partition: dict[int, list[Fed]] = {}
        for record in records:
            by_partition.setdefault(self._partition(record.key, count), []).append(record)
        for partition, mine in by_partition.items():
            await self._write(self._producer, partition, mine)

    async def close(self) -> None:
        """Let go of the producer."""
        if self._producer is not None:
            deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
            await self._producer.close(flush=True, deadline=deadline)

    def _partition(self, key: bytes | None, count: int) -> int:
        if key is not None:
            return partition_of(key, count)
        self._next = (self._next + 1) % count
        return self._next

    async def _write(self, producer: Producer, partition: int, records: list[Fed]) -> None:
        batch = producer.batch(self._topic, partition)
        for record in records:
            fields = (record.key, record.value, record.timestamp_ms, record.headers)
            if not batch.append(*fields):
                await (await producer.submit(batch))
                batch = producer.batch(self._topic, partition)
                batch.append(*fields)
        await (await producer.submit(batch))


class Tap:
    """Reads every record of a topic from its beginning; a consumer's listener."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        seen: Callable[[Record[bytes | None]], None],
        room: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Call `seen` for each record of `topic`, its value as bytes.

        `room` is awaited before more is read, so that who shows the records can be slow.
        """
        self._consumer = cluster.transport.consumer(ConsumerSpec(topic=topic, group=None))
        self._topic = topic
        self._seen = seen
        self._room = room
        self._claims: list[Claim] = []
        self._new: list[Claim] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read."""
        await self._consumer.start(self)
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def caught_up(self) -> None:
        """Wait until everything is seen that is in the topic now."""
        while self._new or not self._claims:
            await self._turn()
        ends = await self._consumer.ends(self._claims)
        while any(self._consumer.position(claim) < end for claim, end in ends.items()):
            await self._turn()

    async def close(self) -> None:
        """Stop reading.

        Raises:
            Exception: whatever `seen` raised.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
        await self._consumer.close(leave=True, deadline=deadline)
        if self._task is not None and not self._task.cancelled():
            self._task.result()

    async def _turn(self) -> None:
        if self._task is not None and self._task.done():
            self._task.result()
        await asyncio.sleep(0.005)

    async def _read(self) -> None:
        while True:
            while self._new:
                claim = self._new[0]
                await self._consumer.open(claim, "earliest")
                self._claims.append(self._new.pop(0))
            credit = dict.fromkeys(self._claims, CREDIT)
            for chunk in await self._consumer.poll(credit, POLL_SECONDS):
                for record in chunk.records:
                    self._seen(self._shown(record, chunk.claim))
            if self._room is not None:
                await self._room()

    @staticmethod
    def _shown(record: RawRecord, claim: Claim) -> Record[bytes | None]:
        return Record(
            record.value,
            record.key,
            record.headers,
            record.timestamp,
            claim.topic,
            claim.partition,
            record.offset,
        )

    def assigned(self, claims: Sequence[Claim]) -> None:
        """Every partition of the topic."""
        self._new.extend(claims)

    async def revoked(self, claims: Sequence[Claim], deadline: float) -> None:
        """Nothing to finish: nothing is committed."""
        del deadline
        self.lost(claims)

    def lost(self, claims: Sequence[Claim]) -> None:
        """The reader was closed, or partitions were added and all are claimed anew."""
        self._claims = [claim for claim in self._claims if claim not in claims]
