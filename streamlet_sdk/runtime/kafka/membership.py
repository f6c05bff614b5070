"""Being a member of a consumer group, or the only reader.

Used by the consumer. Both kinds hold every partition that they gain, so that nothing is fetched
before the consumer has found out where to begin.
"""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiokafka import errors as kafka
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.group import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from typing_extensions import override

from streamlet_sdk.runtime.kafka import wire
from streamlet_sdk.runtime.kafka.offsets import Place
from streamlet_sdk.runtime.kafka.properties import milliseconds
from streamlet_sdk.runtime.kafka.sharing import CountingAssignor, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.kafka.fetching import Positions
    from streamlet_sdk.runtime.kafka.ownership import Ownership
    from streamlet_sdk.runtime.kafka.properties import ConsumerSettings
    from streamlet_sdk.runtime.transport import ConsumerSpec, Lease

logger = logging.getLogger(__name__)

_LONGEST_BARRIER: Final = timedelta(seconds=10)
_SHORTEST_BARRIER: Final = timedelta(seconds=1)
_RESERVE: Final = timedelta(seconds=2)
_MAX_MILLISECONDS: Final = 2**31 - 1
_NO_GENERATION: Final = -1
# What a group hears of a member by, and how it answers one that it goes on counting on.
_SIGNS_OF_LIFE: Final = (HeartbeatRequest, SyncGroupRequest)
_STILL_A_MEMBER: Final = (kafka.NoError.errno, kafka.RebalanceInProgressError.errno)


class Membership(Protocol):
    """How partitions come and go."""

    @property
    def can_commit(self) -> bool:
        """Whether offsets are kept, and this member is in its group now."""
        ...

    @property
    def member(self) -> wire.Member | None:
        """Who this is in its group now; None when it is in none."""
        ...

    def check(self) -> None:
        """Raise what went wrong behind the scenes, once."""
        ...

    async def commit(self, offsets: Mapping[Place, int], note: str) -> None:
        """Commit next offsets, each with a note."""
        ...

    async def leave(self, *, announced: bool, deadline: float) -> None:
        """Stop; `announced` tells the group."""
        ...


