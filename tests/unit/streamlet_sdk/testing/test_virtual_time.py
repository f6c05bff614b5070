"""The loop's clock: it jumps when nothing else can happen, and never while something can."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk.testing.virtual_time import StuckError, VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work())


def now() -> float:
    return asyncio.get_running_loop().time()


def the_loop() -> VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop


def test_a_day_of_sleep_takes_no_time() -> None:
    async def sleep() -> float:
        await asyncio.sleep(86_400)
        return now()

    began = time.perf_counter()
    assert run(sleep) == pytest.approx(86_400)
    assert time.perf_counter() - began < 60


def test_timers_fire_in_their_order_however_they_were_set() -> None:
    fired: list[float] = []

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append(seconds)

    async def several() -> None:
        await asyncio.gather(*(wait(seconds) for seconds in (3, 0.1, 2, 0.3, 0.2)))

    run(several)
    assert fired == [0.1, 0.2, 0.3, 2, 3]


def test_waiting_for_ever_is_an_error() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError, match="no timer is set"):
        run(wait)


def test_the_clock_does_not_jump_while_a_thread_works() -> None:
    gate = threading.Event()

    async def work() -> float:
        loop = asyncio.get_running_loop()
        blocked = loop.run_in_executor(None, gate.wait)
        # In virtual time this hour would be over before a thread could do anything.
        hour = asyncio.create_task(asyncio.sleep(3600))
        gate.set()
        await blocked
        assert not hour.done()
        return now()

    assert run(work) == 0


def test_a_cancelled_call_holds_the_clock_until_its_thread_has_ended() -> None:
    begun, gate, ended = threading.Event(), threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        gate.wait()
        ended.set()

    async def work() -> None:
        blocked = asyncio.get_running_loop().run_in_executor(None, block)
        begun.wait()  # a call that has not begun is cancelled for good
        blocked.cancel()
        release = threading.Timer(0.01, gate.set)
        release.start()
        await asyncio.sleep(3600)
        assert ended.is_set()
        release.join()

    run(work)


def test_what_threads_do_takes_no_time() -> None:
    async def work() -> float:
        for _ in range(200):
            hour = asyncio.create_task(asyncio.sleep(3600))
            await asyncio.to_thread(time.sleep, 0.0001)
            assert not hour.done()
            hour.cancel()
        return now()

    assert run(work) == 0


def test_a_thread_that_takes_long_is_waited_for_in_real_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamlet_sdk.testing.virtual_time.STILL_SECONDS", 0.01)
    gate = threading.Event()

    async def work() -> None:
        call = asyncio.get_running_loop().run_in_executor(None, gate.wait)
        # The thread waits for what only a timer brings about.
        await asyncio.sleep(0.05)
        gate.set()
        await call
        assert 0.05 <= now() < 60

    run(work)


def test_the_result_of_a_thread_is_there_before_the_clock_jumps() -> None:
    async def work() -> int:
        async with asyncio.timeout(3600):
            return await asyncio.to_thread(lambda: 7)

    assert run(work) == 7


def test_the_clock_does_not_jump_while_a_socket_is_open() -> None:
    async def talk() -> bytes:
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            answer = threading.Timer(0.01, theirs.send, (b"late",))
            answer.start()
            async with asyncio.timeout(60):
                data = await reader.read(4)
            writer.close()
            await writer.wait_closed()
            answer.join()
        return data

    assert run(talk) == b"late"


def test_rest_comes_when_all_is_done_that_needs_no_time() -> None:
    done: list[int] = []

    async def steps() -> None:
        for step in range(5):
            await asyncio.sleep(0)
            done.append(step)
        await asyncio.sleep(1)
        done.append(99)

    async def work() -> None:
        task = asyncio.create_task(steps())
        await the_loop().at_rest()
        assert done == [0, 1, 2, 3, 4]
        assert now() == 0
        await task

    run(work)


def test_rest_does_not_come_before_a_thread_has_ended() -> None:
    done: list[str] = []

    async def in_thread() -> None:
        await asyncio.to_thread(time.sleep, 0.01)
        done.append("thread")

    async def work() -> None:
        task = asyncio.create_task(in_thread())
        await the_loop().at_rest()
        assert done == ["thread"]
        await task

    run(work)


def test_whoever_waits_for_the_clock_to_move_is_woken_by_each_jump() -> None:
    async def work() -> list[float]:
        sleeping = [asyncio.create_task(asyncio.sleep(seconds)) for seconds in (1, 5)]
        seen = []
        for _ in range(2):
            await the_loop().moved()
            seen.append(now())
        await asyncio.gather(*sleeping)
        return seen

    assert run(work) == [1, 5]


def test_a_call_that_never_returns_does_not_keep_the_loop_from_closing() -> None:
    gate = threading.Event()
    loop = VirtualTimeLoop()

    async def work() -> None:
        asyncio.get_running_loop().run_in_executor(None, gate.wait)

    loop.run_until_complete(work())
    loop.close()
    gate.set()
