"""An application that is known to fit together; made by `verify` alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.blueprint.descriptor import Descriptor
    from streamlet_sdk.contract import DeliveryOverride
    from streamlet_sdk.problems import Problem


class PortPath(NamedTuple):
    """A port of a streamlet."""

    streamlet: str
    port: str

    def __str__(self) -> str:
        """As in a blueprint."""
        return f"{self.streamlet}.{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedStreamlet:
    """A streamlet whose class is known.

    Attributes:
        replicas: None where the blueprint does not say.
        parameters: values as text, those that the blueprint sets.
        delivery: what the blueprint overrides, by inlet.
    """

    name: str
    descriptor: Descriptor
    replicas: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    delivery: Mapping[str, DeliveryOverride] = field(default_factory=dict)
    image: str | None = None
    runtime: str = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedTopic:
    """A topic whose ports fit together.

    Attributes:
        kafka_name: its name in Kafka, verbatim; None leaves the name to the platform.
        partitions: None leaves it to the Kafka cluster, as does `replication_factor`.
        config: settings of the topic in Kafka's own names.
        connection: client properties of all its ports; `producer` and `consumer` win over them.
        implicit: made by the platform for dead letters; the blueprint does not have it.
    """

    id: str
    producers: tuple[PortPath, ...] = ()
    consumers: tuple[PortPath, ...] = ()
    kafka_name: str | None = None
    partitions: int | None = None
    replication_factor: int | None = None
    cluster: str = "default"
    managed: bool = True
    config: Mapping[str, str] = field(default_factory=dict)
    connection: Mapping[str, str] = field(default_factory=dict)
    producer: Mapping[str, str] = field(default_factory=dict)
    consumer: Mapping[str, str] = field(default_factory=dict)
    implicit: bool = False


@dataclass(frozen=True, kw_only=True)
class VerifiedBlueprint:
    """An application that fits together.

    Attributes:
        streamlets: by name, in document order.
        topics: by id, in document order, then those that the platform adds for dead letters.
        warnings: what is legal and probably not meant.
    """

    streamlets: Mapping[str, VerifiedStreamlet]
    topics: Mapping[str, VerifiedTopic]
    warnings: tuple[Problem, ...] = ()

    def topic_of(self, streamlet: str, port: str) -> VerifiedTopic | None:
        """The topic that a port is wired to; None for dead letters that nobody keeps."""
        return self._topics_by_port.get(PortPath(streamlet, port))

    @cached_property
    def _topics_by_port(self) -> Mapping[PortPath, VerifiedTopic]:
        return {
            path: topic
            for topic in self.topics.values()
            for path in (*topic.producers, *topic.consumers)
        }