class Coordinator(GroupCoordinator):
    """aiokafka's member of a group, which looks after no offsets of its own accord.

    A member with a stable name that was replaced by another process of that name ends, with an
    error. aiokafka's own would replace the other one in turn, and so on without end. It may have
    replaced itself, though: by a request to join whose answer never came. Then it joins again.
    """

    def __init__(self, *given: Any, lease: Lease, **named: Any) -> None:
        """As aiokafka's; `lease` is renewed by what the group confirms."""
        super().__init__(*given, **named)
        self._lease = lease
        self._former: wire.Member | None = None
        # A request that was given up may arrive for a while, also after later ones.
        self._is_join_unanswered = False
        self._joined_at = -math.inf
        # The generation whose shares were not of all partitions.
        self._questioned = _NO_GENERATION

    @property
    def member(self) -> wire.Member:
        """Who this is in the group now."""
        return wire.Member(self.generation, self.member_id, self._group_instance_id)

    @override
    def start_commit_offsets_refresh_task(self, assignment: Any) -> None:
        """Nothing: the consumer reads offsets itself, when it opens a partition."""

    @override
    async def _on_join_complete(
        self, generation: Any, member_id: Any, protocol: Any, member_assignment_bytes: Any
    ) -> None:
        if self._group_subscription is None:
            # aiokafka lets the leader alone watch for new partitions, and a leader that was
            # restarted as a static member does not know that it is the leader.
            await self._client.force_metadata_update()
            self._group_subscription = set(self._subscription.topics)
            self._metadata_snapshot = self._get_metadata_snapshot()
        await super()._on_join_complete(generation, member_id, protocol, member_assignment_bytes)
        self._question(generation, shared(member_assignment_bytes))

    def _question(self, generation: int, count: int | None) -> None:
        """Ask once for other shares when these were made of fewer or more partitions.

        The leader would do it, with its next metadata; but if it was restarted since, it does not
        know that it is the leader, and everyone would keep what is out of date.
        """
        now = sum(self._get_metadata_snapshot().values())
        if count not in {None, now} and generation != self._questioned:
            self._questioned = generation
            self.request_rejoin()

    @override
    def reset_generation(self) -> None:
        if self.member_id:
            self._former = self.member
        self._lease.until = -math.inf
        super().reset_generation()

    @override
    async def _send_req(self, request: Any) -> Any:
        # The group counts from the moment in which it hears of us, which is later than this one.
        sent_at = asyncio.get_running_loop().time()
        is_new = isinstance(request, JoinGroupRequest) and not self.member_id
        try:
            response = await super()._send_req(request)
        except kafka.KafkaError:
            self._is_join_unanswered |= is_new
            raise
        if isinstance(request, JoinGroupRequest) and response.error_code == kafka.NoError.errno:
            # Nobody of its name is newer, whatever becomes of the assignment.
            self._former, self._joined_at = None, asyncio.get_running_loop().time()
        elif isinstance(request, _SIGNS_OF_LIFE) and response.error_code in _STILL_A_MEMBER:
            self._counted_on(sent_at)
        return response

    def _counted_on(self, since: float) -> None:
        """The group has heard of this member at `since`, and goes on with it for a session."""
        session = self._session_timeout_ms / 1000
        self._lease.until = since + session
        if since > self._joined_at + session:
            self._is_join_unanswered = False

    @override
    async def _do_rejoin_group(self, subscription: Any) -> Any:
        try:
            if self._former is not None:
                await self._require_newest(self._former)
            return await super()._do_rejoin_group(subscription)
        except kafka.KafkaError as error:
            if self.member_id:
                await self._require_newest(self.member)
            if not (self._is_join_unanswered and _is_fenced(error)):
                raise
            self.reset_generation()
            await asyncio.sleep(self._retry_backoff_ms / 1000)
            return False

    async def _require_newest(self, member: wire.Member) -> None:
        """Go on only if no other process has taken the place of `member` under its name."""
        if member.name is None:
            return
        response = await self._send_req(wire.NamedHeartbeat(self.group_id, member))
        if kafka.for_code(response.error_code) is not wire.FencedInstanceIdError:
            return
        if not self._is_join_unanswered:
            raise wire.FencedInstanceIdError(f"member {member.name} of group {self.group_id}")

    async def depart(self) -> None:
        """Tell the group, on another connection than the one that may wait for the group."""
        if not self.member_id or self.coordinator_id is None:
            return
        try:
            await self._client.send(
                self.coordinator_id, LeaveGroupRequest(self.group_id, self.member_id)
            )
        except kafka.KafkaError as error:
            logger.warning("The group %s could not be told of a leave: %s", self.group_id, error)

    async def end(self) -> None:
        """Stop without waiting for the group."""
        if not self._closing.done():
            self._closing.set_result(None)
        tasks = [task for task in (self._coordination_task, self._heartbeat_task) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_fenced(error: kafka.KafkaError) -> bool:
    """Whether a request of the group was refused to a member that was replaced."""
    # Of what it does not expect aiokafka tells the name alone.
    return wire.FencedInstanceIdError.__name__ in repr(error)


class GroupMembership(ConsumerRebalanceListener):
    """A member of a group; aiokafka's rebalance listener."""

    def __init__(
        self,
        client: Client,
        *,
        positions: Positions,
        ownership: Ownership,
        settings: ConsumerSettings,
        spec: ConsumerSpec,
    ) -> None:
        """Join the group of `spec`; partitions come when the group has agreed."""
        self._positions = positions
        self._ownership = ownership
        self._is_static = bool(spec.member)
        budget = settings.rebalance - settings.heartbeat - _RESERVE
        self._barrier = min(_LONGEST_BARRIER, max(_SHORTEST_BARRIER, budget))
        self._is_leaving = False
        positions.subscribe({spec.topic}, listener=self)
        self._coordinator = Coordinator(
            client,
            positions,
            lease=ownership.lease,
            group_id=spec.group or "",
            group_instance_id=spec.member or None,
            session_timeout_ms=milliseconds(settings.session),
            heartbeat_interval_ms=milliseconds(settings.heartbeat),
            rebalance_timeout_ms=milliseconds(settings.rebalance),
            max_poll_interval_ms=_MAX_MILLISECONDS,
            enable_auto_commit=False,
            assignors=(CountingAssignor,),
        )

    @property
    def can_commit(self) -> bool:
        """Whether this member is in its group now."""
        return bool(self._coordinator.generation != _NO_GENERATION)

    @property
    def member(self) -> wire.Member | None:
        """Who this is in its group now."""
        return self._coordinator.member if self.can_commit else None

    def check(self) -> None:
        """Raise what went wrong in the group, once; what aiokafka tries again by itself does not.

        Raises:
            KafkaError: when trying again cannot help.
        """
        try:
            self._coordinator.check_errors()
        except kafka.KafkaError as error:
            # A coordinator that dies while one joins comes here too, and another one takes over.
            if not error.retriable:
                raise
            logger.warning("Group %s is joined again: %r", self._coordinator.group_id, error)

    async def commit(self, offsets: Mapping[Place, int], note: str) -> None:
        """Commit next offsets, each with a note.

        Raises:
            KafkaError: when the group does not confirm them.
        """
        rows = {TopicPartition(*at): OffsetAndMetadata(to, note) for at, to in offsets.items()}
        await self._coordinator.commit_offsets(None, rows)

    async def leave(self, *, announced: bool, deadline: float) -> None:
        """Stop; a member without a name always tells the group, for it cannot come back."""
        self._is_leaving = True
        await self._coordinator.end()
        if announced or not self._is_static:
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(max(1.0, left)):
                    await self._coordinator.depart()
            except TimeoutError:
                logger.warning("The group was not told of a leave in time")

    # Called by aiokafka

    @override
    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> Any:
        """Give everything back; aiokafka awaits what this returns."""
        return self._give_back()

    @override
    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Hand over; waiting here would hold up the heartbeat."""
        if self._is_leaving:
            return
        for place in assigned:
            self._positions.hold(place)
        self._ownership.gain((Place(*place) for place in assigned), self._coordinator.generation)

    async def _give_back(self) -> None:
        """Give everything back; when the group has gone on without us it is lost already."""
        if not self.can_commit:
            self._lose()
            return
        now = asyncio.get_running_loop().time()
        await self._ownership.give_back(now + self._barrier.total_seconds())

    def _lose(self) -> None:
        places = sorted(self._ownership.claims)
        if places:
            logger.warning(
                "Group %s went on without this replica; what it read of %s and did not commit is "
                "read again",
                self._coordinator.group_id,
                ", ".join(f"{topic}/{partition}" for topic, partition in places),
            )
        self._ownership.lose(places)


class SoloMembership:
    """Reads every partition of a topic, shares nothing, and notices added partitions."""

    def __init__(
        self,
        client: Client,
        positions: Positions,
        ownership: Ownership,
        *,
        topic: str,
        moved: Callable[[], None],
    ) -> None:
        """Own every partition; `moved` is called when all positions must be set again."""
        self._client = client
        self._positions = positions
        self._ownership = ownership
        self._topic = topic
        self._moved = moved
        self._update(client.cluster)
        client.cluster.add_listener(self._update)

    @property
    def can_commit(self) -> bool:
        """Never: nothing is shared."""
        return False

    @property
    def member(self) -> wire.Member | None:
        """Nobody."""
        return None

    def check(self) -> None:
        """Nothing happens behind the scenes."""

    async def commit(self, offsets: Mapping[Place, int], note: str) -> None:
        """Nothing is kept."""

    async def leave(self, *, announced: bool, deadline: float) -> None:
        """Stop watching."""
        del announced, deadline
        self._client.cluster.remove_listener(self._update)

    def _update(self, cluster: Any) -> None:
        numbers = cluster.partitions_for_topic(self._topic) or ()
        now = {Place(self._topic, number) for number in numbers}
        before = set(self._ownership.claims)
        if now == before:
            return
        self._ownership.lose(before - now)
        places = [TopicPartition(*place) for place in now]
        self._positions.assign_from_user(places)
        for place in places:
            self._positions.hold(place)
        self._moved()
        self._ownership.gain(now - before, 0)
