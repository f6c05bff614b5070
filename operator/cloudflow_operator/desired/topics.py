"""The topics that an application needs, and on which cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamlet_sdk.runtime.positions import POSITIONS_TOPIC
from streamlet_sdk.runtime.schemas import SCHEMAS_TOPIC
from streamlet_sdk.runtime.transport import TopicSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflow_operator.api.v1alpha1 import Topic
    from cloudflow_operator.desired.clusters import KafkaCluster
    from cloudflow_operator.desired.intent import Intent

_COMPACTED: Final = {"cleanup.policy": "compact"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredTopic:
    """A topic that shall be there.

    Attributes:
        id: its name in the resource, None for those of the platform.
        cluster: the Kafka cluster it is on.
        spec: what it is made as when it is missing.
        is_managed: whether it is made and altered at all; otherwise it only has to be there.
        asked_partitions: what the resource says; a cluster's default raises nothing later.
        asked_replication_factor: the same of copies.
    """

    id: str | None
    cluster: str
    spec: TopicSpec
    is_managed: bool = True
    asked_partitions: int | None = None
    asked_replication_factor: int | None = None

    @property
    def label(self) -> str:
        """What the status calls it: its id; no id has an `@`."""
        return self.id if self.id is not None else f"{self.spec.name}@{self.cluster}"

    @property
    def is_shared(self) -> bool:
        """Whether all applications on the cluster use it, so that none may delete it."""
        return self.id is None


def topics(intent: Intent) -> Iterator[DesiredTopic]:
    """The application's topics, in its order, then those of the platform by cluster."""
    for topic in intent.topics.values():
        yield _topic(topic, intent.kafka_name(topic), intent.cluster(topic.cluster))
    # A pod follows the schemas of every cluster that it is connected to, whatever its ports carry.
    for name in sorted({topic.cluster for topic in intent.topics.values()}):
        yield _compacted(SCHEMAS_TOPIC, name, intent.cluster(name))
    for name in sorted(set(_clusters_of_positions(intent))):
        yield _compacted(POSITIONS_TOPIC, name, intent.cluster(name))


def _topic(topic: Topic, kafka_name: str, cluster: KafkaCluster) -> DesiredTopic:
    return DesiredTopic(
        id=topic.name,
        cluster=topic.cluster,
        spec=TopicSpec(
            name=kafka_name,
            partitions=topic.partitions or cluster.partitions,
            replication_factor=topic.replication_factor or cluster.replication_factor,
            config=topic.config,
        ),
        is_managed=topic.managed,
        asked_partitions=topic.partitions,
        asked_replication_factor=topic.replication_factor,
    )


def _compacted(name: str, cluster_name: str, cluster: KafkaCluster) -> DesiredTopic:
    factor = cluster.replication_factor
    spec = TopicSpec(name=name, replication_factor=factor, config=_COMPACTED)
    return DesiredTopic(id=None, cluster=cluster_name, spec=spec)


def _clusters_of_positions(intent: Intent) -> Iterator[str]:
    """Where the engine keeps positions: on the cluster of a streamlet's first outlet."""
    for name, descriptor in intent.descriptors.items():
        first = next(descriptor.own_outlets(), None)
        topic = intent.topic_of(name, first.name) if first is not None else None
        if topic is not None and any(source.position for source in descriptor.sources):
            yield topic.cluster
