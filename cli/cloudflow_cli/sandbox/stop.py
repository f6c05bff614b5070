"""When and why the sandbox ends: Ctrl-C, a time, idleness, or a feed or tap that failed.

Asked for on the loop, from threads and from signal handlers. A handler of the user's that holds up
the loop must not keep the process alive: a second Ctrl-C, and a guard in a thread of its own, end
it without the loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import timedelta
    from types import FrameType

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED_STATUS: Final = 130
STUCK_STATUS: Final = 1
LOOK_SECONDS: Final = 0.1
STDERR: Final = 2
SHOW_CURSOR: Final = "\x1b[?25h"


class Why(Enum):
    """Why it ends; the value is a sentence for people."""

    ASKED = "Stopped as asked"
    TIME = "The time of --until is over"
    IDLE = "Everything is processed"
    UNREAD = "Stopped: nobody reads stdout any more"
    TIMEOUT = "The time of --timeout is over, and not everything is processed"
    FAILING = "Stopped: a streamlet fails again and again, and not everything is processed"
    FEED = "Stopped: a feed failed"
    TAP = "Stopped: a tap failed"
    START = "Stopped: the application could not be started"

    @property
    def is_failure(self) -> bool:
        """Whether the exit code says so."""
        return self in (Why.TIMEOUT, Why.FAILING, Why.FEED, Why.TAP, Why.START)


@dataclass(frozen=True, slots=True)
class Limit:
    """A time after which to end, and why then."""

    after: timedelta
    why: Why


class Stop:
    """The request to end; the first reason counts.

    Attributes:
        why: None until somebody asks.
    """

    def __init__(
        self, patience: timedelta, limit: Limit | None, say: Callable[[str], None]
    ) -> None:
        """Give the application `patience` to drain, once it was asked to.

        `say` tells people something; it must not wait for a lock.
        """
        self._say = say
        self.why: Why | None = None
        self._patience = patience.total_seconds()
        self._limit = limit
        self._over = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = asyncio.Event()
        self._is_interrupted = False

    def ask(self, why: Why) -> None:
        """End, for a reason; from any thread, or a signal handler."""
        if self.why is None:
            self.why = why
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._asked.set)

    async def asked(self) -> Why:
        """Wait until somebody asks."""
        self._loop = asyncio.get_running_loop()
        if self.why is None:
            await self._asked.wait()
        assert self.why is not None
        return self.why

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take signals as requests, and see to the limits, until the block ends."""
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        threading.Thread(target=self._guard, daemon=True, name="guard").start()
        try:
            yield
        finally:
            self._over.set()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._is_interrupted:
            _end("Stopped at once; what was in flight is lost.", INTERRUPTED_STATUS)
        # Before anything else: the second signal may come while the first is taken.
        self._is_interrupted = True
        self.ask(Why.ASKED)
        self._say("Draining; Ctrl-C again stops at once.\n")

    def _guard(self) -> None:
        began = time.monotonic()
        asked_at: float | None = None
        while not self._over.wait(LOOK_SECONDS):
            now = time.monotonic()
            if self.why is None:
                if self._limit is not None and now - began > self._limit.after.total_seconds():
                    self.ask(self._limit.why)
            elif asked_at is None:
                asked_at = now
            elif now - asked_at > self._patience:
                _end(
                    f"The application did not stop within {self._patience:.0f} s: code of a "
                    "streamlet goes on and on.",
                    STUCK_STATUS,
                )


def _end(sentence: str, status: int) -> None:
    # A view that is left like this has hidden the cursor.
    cursor = SHOW_CURSOR if os.isatty(STDERR) else ""
    os.write(STDERR, f"{cursor}{sentence}\n".encode())
    os._exit(status)
