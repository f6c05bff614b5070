"""The queue of applications, in a time that tests make pass."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator.work_queue import CALM, Result, WorkQueue
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Work:
    """Work that takes a time and ends as a test says; it keeps when each run began."""

    def __init__(self, takes: timedelta = timedelta(0), result: Result | None = None) -> None:
        self.takes = takes
        self.result = result or Result()
        self.defect: Exception | None = None
        self.began: dict[str, list[float]] = defaultdict(list)
        self.order: list[str] = []

    async def __call__(self, key: str) -> Result:
        self.began[key].append(round(asyncio.get_running_loop().time(), 3))
        self.order.append(key)
        await asyncio.sleep(self.takes.total_seconds())
        if self.defect is not None:
            raise self.defect
        return self.result

    def pauses(self, key: str = "a") -> list[float]:
        began = self.began[key]
        return [later - earlier for earlier, later in itertools.pairwise(began)]


@contextlib.asynccontextmanager
async def at_work(queue: WorkQueue[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def passing(span: timedelta) -> None:
    await asyncio.sleep(span.total_seconds())


@virtual_time
async def test_what_is_added_is_worked_on_at_once() -> None:
    work = Work()
    queue = WorkQueue(work)
    async with at_work(queue):
        await passing(SECOND)
        queue.add("a")
        await passing(SECOND)
    assert len(work.began["a"]) == 1
    assert queue.depth == 0


@virtual_time
async def test_what_was_added_before_it_ran_is_not_lost() -> None:
    work = Work()
    queue = WorkQueue(work)
    queue.add("a")
    assert queue.depth == 1
    async with at_work(queue):
        await passing(SECOND)
    assert len(work.began["a"]) == 1


@virtual_time
async def test_what_is_added_during_a_run_is_one_more_run_after_it() -> None:
    work = Work(takes=SECOND)
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await passing(SECOND / 2)
        for _ in range(5):
            queue.add("a")
        await passing(10 * SECOND)
    assert work.pauses() == pytest.approx([1.0])


@virtual_time
async def test_changes_that_nobody_waits_for_are_collected() -> None:
    work = Work()
    queue = WorkQueue(work)
    async with at_work(queue):
        for _ in range(10):
            queue.add_calmly("a")
            await asyncio.sleep(0.01)
        await passing(SECOND)
    assert work.pauses() == pytest.approx([CALM.total_seconds()], abs=0.01)


@virtual_time
async def test_changes_during_a_run_are_collected_after_it() -> None:
    takes = timedelta(milliseconds=100)
    work = Work(takes)
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await asyncio.sleep(0.05)
        queue.add_calmly("a")
        await passing(SECOND)
    assert work.pauses() == pytest.approx([(takes + CALM).total_seconds()], abs=0.01)


@virtual_time
async def test_what_somebody_waits_for_is_not_held_back_by_quiet_changes() -> None:
    work = Work()
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await asyncio.sleep(0.01)
        queue.add_calmly("a")
        queue.add("a")
        await passing(SECOND)
    assert work.pauses() == pytest.approx([0.01], abs=0.005)


@virtual_time
async def test_a_later_date_does_not_put_off_an_earlier_one() -> None:
    work = Work()
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a", SECOND)
        queue.add("a", MINUTE)
        await passing(2 * SECOND)
        assert len(work.began["a"]) == 1
        await passing(2 * MINUTE)
    assert len(work.began["a"]) == 1


@virtual_time
async def test_an_earlier_date_comes_first() -> None:
    work = Work()
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a", MINUTE)
        queue.add("a", SECOND)
        await passing(2 * SECOND)
        assert len(work.began["a"]) == 1
        await passing(2 * MINUTE)
    assert len(work.began["a"]) == 1


@virtual_time
async def test_failures_wait_longer_each_time_and_no_longer_than_five_minutes() -> None:
    work = Work(result=Result(is_good=False))
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await passing(timedelta(hours=1))
    pauses = work.pauses()
    for number, pause in enumerate(pauses):
        longest = min(2.0**number, 300.0)
        assert 0.75 * longest - 0.01 <= pause <= longest + 0.01
    assert len(pauses) > 15


@virtual_time
async def test_a_failure_waits_as_long_as_the_server_asked() -> None:
    work = Work(result=Result(is_good=False, again_after=30 * SECOND))
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await passing(61 * SECOND)
    assert work.pauses() == pytest.approx([30.0, 30.0])


@virtual_time
async def test_a_success_lets_the_next_failure_wait_shortly_again() -> None:
    work = Work(result=Result(is_good=False))
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await passing(MINUTE)
        work.result = Result()
        await passing(2 * MINUTE)
        work.result = Result(is_good=False)
        queue.add("a")
        before = len(work.began["a"])
        await passing(1.5 * SECOND)
    assert len(work.began["a"]) == before + 2


@virtual_time
async def test_quiet_changes_do_not_hurry_what_fails() -> None:
    work = Work(result=Result(is_good=False, again_after=5 * MINUTE))
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        for _ in range(600):
            await asyncio.sleep(0.1)
            queue.add_calmly("a")
    assert len(work.began["a"]) <= 14


@virtual_time
async def test_it_comes_again_when_the_work_asked_for_that() -> None:
    work = Work(result=Result(again_after=15 * SECOND))
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await passing(31 * SECOND)
    assert work.pauses() == pytest.approx([15.0, 15.0])


@virtual_time
async def test_a_slow_key_holds_no_other_back() -> None:
    work = Work(takes=MINUTE)
    queue = WorkQueue(work, workers=2)
    async with at_work(queue):
        queue.add("slow")
        await passing(SECOND)
        work.takes = timedelta(0)
        for name in "abc":
            queue.add(name)
        await passing(SECOND)
        assert work.order == ["slow", "a", "b", "c"]
        assert queue.running == 1


@virtual_time
async def test_no_more_are_worked_on_at_once_than_there_are_workers() -> None:
    work = Work(takes=SECOND)
    queue = WorkQueue(work, workers=2)
    async with at_work(queue):
        for name in "abcde":
            queue.add(name)
        await passing(SECOND / 2)
        assert queue.running == 2
        assert queue.depth == 3
        assert queue.age == pytest.approx(0.5)
        await passing(3 * SECOND)
    assert work.order == list("abcde")


@virtual_time
async def test_a_key_that_is_added_all_the_time_leaves_others_their_turn() -> None:
    queue: WorkQueue[str]
    order: list[str] = []

    async def greedy(key: str) -> Result:
        order.append(key)
        if key == "greedy":
            queue.add(key)
        await asyncio.sleep(0.01)
        return Result()

    queue = WorkQueue(greedy, workers=1)
    async with at_work(queue):
        queue.add("greedy")
        await passing(SECOND)
        queue.add("modest")
        await asyncio.sleep(0.05)
    assert "modest" in order


@virtual_time
async def test_a_defect_is_told_and_the_key_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    work = Work()
    work.defect = ZeroDivisionError("a bug")
    told: list[tuple[str, Result | None]] = []
    queue = WorkQueue(work, lambda key, result, _: told.append((key, result)))
    with caplog.at_level(logging.ERROR):
        async with at_work(queue):
            queue.add("plant/a")
            await passing(SECOND / 2)
            work.defect = None
            await passing(SECOND)
    assert "plant/a" in caplog.text
    assert "a bug" in caplog.text
    assert told == [("plant/a", None), ("plant/a", Result())]


@virtual_time
async def test_a_run_that_is_cut_off_is_due_again() -> None:
    work = Work(takes=MINUTE)
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await passing(SECOND)
    work.takes = timedelta(0)
    async with at_work(queue):
        await passing(SECOND)
    assert len(work.began["a"]) == 2


@virtual_time
async def test_nothing_is_kept_of_what_is_over() -> None:
    queue = WorkQueue(Work(result=Result(is_over=True)))
    async with at_work(queue):
        queue.add("a")
        await passing(SECOND)
        assert not queue._states


@virtual_time
async def test_what_is_added_while_its_last_run_ends_is_run_again() -> None:
    work = Work(takes=SECOND, result=Result(is_over=True))
    queue = WorkQueue(work)
    async with at_work(queue):
        queue.add("a")
        await passing(SECOND / 2)
        queue.add("a")
        await passing(3 * SECOND)
    assert len(work.began["a"]) == 2
