"""Waiting that a worker does while it may be asked to end, and what it waits for before it ends.

Used by workers and by the inlet; it knows no records.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from streamlet_sdk.runtime.transport import Lease

# How often is looked at a lease.
LEASE_SECONDS = 0.05


class Expected:
    """Records that are being committed and then come, as at-most-once has it; a context.

    Attributes:
        now: whether some are.
    """

    def __init__(self, told: asyncio.Event) -> None:
        """Nothing is expected; `told` is set when nothing is any more."""
        self.now = False
        self._told = told

    def __enter__(self) -> None:
        """Expect some."""
        self.now = True

    def __exit__(self, *_: object) -> None:
        """They come next, or not at all."""
        self.now = False
        self._told.set()


async def holds(lease: Lease, ended: asyncio.Event) -> bool:
    """Wait until `lease` holds; false when `ended` comes first."""
    while not lease.holds:
        if await ends_within(ended, LEASE_SECONDS):
            return False
    return True


async def unless(ended: asyncio.Event, waiting: Coroutine[Any, Any, bool]) -> bool:
    """The result of `waiting`; false when `ended` comes first."""
    loop = asyncio.get_running_loop()
    tasks = (loop.create_task(waiting), loop.create_task(ended.wait()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].done() and bool(tasks[0].result())
    finally:
        for task in tasks:
            task.cancel()


async def ends_within(ended: asyncio.Event, seconds: float) -> bool:
    """Wait `seconds`; true as soon as `ended` comes."""
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return False
    return True
