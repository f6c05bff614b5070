"""A group under joins, leaves, crashes, late listeners and growth, on a clock that jumps."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.runtime.transport import ConsumerSpec, TopicSpec
from streamlet_sdk.testing.virtual_time import VirtualTimeLoop
from support.transport import Journal

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from streamlet_sdk.broker.consumer import EmbeddedConsumer
    from streamlet_sdk.runtime.transport import Claim

MOST_PARTITIONS = 6
# Longer than session, rebalance and the slowest listener together.
LONG_ENOUGH = 200.0


class Instance:
    """One consumer and the journal of its listener."""

    def __init__(self, consumer: EmbeddedConsumer, name: str) -> None:
        self.consumer = consumer
        self.journal = Journal(name, [])


class GroupMachine(RuleBasedStateMachine):
    """Whatever happens: one live claim for a partition at most, and all of them owned at last."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.broker = EmbeddedBroker()
        self.partitions = 2
        self.broker.create(TopicSpec(name="t", partitions=self.partitions))
        self.living: list[Instance] = []
        self.dead: list[Instance] = []
        self.everyone: list[Instance] = []
        self.committed: dict[tuple[str, int], int] = {}

    def run(self, doing: Coroutine[object, object, object]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(LONG_ENOUGH):
                await doing

        self.runner.run(bounded())

    @rule(member=st.sampled_from(["", "", "pod-0", "pod-1"]))
    def join(self, member: str) -> None:
        spec = ConsumerSpec(topic="t", group="g", member=member)
        instance = Instance(self.broker.transport().consumer(spec), member)
        self.living.append(instance)
        self.everyone.append(instance)
        self.run(instance.consumer.start(instance.journal))

    @precondition(lambda self: self.living)
    @rule(data=st.data(), leave=st.booleans(), patience=st.sampled_from([0.0, 5.0, 60.0]))
    def close(self, data: st.DataObject, *, leave: bool, patience: float) -> None:
        instance = self.draw(data)
        self.living.remove(instance)

        async def close() -> None:
            deadline = asyncio.get_running_loop().time() + patience
            await instance.consumer.close(leave=leave, deadline=deadline)
            assert asyncio.get_running_loop().time() <= deadline
            assert not any(claim.alive for claim in instance.journal.claims)

        self.run(close())

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        instance = self.draw(data)
        self.living.remove(instance)
        self.dead.append(instance)
        self.run(_soon(instance.consumer.kill))

    @precondition(lambda self: self.everyone)
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        instance = data.draw(st.sampled_from(self.living + self.dead or self.everyone))
        self.run(_soon(instance.consumer.expire))

    @precondition(lambda self: self.living)
    @rule(data=st.data(), seconds=st.sampled_from([0.0, 1.0, 15.0]), fails=st.booleans())
    def plan_how_to_revoke(self, data: st.DataObject, seconds: float, *, fails: bool) -> None:
        async def revoke(_claims: Sequence[Claim], _deadline: float) -> None:
            await asyncio.sleep(seconds)
            if fails:
                raise RuntimeError("a defect in the engine")

        self.draw(data).journal.on_revoke = revoke

    @precondition(lambda self: self.partitions < MOST_PARTITIONS)
    @rule()
    def grow(self) -> None:
        self.partitions += 1
        self.run(self.broker.transport().admin().grow("t", self.partitions))

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 9.0]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @precondition(lambda self: self.everyone)
    @rule(data=st.data(), offset=st.integers(0, 9))
    def commit(self, data: st.DataObject, offset: int) -> None:
        instance = data.draw(st.sampled_from(self.everyone))

        async def commit() -> None:
            claims = dict.fromkeys(instance.journal.claims, offset)
            live = {claim for claim in claims if claim.alive}
            confirmed = await instance.consumer.commit(claims, 1e9)
            assert confirmed <= live
            self.committed |= {(claim.topic, claim.partition): offset for claim in confirmed}

        self.run(commit())

    @rule()
    def settle(self) -> None:
        """Once nobody is late any more, all living members but waiting twins share everything.

        Two members that are late every time would put each other out for ever, as on Kafka.
        """
        for instance in self.living:
            instance.journal.on_revoke = _nothing
        self.run(asyncio.sleep(LONG_ENOUGH - 1))
        owned = sorted(claim.partition for claim in self.live_claims(self.living))
        assert owned == (list(range(self.partitions)) if self.living else [])
        assert not self.live_claims(self.dead)

    @invariant()
    def no_partition_has_two_live_claims(self) -> None:
        live = [claim.partition for claim in self.live_claims(self.everyone)]
        assert len(live) == len(set(live))

    @invariant()
    def only_confirmed_commits_are_stored(self) -> None:
        async def compare() -> None:
            offsets = await self.broker.transport().admin().offsets("g")
            assert offsets == self.committed

        self.run(compare())

    def live_claims(self, instances: list[Instance]) -> list[Claim]:
        return [c for instance in instances for c in instance.journal.claims if c.alive]

    def draw(self, data: st.DataObject) -> Instance:
        return data.draw(st.sampled_from(self.living))

    def teardown(self) -> None:
        for instance in self.living:
            self.run(_soon(instance.consumer.kill))
        with contextlib.closing(self.runner):
            self.run(self.broker.close())


def _nothing(_claims: Sequence[Claim], _deadline: float) -> None:
    return None


async def _soon(call: object) -> None:
    assert callable(call)
    call()
    await asyncio.sleep(0)


TestGroups = GroupMachine.TestCase
