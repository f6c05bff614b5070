"""The embedded broker's `Admin`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.broker.cluster import Cluster
    from streamlet_sdk.runtime.transport import TopicInfo, TopicSpec


class EmbeddedAdmin:
    """An `Admin` of the embedded broker; make it with `EmbeddedTransport.admin`.

    Every method raises `UnavailableError` while the broker is cut off, and `RejectedError`
    for a topic that is not there.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def topics(self, names: Sequence[str]) -> Mapping[str, TopicInfo | None]:
        """What is known of each name."""
        topics = self._reached().topics
        return {name: topics[name].info if name in topics else None for name in names}

    async def create(self, spec: TopicSpec) -> None:
        """Create a topic.

        Raises:
            RejectedError: when it exists already or Kafka would refuse it.
        """
        self._reached().create(spec)

    async def grow(self, topic: str, partitions: int) -> None:
        """Add partitions up to `partitions` in all.

        Raises:
            RejectedError: when that is not more than there are.
        """
        self._reached().grow(topic, partitions)

    async def alter(self, topic: str, changed: Mapping[str, str | None]) -> None:
        """Change the named properties (`None` removes one) and leave the others alone."""
        self._reached().topic(topic).alter(changed)

    async def delete(self, topic: str) -> None:
        """Remove a topic, its records and every group's offsets in it."""
        self._reached().delete(topic)

    async def offsets(self, group: str) -> Mapping[tuple[str, int], int]:
        """Committed next offsets of a group, by topic and partition."""
        return self._reached().offsets(group)

    async def groups(self, prefix: str) -> Sequence[str]:
        """The groups whose names begin with `prefix`, sorted: with members or committed offsets."""
        return [name for name in self._reached().groups() if name.startswith(prefix)]

    async def close(self) -> None:
        """Nothing is held open."""

    def _reached(self) -> Cluster:
        self._cluster.faults.require_reachable()
        return self._cluster
