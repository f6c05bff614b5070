"""An event loop whose clock jumps: a test of a ten-second back-off takes no time."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.runtime.threads import DaemonThreads

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future
    from selectors import SelectorKey

STILL_SECONDS: Final = 1.0


class StuckError(RuntimeError):
    """Nothing is ready, no timer is set and no thread is at work: the loop would wait for ever."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Moves its clock to the next timer as soon as nothing else is to be done.

    While a call in an executor runs, the clock stands still: what a thread does takes no time.
    Calls that take longer than `STILL_SECONDS`, and open sockets, are waited for in real time,
    and the clock goes with it. Threads that a program starts itself are not known here.
    """

    def __init__(self) -> None:
        """Begin at 0 seconds."""
        self._now = 0.0
        self._at_work = 0
        self._busy_since = 0.0
        self._resting: list[asyncio.Future[None]] = []
        self._moving: list[asyncio.Future[None]] = []
        # Its threads are daemons: a call that never returns does not keep a test from ending.
        self._threads = DaemonThreads("executor")
        super().__init__(_JumpingSelector(self))
        # Sums of floats miss a timer by less than this; asyncio runs it then.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Seconds since the loop was made, as far as it has jumped."""
        return self._now

    def at_rest(self) -> asyncio.Future[None]:
        """Done when nothing more can happen before the clock moves."""
        return self._noted(self._resting)

    def moved(self) -> asyncio.Future[None]:
        """Done when the clock has moved the next time."""
        return self._noted(self._moving)

    def move(self, seconds: float) -> None:
        """Move the clock on."""
        self._now += seconds
        _tell(self._moving)

    @property
    def waits_for_threads(self) -> bool:
        """Whether a thread is at work."""
        return self._at_work > 0

    @property
    def stands_still(self) -> float:
        """For how many seconds of real time the clock is not to move yet."""
        if not self._at_work:
            return 0.0
        return max(0.0, self._busy_since + STILL_SECONDS - time.perf_counter())

    def rest(self) -> bool:
        """Called when nothing is ready: whether somebody was waiting for that and is now."""
        return _tell(self._resting)

    def run_in_executor(  # type: ignore[override] # typeshed says the same with a variadic tuple
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run `func` in a thread; the clock does not jump before it has ended."""
        call = (self._threads if executor is None else executor).submit(func, *args)
        future = asyncio.wrap_future(call, loop=self)
        if not self._at_work:
            self._busy_since = time.perf_counter()
        self._at_work += 1
        # Added last, so it is called when the loop has been handed the result.
        call.add_done_callback(self._ended)
        return future

    def close(self) -> None:
        """Close; threads that still work are left to themselves."""
        self._threads.close()
        super().close()

    def _ended(self, call: Future[Any]) -> None:
        """In the thread: its call has ended."""
        del call
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            self.call_soon_threadsafe(self._back)

    def _back(self) -> None:
        self._at_work -= 1

    def _noted(self, waiting: list[asyncio.Future[None]]) -> asyncio.Future[None]:
        future = self.create_future()
        waiting.append(future)
        return future


def _tell(waiting: list[asyncio.Future[None]]) -> bool:
    """Whether anybody was waiting."""
    live = [future for future in waiting if not future.done()]
    waiting.clear()
    for future in live:
        future.set_result(None)
    return bool(live)


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        has_threads = self._loop.waits_for_threads
        if not has_threads and self._loop.rest():
            return []
        if still := self._loop.stands_still:
            return super().select(still)
        # One file is the loop's own, by which threads wake it.
        if has_threads or len(self.get_map()) > 1:
            began = time.perf_counter()
            ready = super().select(timeout)
            self._loop.move(time.perf_counter() - began)
            return ready
        if timeout is None:
            raise StuckError("nothing is ready, no timer is set and no thread is at work")
        self._loop.move(timeout)
        return []
