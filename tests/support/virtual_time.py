"""An event loop whose clock jumps to the next timer, so that tests of time-outs take no time.

    @virtual_time
    async def test_a_session_ends() -> None: ...

A test that would wait for ever fails at once: nothing is left that could happen.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import selectors
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting it moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Whatever is ready; else the clock moves on by `timeout`."""
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits and no timer is set: this would hang")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own that starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._jumping.now


def virtual_time(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Run an asynchronous test in a `VirtualLoop`; fails when it leaves a task behind."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(_tidy(test(*args, **kwargs)))

    # pytest-asyncio would look through the wrapper and take it for asynchronous.
    vars(run).pop("__wrapped__")
    vars(run)["__signature__"] = inspect.signature(test)  # by which pytest finds fixtures
    return run


async def _tidy(test: Coroutine[object, object, None]) -> None:
    await test
    for _ in range(3):  # what was cancelled last gets its turns to end
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {[task.get_coro() for task in left]}"
