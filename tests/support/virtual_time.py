"""Tests of time-outs that take no time.

    @virtual_time
    async def test_a_session_ends() -> None: ...

A test that would wait for ever fails at once: nothing is left that could happen.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, ParamSpec

from streamlet_sdk.testing.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")


def virtual_time(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Run an asynchronous test in a `VirtualTimeLoop`; fails when it leaves a task behind."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
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
