"""Positions of sources: stored on a compacted topic, one writer at a time.

The key names namespace, application, streamlet and source. A position is written in a
transaction under that name, so that a second instance of a source fences the first.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamlet_sdk.runtime.table import followed

if TYPE_CHECKING:
    from streamlet_sdk.records import Record
    from streamlet_sdk.runtime.transport import Lane, Transport

POSITIONS_TOPIC = "_cloudflow.positions"
DEADLINE_SECONDS = 10.0


class PositionStore:
    """The stored position of one source."""

    def __init__(self, transport: Transport, key: str, topic: str = POSITIONS_TOPIC) -> None:
        """Keep the position of `key` on `topic`."""
        self._transport = transport
        self._key = key
        self._topic = topic
        self._found: bytes | None = None
        self._lane: Lane | None = None

    async def claim(self) -> bytes | None:
        """Become the one writer and read what the last one stored; None when nothing is.

        The earlier writer is fenced before the topic is read, so what is read is final.
        """
        self._lane = await self._transport.lane(f"{self._topic}.{self._key}")
        tap = await followed(self._transport, self._topic, self._seen)
        await tap.close()
        return self._found

    async def store(self, position: bytes) -> None:
        """Store a position; returns once it is durable.

        Raises:
            FencedError: when another instance of the source took over.
            TransportError: when it could not be stored.
        """
        assert self._lane is not None
        deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
        await self._lane.begin()
        batch = self._lane.batch(self._topic, 0)
        batch.append(self._key.encode(), position, 0, ())
        await (await self._lane.submit(batch))
        await self._lane.commit({}, None, deadline)

    async def close(self) -> None:
        """Let go of the name."""
        if self._lane is not None:
            deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
            await self._lane.close(flush=False, deadline=deadline)

    def _seen(self, record: Record[bytes | None]) -> None:
        if record.key == self._key.encode():
            self._found = record.value
