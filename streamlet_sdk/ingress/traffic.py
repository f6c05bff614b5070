"""What is going on in one server, and its limits: requests, senders, unacknowledged records.

Counts and waits; knows neither HTTP nor outlets. One event loop, no locks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.contract import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long senders may take.

    Attributes:
        head: from the first byte of a request, or the connection's begin, to the end of its
            headers; also how long the rest of a refused body is listened to.
        body: the longest wait for the next bytes of a body.
        keep_alive: how long a connection without a request is kept; longer than the 60 seconds
            of common load balancers, so that they close first.
        drain: the wait for the next bytes of a body, and for senders to close, during a stop.
    """

    head: timedelta = timedelta(seconds=10)
    body: timedelta = timedelta(seconds=30)
    keep_alive: timedelta = timedelta(seconds=75)
    drain: timedelta = timedelta(seconds=1)


class Window:
    """Room for records that are being written and not yet acknowledged.

    Streamed bodies together take at most half of it, so that one long stream does not shut out
    everybody else. A record larger than the whole window goes through alone.

    Attributes:
        records: how many there are now.
        size: their bytes, as they were received.
    """

    def __init__(self, max_records: int, max_bytes: int) -> None:
        """Limit the window in both ways."""
        self.records = 0
        self.size = 0
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def is_full(self) -> bool:
        """Whether no record at all can be taken now."""
        return self.records >= self._max_records or self.size >= self._max_bytes

    def enter(self, size: int) -> bool:
        """Take room for a record of `size` bytes if there is any; `leave` gives it back."""
        if self.records and (self.is_full or self.size + size > self._max_bytes):
            return False
        self._take(size)
        return True

    async def enter_in_turn(self, size: int) -> None:
        """Take room for a record of a stream, waiting for it behind those who came before."""
        if not self._waiting and self._has_stream_room(size):
            self._take(size)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave(size)
            raise

    def leave(self, size: int) -> None:
        """Give room back: the record is acknowledged or has failed."""
        self.records -= 1
        self.size -= size
        while self._waiting:
            next_size, turn = self._waiting[0]
            if not turn.cancelled():
                if not self._has_stream_room(next_size):
                    return
                self._take(next_size)
                turn.set_result(None)
            self._waiting.popleft()

    def _has_stream_room(self, size: int) -> bool:
        if not self.records:
            return True
        return self.records < self._max_records // 2 and self.size + size <= self._max_bytes // 2

    def _take(self, size: int) -> None:
        self.records += 1
        self.size += size


class Traffic:
    """The requests of one server.

    Attributes:
        window: the records that are being written.
        requests: how many are being answered.
        is_draining: no new request is taken; for ever, once it is true.
        is_cut: what is left was given up at the deadline.
    """

    def __init__(self, settings: Settings, timeouts: Timeouts) -> None:
        """Start quiet."""
        self.settings = settings
        self.timeouts = timeouts
        self.window = Window(settings.http_max_in_flight, settings.window_bytes)
        self.requests = 0
        self.is_draining = False
        self.is_cut = False
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._reading: set[asyncio.Timeout] = set()

    @property
    def patience(self) -> timedelta:
        """The longest wait for the next bytes of a body."""
        return self.timeouts.drain if self.is_draining else self.timeouts.body

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count one request while it is answered."""
        self.requests += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self.requests -= 1
            if not self.requests:
                self._quiet.set()

    @contextmanager
    def reading(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Let `drain` shorten the time that a sender has for its next bytes."""
        self._reading.add(limit)
        try:
            yield
        finally:
            self._reading.discard(limit)

    async def drain(self, deadline: float) -> bool:
        """Take no new requests and wait for those there are; whether all were answered.

        It waits until `deadline` by the loop's clock, and less for senders who fall silent.
        """
        self.is_draining = True
        soon = asyncio.get_running_loop().time() + self.timeouts.drain.total_seconds()
        for limit in self._reading:
            when = limit.when()
            if when is not None and when > soon and not limit.expired():
                limit.reschedule(soon)
        try:
            async with asyncio.timeout_at(deadline):
                await self._quiet.wait()
        except TimeoutError:
            return False
        return True
