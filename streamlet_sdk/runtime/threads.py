"""Threads for code that blocks.

They are daemons: a handler that never returns cannot keep the process from ending, as the
standard pool's threads would.
"""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from streamlet_sdk.runtime.attempts import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(Executor):
    """Runs each call in an idle thread of its own, or in a new one; never makes a call wait.

    The caller bounds how many run at once.
    """

    def __init__(self, name: str) -> None:
        """Threads are made when they are needed; `name` shows in their names."""
        self._name = name
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[Callable[[], None] | None]] = []
        self._closed = False
        self._made = 0

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `function` in a thread."""
        future: Future[T] = Future()
        context = contextvars.copy_context()  # as `asyncio.to_thread` does

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            with Attempt() as attempt:
                future.set_result(context.run(function, *args, **kwargs))
            if attempt.error is not None:
                future.set_exception(attempt.error)

        self._inbox().put(call)
        return future

    def close(self) -> None:
        """Let idle threads end; those that still run are left to themselves."""
        with self._lock:
            self._closed = True
            for inbox in self._idle:
                inbox.put(None)
            self._idle.clear()

    def _inbox(self) -> SimpleQueue[Callable[[], None] | None]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            self._made += 1
            number = self._made
        inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        name = f"{self._name}-{number}"
        threading.Thread(target=self._serve, args=(inbox,), daemon=True, name=name).start()
        return inbox

    def _serve(self, inbox: SimpleQueue[Any]) -> None:
        while (call := inbox.get()) is not None:
            call()
            with self._lock:
                if self._closed:
                    return
                self._idle.append(inbox)
