"""Calls of synchronous code: limited in real time, and ended with words when they take too long."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk.testing.driver import Driver, StillBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = timedelta(seconds=10)
SHORT = timedelta(milliseconds=50)


@pytest.fixture
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


def nothing() -> str:
    return "nothing"


def test_a_call_returns_what_its_work_returns(driver: Driver) -> None:
    async def work() -> int:
        await asyncio.sleep(3600)
        return 7

    assert driver.call(work, LONG, nothing) == 7


def test_what_work_raises_is_raised_with_its_traceback(driver: Driver) -> None:
    async def work() -> None:
        raise ValueError("here")

    with pytest.raises(ValueError, match="here") as raised:
        driver.call(work, LONG, nothing)
    assert raised.traceback[-1].name == "work"


def test_nothing_happens_between_calls(driver: Driver) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(driver.loop.time())
            await asyncio.sleep(1)

    async def begin() -> None:
        driver.loop.create_task(tick())
        await asyncio.sleep(1.5)

    async def go_on() -> None:
        await asyncio.sleep(1)

    driver.call(begin, LONG, nothing)
    before = list(ticks)
    threading.Event().wait(0.02)
    assert ticks == before == [0, 1]
    driver.call(go_on, LONG, nothing)
    assert ticks == [0, 1, 2]


def test_a_call_that_waits_too_long_is_ended_and_says_for_what(driver: Driver) -> None:
    ended: list[str] = []

    async def poll() -> None:
        try:
            while True:
                await asyncio.sleep(1)
        finally:
            ended.append("cancelled")

    with pytest.raises(StillBusyError, match=r"not done after 0\.05 s of real time: the moon"):
        driver.call(poll, SHORT, lambda: "the moon")
    assert ended == ["cancelled"]
    assert driver.is_broken


def test_a_call_that_blocks_is_left_alone_and_the_line_is_named(driver: Driver) -> None:
    gate = threading.Event()

    async def block() -> None:
        gate.wait()

    with pytest.raises(StillBusyError) as raised:
        driver.call(block, SHORT, nothing)
    gate.set()
    assert "held up for 0.05 s" in str(raised.value)
    assert "in block\n    gate.wait()" in str(raised.value)
    assert "_run_once" not in str(raised.value)


def test_an_exit_within_a_call_comes_out_of_it(driver: Driver) -> None:
    async def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        driver.call(leave, LONG, nothing)
    assert driver.is_broken


def test_no_time_passes_while_somebody_debugs(driver: Driver) -> None:
    gate = threading.Event()
    debugger: dict[str, Any] = {"__name__": "pdb", "gate": gate}
    exec("def prompt(): gate.wait()", debugger)

    async def with_breakpoint() -> str:
        debugger["prompt"]()
        return "went on"

    leave = threading.Timer(0.2, gate.set)
    leave.start()
    assert driver.call(with_breakpoint, SHORT, nothing) == "went on"
    leave.join()


def test_work_sees_the_context_that_its_driver_was_made_in() -> None:
    told: contextvars.ContextVar[str] = contextvars.ContextVar("told", default="nothing")
    told.set("something")
    driver = Driver()

    async def work() -> str:
        return told.get()

    assert driver.call(work, LONG, nothing) == "something"
    driver.close()


def test_what_is_left_on_the_loop_is_cancelled_at_the_end() -> None:
    driver = Driver()
    ended: list[str] = []

    async def stay() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("cancelled")

    async def begin() -> None:
        driver.loop.create_task(stay())
        await asyncio.sleep(0)

    driver.call(begin, LONG, nothing)
    driver.close()
    assert ended == ["cancelled"]
    assert driver.loop.is_closed()


def test_a_driver_that_was_never_used_can_be_closed() -> None:
    driver = Driver()
    driver.close()
    assert driver.loop.is_closed()
