"""Consumer groups: who is in, who owns what, and the offsets they committed.

Rebalances are eager, as aiokafka's are: everyone gives everything back, waits for everyone,
and gets new claims. `streamlet_sdk.broker.consumer` joins and leaves; `membership` does the
talking to the engine.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from typing_extensions import override

from streamlet_sdk.broker.assignment import assignment
from streamlet_sdk.broker.membership import Membership
from streamlet_sdk.runtime.transport import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamlet_sdk.broker.faults import Faults
    from streamlet_sdk.runtime.transport import Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the broker waits.

    `rebalance`: for a member to give its claims back. `session`: for a silent one to return.
    `quiet_poll`: for records, at the least, when no claim is without credit.
    """

    rebalance: timedelta
    session: timedelta
    quiet_poll: timedelta = timedelta(0)


class Member(Membership):
    """One consumer in a group; `name` is its stable identity, or one made up for it."""

    def __init__(self, group: Group, name: str, topic: str, listener: Listener) -> None:
        super().__init__(listener)
        self.name = name
        self.topic = topic
        self.held: Sequence[int] = ()
        self.silence: asyncio.TimerHandle | None = None
        self._group = group

    @override
    def join(self) -> None:
        self._group.join(self)

    @override
    async def leave(self, *, announced: bool, deadline: float) -> None:
        await self.ask_back(deadline)
        self.vanish()
        if announced:
            self._group.remove(self)
        else:
            self._group.miss(self)

    @override
    def die(self) -> None:
        self.vanish()
        self._group.miss(self)

    @override
    def expire(self) -> None:
        self._group.expire(self)

    @override
    def commit(self, offsets: Mapping[Claim, int]) -> set[Claim]:
        return self._group.commit(self, offsets)

    @override
    def committed(self, claim: Claim) -> int | None:
        return self._group.offsets.get((claim.topic, claim.partition))

    @override
    def is_added(self, claim: Claim) -> bool:
        return (claim.topic, claim.partition) in self._group.added


class Group:
    """One group; `offsets` are next offsets by topic and partition."""

    def __init__(
        self, name: str, partitions: Callable[[str], int], patience: Patience, faults: Faults
    ) -> None:
        self.name = name
        self.offsets: dict[tuple[str, int], int] = {}
        self.added: set[tuple[str, int]] = set()
        self._partitions = partitions
        self._patience = patience
        self._faults = faults
        self._members: dict[str, Member] = {}
        self._twins: list[Member] = []
        self._epoch = 0
        self._is_stale = False
        self._rebalancing: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in it and nothing is committed; Kafka forgets such a group."""
        return not (self._members or self.offsets)

    def join(self, member: Member) -> None:
        """Let `member` in.

        It takes over at once from a silent member of its name, without a rebalance; while a
        member of its name lives it waits, as a second pod of one identity would.
        """
        holder = self._members.get(member.name)
        if holder is None:
            self._members[member.name] = member
            self._rebalance_soon()
        elif holder.is_gone:
            self._replace(holder, member)
        else:
            self._twins.append(member)

    def remove(self, member: Member) -> None:
        """Forget `member`; the others share what it had."""
        member.drop()
        if member in self._twins:
            self._twins.remove(member)
        if self._members.get(member.name) is not member:
            return
        if member.silence is not None:
            member.silence.cancel()
        del self._members[member.name]
        self._rebalance_soon()
        twin = next((twin for twin in self._twins if twin.name == member.name), None)
        if twin is not None:
            self._twins.remove(twin)
            self.join(twin)

    def miss(self, member: Member) -> None:
        """`member` fell silent: keep its place until its session ends."""
        if self._members.get(member.name) is not member:
            self.remove(member)
            return
        session = self._patience.session.total_seconds()
        member.silence = asyncio.get_running_loop().call_later(session, self.expire, member)

    def expire(self, member: Member) -> None:
        """End the session of `member`; unless it is gone it comes back as a new one."""
        if self._members.get(member.name) is not member:
            return
        member.lose()
        self.remove(member)
        self._rejoin_when_back(member)

    def commit(self, member: Member, offsets: Mapping[Claim, int]) -> set[Claim]:
        """Store the next offsets of claims that `member` owns; which they were."""
        if not self._faults.takes_commit(self.name):
            return set()
        owned = offsets.keys() & set(member.claims)
        for claim in owned:
            self.offsets[claim.topic, claim.partition] = offsets[claim]
        return owned

    def partitions_changed(self, topic: str, before: int, now: int) -> None:
        """`topic` had `before` partitions and has `now`; none means that it is not there."""
        readers = [member for member in self._members.values() if member.topic == topic]
        if now < before:
            self.offsets = {at: next_ for at, next_ in self.offsets.items() if at[0] != topic}
            self.added = {at for at in self.added if at[0] != topic}
            for member in readers:
                member.lose()
        elif before and readers:
            self.added |= {(topic, partition) for partition in range(before, now)}
        if readers:
            self._rebalance_soon()

    async def stop(self) -> None:
        """Let go of timers and tasks; the members are not told."""
        for member in (*self._members.values(), *self._twins):
            if member.silence is not None:
                member.silence.cancel()
            member.vanish()
        self._members.clear()
        if self._rebalancing is not None and not self._rebalancing.done():
            self._rebalancing.cancel()
            await asyncio.wait({self._rebalancing})

    def _replace(self, holder: Member, member: Member) -> None:
        """Put `member` where `holder` was; nobody else notices."""
        if holder.silence is not None:
            holder.silence.cancel()
        holder.drop()
        self._members[member.name] = member
        if self._is_rebalancing or member.topic != holder.topic:
            self._rebalance_soon()
        else:
            self._epoch += 1
            self._give(member, holder.held)

    def _give(self, member: Member, partitions: Sequence[int]) -> None:
        member.held = partitions
        member.give([Claim(member.topic, partition, self._epoch) for partition in partitions])

    def _rejoin_when_back(self, member: Member) -> None:
        member.when_back(lambda: None if member.is_gone else self.join(member))

    @property
    def _is_rebalancing(self) -> bool:
        return self._rebalancing is not None and not self._rebalancing.done()

    def _rebalance_soon(self) -> None:
        self._is_stale = True
        self._changed.set()
        if self._members and not self._is_rebalancing:
            self._rebalancing = asyncio.get_running_loop().create_task(self._rebalance())

    async def _rebalance(self) -> None:
        while self._is_stale:
            await self._ask_all_back()
            await self._hear_from_all()
            self._is_stale = False
            self._epoch += 1
            for topic in sorted({member.topic for member in self._members.values()}):
                self._share(topic)

    async def _ask_all_back(self) -> None:
        """Everyone gives everything back, or is put out of the group until it has."""
        budget = self._patience.rebalance.total_seconds()
        deadline = asyncio.get_running_loop().time() + budget
        asked = [member for member in self._members.values() if not member.is_gone]
        answers = await asyncio.gather(*(member.ask_back(deadline) for member in asked))
        for member, in_time in zip(asked, answers, strict=True):
            if not in_time and not member.is_gone:
                self.remove(member)
                self._rejoin_when_back(member)

    async def _hear_from_all(self) -> None:
        """A silent member holds everyone up until it is replaced or its session ends."""
        while any(member.is_gone for member in self._members.values()):
            self._changed.clear()
            await self._changed.wait()

    def _share(self, topic: str) -> None:
        members = {name: m for name, m in self._members.items() if m.topic == topic}
        held = {name: member.held for name, member in members.items()}
        for name, partitions in assignment(self._partitions(topic), held).items():
            self._give(members[name], partitions)
