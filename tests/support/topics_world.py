"""What the contract of `interfaces.Topics` needs of each implementation that it runs against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_operator.desired.topics import DesiredTopic
from cloudflow_operator.topic_states import claimed, may_be_claimed
from streamlet_sdk.runtime.transport import TopicSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import TopicStatus
    from cloudflow_operator.interfaces import Topics
    from streamlet_sdk.runtime.transport import TopicInfo


@dataclass(frozen=True, kw_only=True)
class World:
    """Kafka, and what others do and see there.

    Attributes:
        name: stands before the names of topics that no other test uses.
        make: somebody else makes a topic.
        look: what is known of a topic; None when it is not there.
        join: somebody is in a consumer group.
        cut: Kafka cannot be reached any more; None where the world cannot do that.
    """

    topics: Topics
    name: str
    make: Callable[[TopicSpec], Awaitable[None]]
    look: Callable[[str], Awaitable[TopicInfo | None]]
    join: Callable[[str], Awaitable[None]]
    cut: Callable[[], Awaitable[None]]

    def wanted(self, label: str = "raw", **fields: Any) -> DesiredTopic:
        """A topic that shall be there; `partitions`, `replication_factor` as the resource says."""
        spec = TopicSpec(
            name=fields.pop("kafka_name", f"{self.name}.{label}"),
            partitions=fields.get("partitions") or 2,
            replication_factor=fields.get("replication_factor") or 1,
            config=fields.pop("config", {}),
        )
        return DesiredTopic(
            id=label,
            cluster=fields.pop("cluster", "default"),
            spec=spec,
            asked_partitions=fields.pop("partitions", None),
            asked_replication_factor=fields.pop("replication_factor", None),
            **fields,
        )

    async def brought(
        self, wanted: Sequence[DesiredTopic], before: Mapping[str, TopicStatus] | None = None
    ) -> dict[str, TopicStatus]:
        """What `reconcile` does: look, write down what will be made, make it."""
        found = await self.topics.ensure(wanted, before or {})
        assert [one.name for one in found] == [one.label for one in wanted]
        noted = {
            one.name: claimed(one) if may_be_claimed(topic, one) else one
            for topic, one in zip(wanted, found, strict=True)
        }
        if list(noted.values()) != list(found):
            found = await self.topics.ensure(wanted, noted)
        return {one.name: one for one in found}
