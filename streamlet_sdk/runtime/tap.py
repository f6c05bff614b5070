"""Reads everything that is and comes on a topic: for taps, and for the tables of the platform.

No group is joined and nothing is committed; each tap begins at the first record.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from streamlet_sdk.delivery import Retry
from streamlet_sdk.errors import TransportError
from streamlet_sdk.records import Record
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.transport import ConsumerSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streamlet_sdk.runtime.transport import Claim, RawRecord, Transport

logger = logging.getLogger(__name__)

CREDIT: Final = 1000
POLL_SECONDS: Final = 0.5
CLOSE_SECONDS: Final = 5.0
AGAIN: Final = Retry(backoff=timedelta(seconds=1), max_backoff=timedelta(seconds=30))


class Tap:
    """Reads every record of a topic, each partition in order; a consumer's listener.

    While the broker refuses to be read it tries again, with growing delays, and goes on where it
    was: no record is seen twice or left out.

    Attributes:
        claims: what it reads.
    """

    def __init__(
        self,
        transport: Transport,
        topic: str,
        seen: Callable[[Record[bytes | None]], None],
        room: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Call `seen` for each record of `topic`, its value as bytes.

        `room` is awaited before more is read, so that who shows the records can be slow.
        """
        self._topic = topic
        self._seen = seen
        self._room = room
        self._consumer = transport.consumer(ConsumerSpec(topic=topic, group=None))
        self.claims: list[Claim] = []
        self._opened: set[Claim] = set()
        self._turned = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    async def start(self) -> None:
        """Begin to read.

        Raises:
            TransportError: when the topic or the broker is not there.
        """
        await self._consumer.start(self)
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def caught_up(self) -> None:
        """Wait until everything is seen that was in the topic at the time of the call.

        Raises:
            TransportError: when the topic cannot be read at the moment.
            Exception: whatever `seen` raised.
        """
        await self._until(lambda: bool(self.claims))
        ends = await self._consumer.ends(self.claims)
        await self._until(lambda: self._reached(ends))

    async def close(self) -> None:
        """Stop reading.

        Raises:
            Exception: whatever `seen` raised.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        deadline = asyncio.get_running_loop().time() + CLOSE_SECONDS
        await self._consumer.close(leave=True, deadline=deadline)
        if self._task is not None and not self._task.cancelled():
            self._task.result()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._turned:
            await self._turned.wait_for(lambda: self._failure is not None or condition())
        if self._failure is not None:
            raise self._failure

    def _reached(self, ends: Mapping[Claim, int]) -> bool:
        return all(
            not claim.alive or (claim in self._opened and self._consumer.position(claim) >= end)
            for claim, end in ends.items()
        )

    async def _read(self) -> None:
        failures = 0
        while True:
            with Attempt() as turn:
                await self._turn()
            self._failure = turn.error
            async with self._turned:
                self._turned.notify_all()
            if turn.error is None:
                failures = 0
            elif isinstance(turn.error, TransportError):
                failures += 1
                await self._wait(AGAIN.wait(failures, 0), turn.error)
            else:
                raise turn.error

    async def _turn(self) -> None:
        if self._room is not None:
            await self._room()
        if new := [claim for claim in self.claims if claim not in self._opened]:
            for claim in new:
                await self._consumer.open(claim, "earliest")
                self._opened.add(claim)
            return  # an empty topic is caught up with now, not when the next poll is over
        credit = dict.fromkeys(self._opened, CREDIT)
        for chunk in await self._consumer.poll(credit, POLL_SECONDS):
            for record in chunk.records:
                self._seen(_shown(record, chunk.claim))

    async def _wait(self, delay: timedelta, error: TransportError) -> None:
        seconds = delay.total_seconds()
        logger.warning("%s is not read, again in %.0f s: %s", self._topic, seconds, error)
        await asyncio.sleep(seconds)

    def assigned(self, claims: Sequence[Claim]) -> None:
        """Every partition of the topic, also those that are added."""
        self.claims.extend(claims)

    async def revoked(self, claims: Sequence[Claim], deadline: float) -> None:
        """Nothing to finish: nothing is committed."""
        del deadline
        self.lost(claims)

    def lost(self, claims: Sequence[Claim]) -> None:
        """The tap was closed, or the topic is another one now."""
        self.claims = [claim for claim in self.claims if claim not in claims]
        self._opened.difference_update(claims)


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
