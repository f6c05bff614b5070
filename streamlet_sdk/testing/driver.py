"""Runs coroutines for synchronous code, in virtual time and never longer than they may.

Each kit has one. The loop runs in a thread of its own, and only while a call is under way: nothing
happens behind a test's back, and even a handler that blocks for ever cannot hold up the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import traceback
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamlet_sdk.blueprint.extraction import Attempt
from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.runtime.watchdog import frame_of
from streamlet_sdk.testing.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta
    from types import FrameType

    Work = Callable[[], Coroutine[Any, Any, "T"]]

T = TypeVar("T")

# A cancelled call gets so long to let go, and a closing loop to end what is left on it.
GRACE_SECONDS: Final = 0.5
DEBUGGERS: Final = frozenset({"bdb", "pdb", "pydevd"})


class StillBusyError(CloudflowError):
    """A call took longer than it may, in real time; the message says what it waits for."""


class Driver:
    """One loop and its thread, which starts with the first call.

    Attributes:
        is_broken: a call took too long, or an exit was raised in one; what runs on the loop is
            not to be trusted any more.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self.loop = VirtualTimeLoop()
        self.is_broken = False
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._serve,), daemon=True, name="streamlet-kit"
        )
        self._task: asyncio.Task[Any] | None = None
        self._attendant: asyncio.Task[Any] | None = None

    def call(self, work: Work[T], limit: timedelta, pending: Callable[[], str]) -> T:
        """Run `work` to its end and return what it returns.

        Args:
            work: makes the coroutine; called on the loop's thread.
            limit: how long it may take, in real time; while a debugger waits, none passes.
            pending: says what is still to be done, for the error.

        Raises:
            StillBusyError: when it took longer; it was cancelled, or its thread left alone.
            BaseException: whatever `work` raises.
        """
        if self._thread.ident is None:
            self._thread.start()
        done: Future[T] = Future()
        self._calls.put(lambda: self._run(work, done))
        try:
            while not _is_done(done, limit.total_seconds()):
                if not _is_debugged(self._frame()):
                    raise self._too_long(done, limit, pending)
            return done.result()
        finally:
            self._cancel(done)

    def others(self) -> set[asyncio.Task[Any]]:
        """All tasks on the loop but those of the call that is under way."""
        return asyncio.all_tasks(self.loop) - {self._task, self._attendant}

    def close(self) -> None:
        """Cancel what is left on the loop, and end the thread."""
        self._calls.put(None)
        if self._thread.ident is None:
            self.loop.close()
        else:
            self._thread.join(GRACE_SECONDS)

    def _serve(self) -> None:
        with Attempt(), asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.get_loop()
            while (call := self._calls.get()) is not None:
                call()

    def _run(self, work: Work[T], done: Future[T]) -> None:
        with Attempt() as attempt:
            self.loop.run_until_complete(self._attend(work, done))
        if attempt.error is not None and not done.done():
            self.is_broken = True
            done.set_exception(attempt.error)

    async def _attend(self, work: Work[T], done: Future[T]) -> None:
        task = self._task = self.loop.create_task(work())
        self._attendant = asyncio.current_task()
        await asyncio.wait({task})
        if task.cancelled():
            done.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            done.set_exception(error)
        else:
            done.set_result(task.result())

    def _cancel(self, done: Future[Any]) -> None:
        """End a call that is not done; it may hold the thread all the same."""
        if not done.done() and not self.is_broken and self._task is not None:
            self.is_broken = True
            self.loop.call_soon_threadsafe(self._task.cancel)
            _is_done(done, GRACE_SECONDS)

    def _too_long(
        self, done: Future[Any], limit: timedelta, pending: Callable[[], str]
    ) -> StillBusyError:
        """End the call if it lets itself be ended, and say what it was at."""
        at = _inner_frames(self._frame())
        self._cancel(done)
        seconds = limit.total_seconds()
        if done.done():
            return StillBusyError(f"not done after {seconds:g} s of real time: {pending()}")
        return StillBusyError(
            f"the event loop has been held up for {seconds:g} s of real time:\n{at}",
            hint="Make what blocks async, or mark its handler with thread=True.",
        )

    def _frame(self) -> FrameType | None:
        return frame_of(self._thread.ident or 0)


def _is_done(done: Future[Any], seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        done.exception(seconds)
    return done.done()


def _inner_frames(frame: FrameType | None) -> str:
    """The stack of the loop's thread, from the running callback on."""
    stack = traceback.extract_stack(frame)
    turns = [number for number, one in enumerate(stack) if one.name == "_run_once"]
    return "".join(traceback.format_list(stack[turns[-1] + 2 if turns else 0 :])).rstrip()


def _is_debugged(frame: FrameType | None) -> bool:
    """Whether a thread waits in a debugger for somebody to go on."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in DEBUGGERS:
            return True
        frame = frame.f_back
    return False
