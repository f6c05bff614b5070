"""Room in the window: who gets it, and in which order."""

from __future__ import annotations

import asyncio

import pytest

from streamlet_sdk.contract import Settings
from streamlet_sdk.ingress.traffic import Timeouts, Traffic, Window


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_full_window_takes_no_record_until_one_leaves() -> None:
    window = Window(2, 100)
    assert window.enter(1)
    assert window.enter(1)
    assert window.is_full
    assert not window.enter(1)
    window.leave(1)
    assert window.enter(1)


def test_bytes_fill_the_window_too() -> None:
    window = Window(10, 100)
    assert window.enter(60)
    assert not window.enter(41)
    assert window.enter(40)


def test_a_record_larger_than_the_window_goes_alone() -> None:
    window = Window(10, 100)
    assert window.enter(500)
    assert not window.enter(1)


async def test_streams_leave_half_of_the_window_to_others() -> None:
    window = Window(4, 100)
    await window.enter_in_turn(1)
    await window.enter_in_turn(1)
    third = asyncio.ensure_future(window.enter_in_turn(1))
    await turns()
    assert not third.done()
    assert window.enter(1)
    window.leave(1)
    window.leave(1)
    await third
    assert window.records == 2


async def test_streams_get_room_in_the_order_they_asked() -> None:
    window = Window(1, 100)
    assert window.enter(1)
    served: list[str] = []

    async def stream(name: str) -> None:
        await window.enter_in_turn(1)
        served.append(name)
        window.leave(1)

    waiting = [asyncio.ensure_future(stream(name)) for name in "abc"]
    await turns()
    assert not served
    window.leave(1)
    await asyncio.gather(*waiting)
    assert served == ["a", "b", "c"]
    assert window.records == 0


async def test_a_small_record_does_not_overtake_a_large_one_that_waits() -> None:
    window = Window(100, 100)
    assert window.enter(40)
    large = asyncio.ensure_future(window.enter_in_turn(30))
    await turns()
    small = asyncio.ensure_future(window.enter_in_turn(1))
    await turns()
    assert not large.done()
    assert not small.done()
    window.leave(40)
    await asyncio.gather(large, small)


async def test_a_stream_that_gives_up_waiting_holds_no_room() -> None:
    window = Window(1, 100)
    assert window.enter(1)
    waits, next_one = (asyncio.ensure_future(window.enter_in_turn(1)) for _ in range(2))
    await turns()
    waits.cancel()
    window.leave(1)
    await next_one
    assert (window.records, window.size) == (1, 1)


async def test_a_stream_cancelled_as_it_gets_room_gives_it_back() -> None:
    window = Window(1, 100)
    assert window.enter(1)
    waits = asyncio.ensure_future(window.enter_in_turn(1))
    await turns()
    window.leave(1)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert (window.records, window.size) == (0, 0)


async def test_draining_waits_for_the_last_request() -> None:
    traffic = Traffic(Settings(), Timeouts())
    forever = asyncio.get_running_loop().time() + 1000
    with traffic.request():
        drained = asyncio.ensure_future(traffic.drain(forever))
        await turns()
        assert traffic.is_draining
        assert not drained.done()
    assert await drained


async def test_draining_gives_up_at_the_deadline() -> None:
    traffic = Traffic(Settings(), Timeouts())
    with traffic.request():
        assert not await traffic.drain(asyncio.get_running_loop().time())
