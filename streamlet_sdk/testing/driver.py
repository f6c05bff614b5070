"""Runs coroutines for synchronous code, in virtual time and never longer than they may.

A kit has one driver. Its loop runs in a thread of its own and only while a call is under way, so
that nothing happens behind a test's back, and so that even a handler that blocks for ever cannot
hold up the test.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import traceback
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self, TypeVar

from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.testing.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from datetime import timedelta
    from types import FrameType, TracebackType

T = TypeVar("T")

# A cancelled call gets so long to let go, a closing loop so long to end.
GRACE_SECONDS = 1.0
DEBUGGERS = ("bdb", "pdb", "pydevd")


class StillBusyError(CloudflowError):
    """A call took longer than it may, in real time; the message says what it waits for."""


class Driver:
    """One loop and its thread, which starts with the first call."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.loop = VirtualTimeLoop()
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._serve,), daemon=True, name="streamlet-kit"
        )
        self._task: asyncio.Task[Any] | None = None
        self.is_stuck = False

    def call(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        limit: timedelta,
        pending: Callable[[], str],
    ) -> T:
        """Run `work` to its end and return what it returns.

        Args:
            work: makes the coroutine; called on the loop's thread.
            limit: how long it may take, in real time; not counted while a debugger waits.
            pending: says in a sentence what is still to be done, for the error.

        Raises:
            StillBusyError: when it took longer; it was cancelled, or its thread left alone.
            BaseException: whatever `work` raises.
        """
        if self.is_stuck:
            raise StillBusyError("an earlier call never ended, so that nothing can be run any more")
        if self._thread.ident is None:
            self._thread.start()
        done: Future[T] = Future()
        self._calls.put(lambda: self._run(work, done))
        try:
            while not self._ended(done, limit.total_seconds()):
                if not self._is_debugged():
                    raise self._too_long(done, limit, pending)
            return done.result()
        finally:
            self._cancel(done)

    def close(self) -> None:
        """Cancel what runs on the loop, and end the thread."""
        self._calls.put(None)
        if self._thread.ident is None:
            self.loop.close()
        else:
            self._thread.join(GRACE_SECONDS)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.get_loop()
            while (call := self._calls.get()) is not None:
                call()

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]], done: Future[T]) -> None:
        with _Everything() as attempt:
            self.loop.run_until_complete(self._attend(work, done))
        if attempt.error is not None and not done.done():
            done.set_exception(attempt.error)

    async def _attend(self, work: Callable[[], Coroutine[Any, Any, T]], done: Future[T]) -> None:
        task = self._task = self.loop.create_task(work())
        await asyncio.wait({task})
        if task.cancelled():
            done.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            done.set_exception(error)
        else:
            done.set_result(task.result())

    @staticmethod
    def _ended(done: Future[Any], seconds: float) -> bool:
        try:
            done.exception(seconds)
        except TimeoutError:
            return done.done()
        return True

    def _cancel(self, done: Future[Any]) -> None:
        if not done.done() and self._task is not None and not self.is_stuck:
            self.loop.call_soon_threadsafe(self._task.cancel)
            self.is_stuck = not self._ended(done, GRACE_SECONDS)

    def _too_long(
        self, done: Future[Any], limit: timedelta, pending: Callable[[], str]
    ) -> StillBusyError:
        """End the call if it lets itself be ended, and say what it was at."""
        where = "".join(traceback.format_list(list(self._own_frames())))
        self._cancel(done)
        seconds = limit.total_seconds()
        if self.is_stuck:
            return StillBusyError(
                f"the event loop has been held up for {seconds:g} s, here:\n{where}",
                hint="Make what blocks async, or mark its handler with thread=True.",
            )
        return StillBusyError(f"not done after {seconds:g} s: {pending()}")

    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 — no public way

    def _own_frames(self) -> Iterator[traceback.FrameSummary]:
        """The stack of the loop's thread, without those below the running callback."""
        stack = traceback.extract_stack(self._frame())
        inner = [n for n, frame in enumerate(stack) if frame.name == "_run_once"]
        yield from stack[inner[-1] + 2 if inner else 0 :]

    def _is_debugged(self) -> bool:
        """Whether the loop's thread waits in a debugger for somebody to go on."""
        frame = self._frame()
        while frame is not None:
            if frame.f_globals.get("__name__", "").partition(".")[0] in DEBUGGERS:
                return True
            frame = frame.f_back
        return False


class _Everything:
    """Keeps whatever is raised, exits of the process included, for the caller's thread."""

    error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.error = error
        return True
