"""An event loop whose clock jumps: a test of a ten-second back-off takes no time."""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from selectors import SelectorKey


class StuckError(RuntimeError):
    """Nothing is ready, no timer is set and no thread is at work: the loop would wait for ever."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Moves its clock to the next timer as soon as nothing else is to be done.

    While a thread is at work, which may wake the loop at any time, the clock goes with real time.
    """

    def __init__(self) -> None:
        """Begin at 0 seconds."""
        self._now = 0.0
        self._at_work = 0
        super().__init__(_JumpingSelector(self))
        # Sums of floats miss a timer by less than this; asyncio runs it then.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Seconds since the loop was made, as far as it has jumped."""
        return self._now

    def move(self, seconds: float) -> None:
        """Move the clock on."""
        self._now += seconds

    @property
    def waits_for_threads(self) -> bool:
        """Whether a thread is at work."""
        return self._at_work > 0

    def run_in_executor(  # type: ignore[override] # typeshed's variadic tuple says the same
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run `func` in a thread; the clock does not jump meanwhile."""
        self._at_work += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._back)
        return future

    def _back(self, future: asyncio.Future[Any]) -> None:
        del future
        self._at_work -= 1


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if self._loop.waits_for_threads:
            began = time.perf_counter()
            ready = super().select(timeout)
            self._loop.move(time.perf_counter() - began)
            return ready
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise StuckError("nothing is ready, no timer is set and no thread is at work")
        self._loop.move(timeout)
        return []
