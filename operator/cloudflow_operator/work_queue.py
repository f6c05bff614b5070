"""A queue of keys that have to be worked on: one run of a key at a time, however often it is added.

The operator has one, with its applications. It knows nothing of what the work is, and works only
while `run` does: adding is possible before and after.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
import random
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Generic, NamedTuple, NoReturn, TypeVar

Key = TypeVar("Key", bound=Hashable)

WORKERS: Final = 16
CALM: Final = timedelta(milliseconds=150)
"""Between two runs of a key that nobody waits for."""
_CALM_WHILE_FAILING: Final = timedelta(seconds=5)
_FIRST_DELAY: Final = timedelta(seconds=1)
_LONGEST_DELAY: Final = timedelta(minutes=5)
_LOOSE: Final = 64

_log = logging.getLogger(__name__)


class Result(NamedTuple):
    """What came of a run.

    Attributes:
        is_good: a run that is not lets the next wait, twice as long each time.
        again_after: when to come again although nobody adds it, at the soonest if it failed;
            None when there is no reason.
        is_over: whether there is nothing more to do for the key, and to know of it.
    """

    is_good: bool = True
    again_after: timedelta | None = None
    is_over: bool = False


@dataclass(slots=True)
class _State:
    """What is known of a key; times are of the loop's clock, in seconds."""

    due: float = math.inf
    ticket: int = -1
    is_running: bool = False
    is_asked_calmly: bool = False  # while it runs: when it is to be calm is known at its end
    failures: int = 0
    calm_until: float = -math.inf


@dataclass
class WorkQueue(Generic[Key]):
    """Runs `work` for the keys that were added, the one that waits longest first.

    Attributes:
        work: what is to be done for a key; told nothing of why.
        finished: told each key, its result, which is None when a defect stopped the work, and the
            seconds it took.
        workers: how many keys are worked on at once.
    """

    work: Callable[[Key], Awaitable[Result]]
    finished: Callable[[Key, Result | None, float], None] | None = None
    workers: int = WORKERS
    _states: dict[Key, _State] = field(default_factory=dict)
    _heap: list[tuple[float, int, Key]] = field(default_factory=list)
    _tickets: itertools.count[int] = field(default_factory=itertools.count)
    _earlier: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: Key, after: timedelta = timedelta(0)) -> None:
        """Run it once more, `after` that time or sooner if others ask for it.

        The run begins after the call, so it sees everything that was there before.
        """
        self._schedule(key, _now() + after.total_seconds())

    def add_calmly(self, key: Key) -> None:
        """Run it once more, at once if it has been quiet; else changes are collected a moment.

        One that fails is not hurried by this either.
        """
        state = self._states.get(key)
        if state is not None and state.is_running:
            state.is_asked_calmly = True
        else:
            self._schedule(key, _now() if state is None else max(_now(), state.calm_until))

    async def run(self) -> NoReturn:
        """Work until cancelled. Runs that are cut off are due again, should it be run again."""
        free = asyncio.Semaphore(self.workers)
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                key = await self._next()
                task = group.create_task(self._once(key))
                task.add_done_callback(lambda _: free.release())
        raise AssertionError  # the loop above has no end

    @property
    def depth(self) -> int:
        """How many keys are due and are not worked on."""
        return sum(1 for one in self._states.values() if self._is_late(one))

    @property
    def age(self) -> float:
        """Seconds that the one that waits longest has been due."""
        late = [one.due for one in self._states.values() if self._is_late(one)]
        return _now() - min(late) if late else 0.0

    @property
    def running(self) -> int:
        """How many keys are worked on."""
        return sum(1 for one in self._states.values() if one.is_running)

    def _is_late(self, state: _State) -> bool:
        return not state.is_running and state.due <= _now()

    def _schedule(self, key: Key, due: float) -> None:
        state = self._states.setdefault(key, _State())
        if due >= state.due:
            return
        state.due = due
        if not state.is_running:
            self._push(key, state)

    def _push(self, key: Key, state: _State) -> None:
        state.ticket = next(self._tickets)
        if len(self._heap) > _LOOSE + 2 * len(self._states):
            # Each that was hurried has left its later turn behind.
            self._heap = [entry for entry in self._heap if not self._is_stale(entry)]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (state.due, state.ticket, key))
        self._earlier.set()

    async def _next(self) -> Key:
        """Wait for the first key that is due, and take it."""
        while True:
            self._earlier.clear()
            while self._heap and self._is_stale(self._heap[0]):
                heapq.heappop(self._heap)
            due = self._heap[0][0] if self._heap else None
            if due is not None and due <= _now():
                _, _, key = heapq.heappop(self._heap)
                return key
            try:
                async with asyncio.timeout_at(due):
                    await self._earlier.wait()
            except TimeoutError:
                continue

    def _is_stale(self, entry: tuple[float, int, Key]) -> bool:
        _, ticket, key = entry
        state = self._states.get(key)
        return state is None or state.ticket != ticket

    async def _once(self, key: Key) -> None:
        state = self._states[key]
        state.is_running, state.is_asked_calmly = True, False
        state.due, state.ticket = math.inf, -1
        began, result, is_cut_off = _now(), None, True
        try:
            result = await self.work(key)
            is_cut_off = False
        except Exception:  # noqa: BLE001 — whatever is wrong with one, the others go on
            is_cut_off = False
            _log.exception("A defect stopped the work on %s; it is tried again", key)
        finally:
            self._settle(key, state, None if is_cut_off else result or Result(is_good=False))
        if self.finished is not None:
            self.finished(key, result, _now() - began)

    def _settle(self, key: Key, state: _State, result: Result | None) -> None:
        state.is_running = False
        if result is None:  # cut off
            state.due = min(state.due, _now())
        else:
            state.failures = 0 if result.is_good else state.failures + 1
            delay = _delay(state.failures, result.again_after)
            calm = min(delay or CALM, _CALM_WHILE_FAILING) if state.failures else CALM
            state.calm_until = _now() + calm.total_seconds()
            if delay is not None:
                state.due = min(state.due, _now() + delay.total_seconds())
            if state.is_asked_calmly:
                state.due = min(state.due, state.calm_until)
        if state.due < math.inf:
            self._push(key, state)
        elif result is not None and result.is_over:
            del self._states[key]


def _delay(failures: int, again_after: timedelta | None) -> timedelta | None:
    if not failures:
        return again_after
    grown = _FIRST_DELAY * (1 << min(failures - 1, 10))
    grown = min(grown, _LONGEST_DELAY) * random.uniform(0.75, 1.0)
    return max(grown, again_after or grown)


def _now() -> float:
    return asyncio.get_running_loop().time()
