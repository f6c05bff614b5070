"""Notices that something holds up the event loop, and names it while it does.

A thread of its own, because a blocked loop cannot tell. It looks at the loop's heartbeat and,
when that is late, at the stack of the loop's thread.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

from streamlet_sdk.handlers import roles
from streamlet_sdk.runtime.counters import Distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from types import CodeType, FrameType

    from streamlet_sdk.runtime.counters import Counters

logger = logging.getLogger(__name__)

CHECK_SECONDS = 0.1
LOOP_LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)


class Watchdog:
    """Warns once for every time that the loop of the running thread is held up.

    Attributes:
        lag: how late the loop's heartbeats came.
    """

    def __init__(self, limit: timedelta) -> None:
        """Warn when the loop does not turn for `limit`."""
        self._limit = limit.total_seconds()
        self.lag = Distribution(LOOP_LAG)
        self._names: dict[CodeType, tuple[str, Counters]] = {}
        self._thread_id = 0
        self._beat = time.monotonic()
        self._stopped = threading.Event()
        self._handle: asyncio.TimerHandle | None = None

    def watch(self, handlers: Mapping[CodeType, str], counters: Counters) -> Callable[[], None]:
        """Know the code of a streamlet's handlers; the result forgets it again."""
        self._names |= {code: (name, counters) for code, name in handlers.items()}

        def forget() -> None:
            for code in handlers:
                self._names.pop(code, None)

        return forget

    def start(self) -> None:
        """Begin; called on the loop that is watched."""
        self._thread_id = threading.get_ident()
        self._beat = time.monotonic() - CHECK_SECONDS
        self._tick()
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()

    def stop(self) -> None:
        """End."""
        self._stopped.set()
        if self._handle is not None:
            self._handle.cancel()

    @property
    def late(self) -> float:
        """Seconds since the loop should have turned; for any thread."""
        return max(0.0, time.monotonic() - self._beat - CHECK_SECONDS)

    def culprit(self) -> str:
        """What the loop's thread is at; for any thread."""
        frame = frame_of(self._thread_id)
        if frame is None:
            return "its thread has ended"
        named = self._named(frame)
        if named is not None:
            return f"{named[0]} (line {named[2]})"
        return f"{frame.f_code.co_filename}:{frame.f_lineno}"

    def _tick(self) -> None:
        now = time.monotonic()
        self.lag.add(max(0.0, now - self._beat - CHECK_SECONDS))
        self._beat = now
        self._handle = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._tick)

    def _watch(self) -> None:
        warned_of = 0.0
        while not self._stopped.wait(CHECK_SECONDS):
            beat = self._beat
            late = time.monotonic() - beat - CHECK_SECONDS
            if late > self._limit and beat != warned_of:
                warned_of = beat
                self._warn(late)

    def _warn(self, late: float) -> None:
        frame = frame_of(self._thread_id)
        named = self._named(frame)
        if named is None:
            logger.warning("The event loop was held up for %.1f s", late)
            return
        name, counters, line = named
        counters.blocked += 1
        logger.warning(
            "%s holds up the event loop for %.1f s (line %d): make it async, or mark it with "
            "thread=True",
            name,
            late,
            line,
        )

    def _named(self, frame: FrameType | None) -> tuple[str, Counters, int] | None:
        while frame is not None:
            if (found := self._names.get(frame.f_code)) is not None:
                return (*found, frame.f_lineno)
            frame = frame.f_back
        return None


def frame_of(thread_id: int) -> FrameType | None:
    """What a thread is at; None when there is no such thread."""
    return sys._current_frames().get(thread_id)  # noqa: SLF001 — there is no public way


def code_of(cls: type) -> dict[CodeType, str]:
    """What of a streamlet class may hold up the loop: its handlers' code, by `Class.method`."""
    names = (*roles(cls), "start", "stop", "partitions_assigned", "partitions_revoked")
    functions = {name: inspect.unwrap(getattr(cls, name)) for name in names}
    return {
        function.__code__: f"{cls.__qualname__}.{name}"
        for name, function in functions.items()
        if inspect.isfunction(function)
    }
