"""How the leader of a group shares partitions: in turn, and with what it knew of the topic.

Used by memberships. Whoever gets a share can tell whether it was made for the topic as it is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocol, ConsumerProtocolMemberAssignment
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping


class CountingAssignor(RoundRobinPartitionAssignor):
    """aiokafka's own, which writes the number of all partitions beside each member's share."""

    @classmethod
    @override
    def assign(cls, cluster: Any, members: Mapping[str, Any]) -> Any:
        """The share of each member."""
        topics = {topic for member in members.values() for topic in member.subscription}
        count = sum(len(cluster.partitions_for_topic(topic) or ()) for topic in topics)
        return {
            member: ConsumerProtocolMemberAssignment(share.version, share.assignment, b"%d" % count)
            for member, share in super().assign(cluster, members).items()
        }


def shared(assignment: bytes) -> int | None:
    """How many partitions a member's share was made of; None when its leader did not say."""
    said: bytes = ConsumerProtocol.ASSIGNMENT.decode(assignment).user_data or b""
    return int(said) if said.isdigit() else None
