"""What an application asks for, indexed once for all checks and builders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cloudflow_operator import names
from cloudflow_operator.api.v1alpha1 import Topic
from cloudflow_operator.desired.clusters import KafkaCluster
from cloudflow_operator.desired.effective import effective
from cloudflow_operator.desired.reading import name_of, read
from streamlet_sdk.blueprint import policies
from streamlet_sdk.blueprint.checks import DEFAULT_CLUSTER
from streamlet_sdk.blueprint.document import Blueprint, WrittenStreamlet, WrittenTopic
from streamlet_sdk.blueprint.reading import dotted
from streamlet_sdk.blueprint.topics import TopicSettings
from streamlet_sdk.blueprint.verified import PortPath
from streamlet_sdk.blueprint.wiring import Wiring
from streamlet_sdk.contract import dead_letter_port, dead_letter_topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import Application
    from cloudflow_operator.desired.clusters import KafkaClusters
    from cloudflow_operator.desired.effective import Effective, EffectiveStreamlet
    from cloudflow_operator.desired.reading import Readings
    from streamlet_sdk.blueprint.descriptor import Descriptor


@dataclass(frozen=True)
class Intent:
    """An application and the Kafka clusters that it may use; may be wrong in any way."""

    application: Application
    clusters: KafkaClusters

    @cached_property
    def effective(self) -> Effective:
        """The streamlets with all that is set of them."""
        return effective(self.application.spec)

    @property
    def streamlets(self) -> Mapping[str, EffectiveStreamlet]:
        """The streamlets by name."""
        return self.effective.streamlets

    @cached_property
    def readings(self) -> Readings:
        """Descriptors, settings and policies, as far as they can be read."""
        return read(self.application.spec.descriptors, self.streamlets.values())

    @property
    def descriptors(self) -> Mapping[str, Descriptor]:
        """The descriptor of each streamlet that has one, by streamlet."""
        return self.wiring.descriptors

    @cached_property
    def wiring(self) -> Wiring:
        """The application as the SDK's checks see it; places begin with `blueprint`, not `spec`."""
        spec = self.application.spec
        blueprint = Blueprint(
            streamlets={name: self._written(one) for name, one in self.streamlets.items()},
            topics={one.name: _written_topic(one) for one in spec.topics},
        )
        classes = self.readings.classes
        broken = {name_of(one) for one in spec.descriptors} - classes.keys()
        return Wiring(blueprint, classes, broken)

    @cached_property
    def topics(self) -> Mapping[str, Topic]:
        """The topics by name: those of the resource, then dead letters that it does not list."""
        found = {one.name: one for one in self.application.spec.topics}
        for one in self._implicit_topics():
            found.setdefault(one.name, one)
        return found

    def topic_of(self, streamlet: str, port: str) -> Topic | None:
        """The topic that a port is bound to."""
        return self._topic_by_port.get(PortPath(streamlet, port))

    def cluster(self, name: str) -> KafkaCluster:
        """A Kafka cluster; one that says nothing when it is not known."""
        return self.clusters.get(name, KafkaCluster())

    def kafka_name(self, topic: Topic) -> str:
        """The name of a topic in Kafka."""
        if topic.kafka_name is not None:
            return topic.kafka_name
        metadata = self.application.metadata
        prefix = self.cluster(topic.cluster).prefix
        return names.topic(metadata.namespace, metadata.name, topic.name, prefix)

    @cached_property
    def _topic_by_port(self) -> Mapping[PortPath, Topic]:
        return {
            PortPath(*text.partition(".")[::2]): topic
            for topic in self.topics.values()
            for text in (*topic.producers, *topic.consumers)
        }

    def _implicit_topics(self) -> Iterator[Topic]:
        for streamlet, inlet in policies.unwired_dead_letters(self.wiring):
            fed = self.wiring.bound.get(PortPath(streamlet, inlet), ())
            # Beside the records that they were, as `verify` decides it too.
            topics = (self.wiring.blueprint.topics[one.topic] for one in fed)
            cluster = next((one.settings.cluster for one in topics), None)
            yield Topic(
                name=dead_letter_topic(streamlet, inlet),
                producers=(str(PortPath(streamlet, dead_letter_port(inlet))),),
                cluster=cluster or DEFAULT_CLUSTER,
            )

    def _written(self, streamlet: EffectiveStreamlet) -> WrittenStreamlet:
        return WrittenStreamlet(
            name=streamlet.name,
            class_name=streamlet.class_name,
            replicas=streamlet.replicas,
            delivery=self.readings.told[streamlet.name].delivery,
            image=streamlet.image,
            runtime=streamlet.runtime,
        )


def _written_topic(topic: Topic) -> WrittenTopic:
    return WrittenTopic(
        id=topic.name,
        producers=_places(topic, "producers", topic.producers),
        consumers=_places(topic, "consumers", topic.consumers),
        settings=TopicSettings(
            partitions=topic.partitions,
            replicas=topic.replication_factor,
            cluster=topic.cluster,
            kafka_name=topic.kafka_name,
        ),
    )


def _places(topic: Topic, side: str, texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    place = ("blueprint", "topics", topic.name, side)
    return tuple((dotted((*place, number)), text) for number, text in enumerate(texts))
