"""Follows a compacted topic: every key's last value, read from the beginning and kept current."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from streamlet_sdk.errors import RejectedError, TransportError
from streamlet_sdk.runtime.transport import ConsumerSpec, TopicSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamlet_sdk.runtime.transport import Claim, RawRecord, Transport

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
RECORDS_A_POLL = 1000


async def made(transport: Transport, topic: str) -> None:
    """Create a compacted topic of one partition if it is missing."""
    admin = transport.admin()
    try:
        if (await admin.topics([topic]))[topic] is None:
            # Somebody else may make it at the same moment; then it is there, too.
            with contextlib.suppress(RejectedError):
                await admin.create(TopicSpec(name=topic, config={"cleanup.policy": "compact"}))
    finally:
        await admin.close()


class Table:
    """Reads every record of a topic, in order, and goes on reading; a consumer's listener."""

    def __init__(self, transport: Transport, topic: str, seen: Callable[[RawRecord], None]) -> None:
        """Call `seen` for every record of `topic`."""
        self.topic = topic
        self._seen = seen
        self._consumer = transport.consumer(ConsumerSpec(topic=topic, group=None))
        self._claims: list[Claim] = []
        self._opened: set[Claim] = set()
        self._arrived = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._failure: TransportError | None = None

    async def start(self) -> None:
        """Begin to follow."""
        await self._consumer.start(self)
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def caught_up(self) -> None:
        """Wait until everything is seen that was in the topic at the time of the call.

        Raises:
            TransportError: when following has ended with one.
        """
        async with self._arrived:
            await self._arrived.wait_for(lambda: self._claims or self._failure)
        ends = await self._consumer.ends(self._claims)
        async with self._arrived:
            await self._arrived.wait_for(lambda: self._failure or self._reached(ends))
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.close(leave=True, deadline=asyncio.get_running_loop().time() + 1)

    def _reached(self, ends: Mapping[Claim, int]) -> bool:
        return all(
            claim in self._opened and self._consumer.position(claim) >= end
            for claim, end in ends.items()
        )

    async def _follow(self) -> None:
        try:
            await self._read()
        except TransportError as error:
            logger.warning("%s is not followed any more: %s", self.topic, error)
            self._failure = error
            async with self._arrived:
                self._arrived.notify_all()

    async def _read(self) -> None:
        while True:
            for claim in set(self._claims) - self._opened:
                await self._consumer.open(claim, "earliest")
                self._opened.add(claim)
            async with self._arrived:
                self._arrived.notify_all()
            credit = dict.fromkeys(self._opened, RECORDS_A_POLL)
            for chunk in await self._consumer.poll(credit, POLL_SECONDS):
                for record in chunk.records:
                    self._seen(record)

    def assigned(self, claims: Sequence[Claim]) -> None:
        """Every partition of the topic."""
        self._claims.extend(claims)

    async def revoked(self, claims: Sequence[Claim], deadline: float) -> None:
        """Nothing to finish: nothing is committed."""
        del deadline
        self.lost(claims)

    def lost(self, claims: Sequence[Claim]) -> None:
        """The consumer was closed."""
        self._claims = [claim for claim in self._claims if claim not in claims]
