"""Whatever is added when: no key runs twice at once, and each addition is seen by a later run."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from datetime import timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from cloudflow_operator.work_queue import Result, WorkQueue
from streamlet_sdk.testing.virtual_time import VirtualTimeLoop

KEYS = st.sampled_from("abc")
MOMENTS = st.integers(0, 2000).map(lambda each: each / 1000)
RESULTS = st.sampled_from(
    [
        Result(),
        Result(is_good=False),
        Result(again_after=timedelta(milliseconds=300)),
        Result(is_over=True),
        None,
    ]
)
LONG = 3600.0


class Addition(NamedTuple):
    """A call of `add` or `add_calmly` before which time passes."""

    key: str
    pause: float
    after: float
    is_calm: bool


ADDITIONS = st.lists(st.builds(Addition, KEYS, MOMENTS, MOMENTS, st.booleans()), max_size=30)


class Recorder:
    """Work of changing length and result; it keeps what it saw."""

    def __init__(self, results: list[Result | None], lengths: list[float]) -> None:
        self._results = results
        self._lengths = lengths
        self.runs = 0
        self.began: dict[str, float] = {}
        self.running: set[str] = set()
        self.most = 0

    async def __call__(self, key: str) -> Result:
        number, self.runs = self.runs, self.runs + 1
        assert key not in self.running
        self.running.add(key)
        self.most = max(self.most, len(self.running))
        self.began[key] = asyncio.get_running_loop().time()
        try:
            await asyncio.sleep(self._lengths[number % len(self._lengths)])
        finally:
            self.running.discard(key)
        result = self._results[number] if number < len(self._results) else Result()
        if result is None:
            raise ZeroDivisionError
        return result


@given(
    ADDITIONS,
    st.lists(RESULTS, max_size=20),
    st.lists(MOMENTS, min_size=1, max_size=5),
    st.integers(1, 3),
    st.none() | st.integers(0, 29),
)
def test_no_key_runs_twice_at_once_and_no_addition_is_lost(
    additions: list[Addition],
    results: list[Result | None],
    lengths: list[float],
    workers: int,
    cut_after: int | None,
) -> None:
    work = Recorder(results, lengths)
    added: dict[str, float] = defaultdict(float)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        queue = WorkQueue(work, workers=workers)
        task = asyncio.create_task(queue.run())
        for number, one in enumerate(additions):
            await asyncio.sleep(one.pause)
            added[one.key] = loop.time()
            if one.is_calm:
                queue.add_calmly(one.key)
            else:
                queue.add(one.key, timedelta(seconds=one.after))
            if number == cut_after:
                await _ended(task)
                task = asyncio.create_task(queue.run())
        await asyncio.sleep(LONG)
        assert queue.depth == 0
        await _ended(task)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(scenario())
    for key, moment in added.items():
        assert work.began.get(key, -1.0) >= moment
    assert work.most <= workers


async def _ended(task: asyncio.Task[object]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
