"""What all clients of one embedded broker share: topics, groups, lanes, limits and faults.

Clients change it on the event loop, so every step here is atomic.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Protocol

from streamlet_sdk.broker.faults import Faults
from streamlet_sdk.broker.groups import Group
from streamlet_sdk.broker.tenure import Tenure
from streamlet_sdk.broker.topics import Topic
from streamlet_sdk.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from streamlet_sdk.broker.groups import Patience
    from streamlet_sdk.runtime.transport import TopicSpec


class Audience(Protocol):
    """Somebody who reads topics and wants to know when their partitions change."""

    def partitions_changed(self, topic: str, before: int, now: int) -> None:
        """`topic` had `before` partitions and has `now`; none means that it is not there."""
        ...


class Cluster:
    """The state behind every transport of one broker."""

    def __init__(self, *, max_record_bytes: int, patience: Patience) -> None:
        self.max_record_bytes = max_record_bytes
        self.topics: dict[str, Topic] = {}
        self.faults = Faults()
        self.readers: set[Audience] = set()
        self._groups: dict[str, Group] = {}
        self._tenures: dict[str, Tenure] = {}
        self.patience = patience
        self._numbers = count(1)

    def topic(self, name: str) -> Topic:
        """The topic of that name.

        Raises:
            RejectedError: when there is none.
        """
        if name not in self.topics:
            raise RejectedError(f"there is no topic {name}", hint="create it first")
        return self.topics[name]

    def partitions(self, topic: str) -> int:
        """How many partitions `topic` has; none when it is not there."""
        return len(self.topics[topic].partitions) if topic in self.topics else 0

    def create(self, spec: TopicSpec) -> None:
        """Make a topic.

        Raises:
            RejectedError: when it exists already or Kafka would refuse it.
        """
        if spec.name in self.topics:
            raise RejectedError(f"topic {spec.name} exists already")
        self.topics[spec.name] = Topic(spec)
        self._announce(spec.name, 0)

    def grow(self, topic: str, partitions: int) -> None:
        """Add partitions to `topic`, up to `partitions` in all.

        Raises:
            RejectedError: when there is no such topic, or not fewer partitions.
        """
        before = self.partitions(topic)
        self.topic(topic).grow(partitions)
        self._announce(topic, before)

    def delete(self, topic: str) -> None:
        """Remove `topic` with its records and every group's offsets in it.

        Raises:
            RejectedError: when there is no such topic.
        """
        before = self.partitions(topic)
        del self.topics[self.topic(topic).name]
        self._announce(topic, before)

    def group(self, name: str) -> Group:
        """The group of that name; it is made when first asked for."""
        if name not in self._groups:
            self._groups[name] = Group(name, self.partitions, self.patience, self.faults)
        return self._groups[name]

    def offsets(self, group: str) -> Mapping[tuple[str, int], int]:
        """Committed next offsets of `group` by topic and partition; makes no group."""
        return dict(self._groups[group].offsets) if group in self._groups else {}

    def groups(self) -> Sequence[str]:
        """The names of the groups that have members or committed offsets, sorted."""
        return sorted(name for name, group in self._groups.items() if not group.is_empty)

    def tenure(self, lane: str, timeout: timedelta) -> Tenure:
        """The right to write under the name `lane`; it ends the earlier one."""
        earlier = self._tenures.get(lane)
        if earlier is not None:
            earlier.fence()
        self._tenures[lane] = Tenure(lane, timeout)
        return self._tenures[lane]

    async def stop(self) -> None:
        """Let go of timers and tasks."""
        for tenure in self._tenures.values():
            tenure.fence()
        for group in self._groups.values():
            await group.stop()

    def number(self) -> int:
        """A number that no other client has."""
        return next(self._numbers)

    def _announce(self, topic: str, before: int) -> None:
        now = self.partitions(topic)
        for audience in (*self._groups.values(), *self.readers):
            audience.partitions_changed(topic, before, now)
