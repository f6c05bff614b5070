"""A positioned source loses nothing, whatever happens; what it repeats is bounded.

Crashes, stops, errors of the generator and faults on batches come at any moment; checkpoints are
at random places. The stored position never passes a record that is not acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import BaseModel

from streamlet_sdk import Checkpoint, Emission, Outlet, Streamlet, source
from streamlet_sdk.broker.faults import Fault
from streamlet_sdk.testing.virtual_time import VirtualTimeLoop
from support.engine import STREAMLET, Engine, a_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamlet_sdk.local.supervisor import Supervisor

IN_FLIGHT = 6
LAST = 60


class Cursor(BaseModel):
    """The next number."""

    next: int


class Counts(Streamlet):
    """Counts to `LAST`; the numbers in `marks` are followed by a checkpoint."""

    out = Outlet(bytes)
    marks: ClassVar[frozenset[int]] = frozenset()
    fails_at: ClassVar[int | None] = None

    def _before(self, number: int) -> None:
        if number == type(self).fails_at:
            type(self).fails_at = None
            raise ValueError("once")

    @source(position=Cursor, max_in_flight=IN_FLIGHT)
    async def count(
        self, position: Cursor | None
    ) -> AsyncIterator[Emission[bytes] | Checkpoint[Cursor]]:
        cursor = position or Cursor(next=0)
        while cursor.next < LAST:
            self._before(cursor.next)
            yield self.out(str(cursor.next).encode(), key=cursor.next)
            cursor.next += 1
            if cursor.next in self.marks:
                yield Checkpoint(cursor)
            if cursor.next % 4 == 0:
                await asyncio.sleep(0.5)


class Sources(RuleBasedStateMachine):
    """One source in virtual time, which is killed and started again."""

    kind: ClassVar[type[Counts]] = Counts
    # How much further than the source's own bound its thread may be ahead.
    ahead: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.ends = 0
        self.started = 1
        self.live: Supervisor | None = None

    @initialize(marks=st.frozensets(st.integers(1, LAST), max_size=20))
    def begin(self, marks: frozenset[int]) -> None:
        self.cls: Any = type("Counts", (self.kind,), {"marks": marks})
        self.engine = Engine(self.cls, config=a_config(self.cls), partitions=3)
        self.runner.run(self.engine.application.start())
        (self.live,) = self.engine.replicas

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.6, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    @rule()
    def it_is_killed(self) -> None:
        self.ends += 1

        async def kill() -> None:
            assert self.live is not None
            self.engine.transports[self.live.name].kill()
            await self.live.kill()

        self.runner.run(kill())
        self.start_again()

    @rule()
    def it_is_stopped(self) -> None:
        assert self.live is not None
        self.ends += 1
        self.runner.run(self.live.stop())
        self.start_again()

    @rule()
    def another_instance_takes_over(self) -> None:
        before, self.ends = self.live, self.ends + 2
        self.start_again()
        self.runner.run(asyncio.sleep(0.1))
        assert before is not None
        self.runner.run(before.stop(timedelta(seconds=5)))

    @rule(number=st.integers(0, LAST - 1))
    def its_generator_fails(self, number: int) -> None:
        self.ends += 1
        self.cls.fails_at = number

    @rule(done=st.booleans(), topic=st.sampled_from(["out", "_cloudflow.positions"]))
    def a_batch_is_not_answered(self, *, done: bool, topic: str) -> None:
        self.ends += 1
        self.engine.broker.faults.batch(topic, Fault(unanswered=True, done=done))

    @rule()
    def a_batch_is_rejected(self) -> None:
        self.ends += 1
        self.engine.broker.faults.batch("out", Fault(rejected=True))

    @rule(seconds=st.sampled_from([0.2, 2.0]))
    def batches_are_slow(self, seconds: float) -> None:
        self.engine.broker.faults.batch("out", Fault(delay=timedelta(seconds=seconds)), times=3)

    @rule(seconds=st.sampled_from([0.5, 20.0]))
    def the_broker_is_away(self, seconds: float) -> None:
        self.ends += 1

        async def away() -> None:
            self.engine.broker.faults.cut()
            await asyncio.sleep(seconds)
            self.engine.broker.faults.restore()

        self.runner.run(away())

    def start_again(self) -> None:
        async def launch() -> None:
            plan = self.engine.application.plan.streamlets[0]
            made = self.engine.application._supervisor(plan, self.engine.counters, self.started)
            self.engine.application.streamlets[STREAMLET].replicas[:] = [made]
            made.start()
            self.live = made

        self.started += 1
        self.runner.run(launch())

    @invariant()
    def what_is_before_the_stored_position_is_written(self) -> None:
        if hasattr(self, "engine"):
            written = {int(value or b"") for value in self.engine.values("out")}
            assert written >= set(range(self.position()))

    def position(self) -> int:
        """The stored position."""
        if "_cloudflow.positions" not in self.engine.broker.topics:
            return 0
        records = self.engine.broker.topic("_cloudflow.positions").records()
        return Cursor.model_validate_json(records[-1].value or b"").next if records else 0

    def teardown(self) -> None:
        try:
            if hasattr(self, "engine"):
                self.runner.run(asyncio.wait_for(self.engine.run(), 300))
                self.account()
                self.runner.run(self.engine.__aexit__())
        finally:
            self.runner.close()

    def account(self) -> None:
        """Look for every number."""
        written = Counter(int(value or b"") for value in self.engine.values("out"))
        assert set(written) == set(range(LAST))
        # Behind the last stored checkpoint: one that is being stored, and what is in flight.
        marks = sorted({0, LAST, *self.cls.marks})
        stretch = max((b - a for a, b in zip(marks, marks[2:], strict=False)), default=LAST)
        repeated = sum(count - 1 for count in written.values())
        assert repeated <= self.ends * (stretch + IN_FLIGHT + self.ahead)
        assert max(written.values()) <= 1 + self.ends


class InThread(Counts):
    """The same from a thread, which is a little ahead."""

    @source(position=Cursor, max_in_flight=IN_FLIGHT)
    def count(  # type: ignore[override] # sync on purpose
        self, position: Cursor | None
    ) -> Iterator[Emission[bytes] | Checkpoint[Cursor]]:
        cursor = position or Cursor(next=0)
        while cursor.next < LAST:
            self._before(cursor.next)
            yield self.out(str(cursor.next).encode(), key=cursor.next)
            cursor.next += 1
            if cursor.next in self.marks:
                yield Checkpoint(cursor)


class SourcesInThreads(Sources):
    kind = InThread


RUNS = settings(max_examples=60, stateful_step_count=12, deadline=None)
TestSources = Sources.TestCase
TestSources.settings = RUNS
TestSourcesInThreads = SourcesInThreads.TestCase
TestSourcesInThreads.settings = settings(RUNS, max_examples=20)
