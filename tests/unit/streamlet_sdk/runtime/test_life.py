"""The wish to end: it comes before, while, or after what it may cut short."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from streamlet_sdk.runtime.life import Stop
from support.virtual_time import virtual_time


class Work:
    """Remembers how far it came."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.state = "not begun"

    async def do(self) -> None:
        """Take a while."""
        self.state = "begun"
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.state = "cancelled"
            raise
        self.state = "done"


@virtual_time
async def test_work_that_is_done_first_is_not_cut_short() -> None:
    stop, work = Stop(), Work(1)
    assert await stop.leaves_time_for(work.do())
    assert work.state == "done"


@virtual_time
async def test_the_wish_cuts_work_short_at_once() -> None:
    stop, work = Stop(), Work(3600)
    asyncio.get_running_loop().call_later(1, stop.wish)
    assert not await stop.leaves_time_for(work.do())
    assert work.state == "cancelled"
    assert asyncio.get_running_loop().time() == pytest.approx(1)


@virtual_time
async def test_what_work_raises_is_raised() -> None:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Stop().leaves_time_for(fail())


@virtual_time
async def test_what_fails_while_it_is_cut_short_is_raised_too() -> None:
    stop = Stop()

    async def fail() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("while it was cancelled")

    asyncio.get_running_loop().call_later(1, stop.wish)
    with pytest.raises(ValueError, match="while it was cancelled"):
        await stop.leaves_time_for(fail())


@virtual_time
async def test_a_pause_ends_early_when_the_wish_comes() -> None:
    stop = Stop()
    assert not await stop.within(timedelta(seconds=1))
    asyncio.get_running_loop().call_later(1, stop.wish, timedelta(seconds=3))
    assert await stop.within(timedelta(hours=1))
    assert asyncio.get_running_loop().time() == pytest.approx(2)
    assert stop.wished
    assert stop.drain == timedelta(seconds=3)
