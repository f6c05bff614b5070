"""The guarantees, for any interleaving of records, crashes, rebalances and faults.

At least once loses nothing and repeats no more than the window for each crash; at most once
repeats nothing; exactly once does neither. What is committed is done, at every moment.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streamlet_sdk import Delivery, Emission, Inlet, Outlet, Record, Retry, Streamlet
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.broker.faults import Fault
from streamlet_sdk.local.wires import Fed
from streamlet_sdk.testing.virtual_time import VirtualTimeLoop
from support.engine import STREAMLET, Engine, a_config

if TYPE_CHECKING:
    from streamlet_sdk.local.supervisor import Supervisor

PARTITIONS = 3
WINDOW = 12
RETRY = Retry(attempts=2, backoff=timedelta(seconds=1), jitter=0)


class Passes(Streamlet):
    """Passes on; values that end in `p` are poison, those in `s` are slow."""

    in_ = Inlet(bytes, delivery=Delivery(retry=RETRY))
    out = Outlet(bytes)

    @in_.each
    async def go(self, data: bytes, record: Record[bytes]) -> Emission[bytes]:
        if data.endswith(b"s"):
            await asyncio.sleep(2)
        if data.endswith(b"p"):
            raise ValueError("poison")
        return self.out(data, key=record.partition)  # one way out for each way in


class SideBySide(Passes):
    """The same, out of order."""

    @Passes.in_.each(concurrency=4, ordered_by=None)
    async def go(self, data: bytes, record: Record[bytes]) -> Emission[bytes]:
        return await super().go(data, record)


class Guarantees(RuleBasedStateMachine):
    """Any number of replicas of one streamlet, in virtual time."""

    guarantee: ClassVar[str] = "at-least-once"
    kind: ClassVar[type[Passes]] = Passes
    # Whether what is done behind an unfinished record comes again when a partition moves.
    moves_repeat: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.fed: list[bytes] = []
        self.crashes = 0
        self.unanswered = 0
        self.started = 1
        self.live: list[Supervisor] = []

    @initialize()
    def begin(self) -> None:
        config = a_config(
            self.kind, delivery={"guarantee": self.guarantee}, settings={"window_records": WINDOW}
        )
        broker = EmbeddedBroker(
            rebalance_timeout=timedelta(seconds=10), session_timeout=timedelta(seconds=10)
        )

        async def start() -> None:
            self.engine = Engine(self.kind, config=config, partitions=PARTITIONS, broker=broker)
            await self.engine.application.start()

        self.runner.run(start())
        self.live = list(self.engine.replicas)

    @rule(kinds=st.lists(st.sampled_from(["", "", "", "s", "p"]), min_size=1, max_size=30))
    def feed(self, kinds: list[str]) -> None:
        values = [f"{len(self.fed) + n}{kind}".encode() for n, kind in enumerate(kinds)]
        self.fed += values
        self.runner.run(self.engine.feed("in", *(Fed(value=value) for value in values)))

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.3, 2.0, 15.0]))
    def time_passes(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    @precondition(lambda self: len(self.live) < 4)
    @rule()
    def a_replica_comes(self) -> None:
        async def launch() -> None:
            plan = self.engine.application.plan.streamlets[0]
            number = self.started
            made = self.engine.application._supervisor(plan, self.engine.counters, number)
            self.engine.application.streamlets[STREAMLET].replicas.append(made)
            self.live.append(made)
            made.start()

        self.started += 1
        self.crashes += self.moves_repeat
        self.runner.run(launch())

    @precondition(lambda self: len(self.live) > 1)
    @rule(data=st.data())
    def a_replica_leaves(self, data: st.DataObject) -> None:
        leaving = data.draw(st.sampled_from(self.live))
        self.live.remove(leaving)
        self.crashes += self.moves_repeat
        self.runner.run(leaving.stop())
        self.engine.application.streamlets[STREAMLET].replicas.remove(leaving)

    @precondition(lambda self: len(self.live) > 1)
    @rule(data=st.data())
    def a_replica_is_killed(self, data: st.DataObject) -> None:
        killed = data.draw(st.sampled_from(self.live))
        self.live.remove(killed)
        self.crashes += 1

        async def kill() -> None:
            assert killed.runner is not None
            self.engine.transports[killed.name].kill()
            await killed.kill()

        self.runner.run(kill())
        self.engine.application.streamlets[STREAMLET].replicas.remove(killed)

    @rule(done=st.booleans(), topic=st.sampled_from(["out", "in-dead-letters"]))
    def a_batch_is_not_answered(self, *, done: bool, topic: str) -> None:
        self.unanswered += 1
        self.engine.broker.faults.batch(topic, Fault(unanswered=True, done=done))

    @rule()
    def commits_are_refused(self) -> None:
        self.crashes += 1  # if its owner goes next, its window comes again
        self.engine.broker.faults.refuse_commits(self.engine.config.group("in"))

    @invariant()
    def what_is_committed_is_done(self) -> None:
        if not hasattr(self, "engine") or self.guarantee == "at-most-once":
            return
        committed = self.runner.run(self.engine.committed("in"))
        # Not all of it can be seen: an open transaction in front of it hides it for a while.
        written = {
            record.value
            for topic in ("out", "in-dead-letters")
            for record in self.engine.broker.topic(topic).records(committed=False)
        }
        for record in self.engine.broker.topic("in").records():
            if record.offset < committed.get(record.partition, 0):
                assert record.value in written

    def teardown(self) -> None:
        try:
            if hasattr(self, "engine"):
                self.runner.run(asyncio.wait_for(self.engine.run(), 3600))
                self.account()
                self.runner.run(self.engine.__aexit__())
        finally:
            self.runner.close()

    def account(self) -> None:
        """Look for every record that was fed."""
        written = Counter(self.engine.values("out")) + Counter(
            self.engine.values("in-dead-letters")
        )
        lost = set(self.fed) - set(written)
        repeated = sum(count - 1 for count in written.values())
        if self.guarantee != "at-most-once":
            assert not lost
        if self.guarantee == "at-least-once":
            assert repeated <= WINDOW * (self.crashes + self.unanswered)
        else:
            assert repeated == 0


class AtLeastOnce(Guarantees):
    """Order is kept, too: first occurrences of a partition's records are in their order."""

    def account(self) -> None:
        super().account()
        order: dict[int, list[int]] = {}
        partition_of = {r.value: r.partition for r in self.engine.broker.topic("in").records()}
        for value in dict.fromkeys(self.engine.values("out")):
            assert value is not None
            number = int(value.decode().rstrip("sp"))
            order.setdefault(partition_of[value], []).append(number)
        out_of_order = [numbers for numbers in order.values() if numbers != sorted(numbers)]
        assert not out_of_order


class AtLeastOnceSideBySide(Guarantees):
    kind = SideBySide
    moves_repeat = True


class AtMostOnce(Guarantees):
    guarantee = "at-most-once"


class ExactlyOnce(Guarantees):
    guarantee = "exactly-once"


RUNS = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestAtLeastOnce = AtLeastOnce.TestCase
TestAtLeastOnce.settings = RUNS
TestAtLeastOnceSideBySide = AtLeastOnceSideBySide.TestCase
TestAtLeastOnceSideBySide.settings = RUNS
TestAtMostOnce = AtMostOnce.TestCase
TestAtMostOnce.settings = RUNS
TestExactlyOnce = ExactlyOnce.TestCase
TestExactlyOnce.settings = RUNS
