"""Writing to an application's topics from outside; `runtime.tap` reads from them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamlet_sdk.runtime.partitioner import partition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlet_sdk.runtime.ports import Cluster
    from streamlet_sdk.runtime.transport import Headers, Producer
    from streamlet_sdk.serde import PortCodec

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
