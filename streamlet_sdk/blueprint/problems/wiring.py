"""What can be wrong with the streamlets and topics of a blueprint that reads well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.blueprint.problems.stated import Stated, UnknownName


@dataclass(frozen=True, kw_only=True)
class InvalidStreamletName(Stated):
    """Names of streamlets become names and labels in Kubernetes."""

    name: str
    says: ClassVar[str] = "{name!r} cannot be the name of a streamlet."
    advises: ClassVar[str] = (
        "Use lower-case letters, digits and dashes inside, at most 63 characters."
    )


@dataclass(frozen=True, kw_only=True)
class InvalidClassName(Stated):
    """Not the path of a Python class."""

    class_name: str
    says: ClassVar[str] = "{class_name!r} is not the path of a class."
    advises: ClassVar[str] = "Write `package.module.Class` or `package.module:Class`."


@dataclass(frozen=True, kw_only=True)
class UnknownClass(UnknownName):
    """No descriptor exists for the class of a streamlet."""

    says: ClassVar[str] = "the class {name!r} is not among the streamlet classes."
    advises: ClassVar[str] = "Correct the name, or add the class to the project's source."


@dataclass(frozen=True, kw_only=True)
class UnknownRuntime(UnknownName):
    """The platform has no runtime of this name."""

    says: ClassVar[str] = "there is no runtime {name!r}."
    advises: ClassVar[str] = "Runtimes that exist: {known}."


@dataclass(frozen=True, kw_only=True)
class InvalidTopicName(Stated):
    """Kafka would refuse the name; ids of topics are part of names in Kafka."""

    name: str
    says: ClassVar[str] = "{name!r} cannot be the name of a topic."
    advises: ClassVar[str] = (
        "Use letters, digits, dots, dashes and underscores, at most 249 characters."
    )


@dataclass(frozen=True, kw_only=True)
class InvalidClusterName(Stated):
    """Names of Kafka clusters are part of names in Kubernetes."""

    cluster: str
    says: ClassVar[str] = "{cluster!r} cannot be the name of a Kafka cluster."
    advises: ClassVar[str] = (
        "Use lower-case letters, digits and dashes inside, at most 63 characters."
    )


@dataclass(frozen=True, kw_only=True)
class InvalidPortPath(Stated):
    """An entry of `producers` or `consumers` that does not name a streamlet and a port."""

    port_path: str
    says: ClassVar[str] = "{port_path!r} does not name a port."
    advises: ClassVar[str] = "Write `streamlet.port`."


@dataclass(frozen=True, kw_only=True)
class UnknownStreamlet(UnknownName):
    """A streamlet is named that the blueprint does not have."""

    says: ClassVar[str] = "the blueprint has no streamlet {name!r}."
    advises: ClassVar[str] = "Name one of `blueprint.streamlets`."


@dataclass(frozen=True, kw_only=True)
class UnknownTopic(UnknownName):
    """A topic is named that the blueprint does not have."""

    says: ClassVar[str] = "the application has no topic {name!r}."
    advises: ClassVar[str] = "Name one of `blueprint.topics`."


@dataclass(frozen=True, kw_only=True)
class UnknownPort(UnknownName):
    """A port is named that the streamlet's class does not declare."""

    streamlet: str
    direction: str
    says: ClassVar[str] = "the streamlet {streamlet!r} has no port {name!r}."
    advises: ClassVar[str] = "Its {direction}: {known}."


@dataclass(frozen=True, kw_only=True)
class InletAsProducer(Stated):
    """An inlet stands under `producers`."""

    port_path: str
    says: ClassVar[str] = "{port_path!r} is an inlet, so it cannot produce."
    advises: ClassVar[str] = "Move it to `consumers`, or name an outlet."


@dataclass(frozen=True, kw_only=True)
class OutletAsConsumer(Stated):
    """An outlet stands under `consumers`."""

    port_path: str
    says: ClassVar[str] = "{port_path!r} is an outlet, so it cannot consume."
    advises: ClassVar[str] = "Move it to `producers`, or name an inlet."


@dataclass(frozen=True, kw_only=True)
class PortListedTwice(Stated):
    """A port stands twice under the same topic."""

    port_path: str
    says: ClassVar[str] = "{port_path!r} is listed twice."
    advises: ClassVar[str] = "Remove one of the two."


@dataclass(frozen=True, kw_only=True)
class PortInManyTopics(Stated):
    """A port is wired to several topics; it reads from or writes to one."""

    port_path: str
    topics: tuple[str, ...]
    says: ClassVar[str] = "{port_path!r} is already wired to {topics}."
    advises: ClassVar[str] = "Keep one topic, or declare one more port."


@dataclass(frozen=True, kw_only=True)
class UnconnectedInlet(Stated):
    """An inlet that no topic feeds."""

    streamlet: str
    port: str
    says: ClassVar[str] = "the inlet {port!r} is connected to no topic."
    advises: ClassVar[str] = "List `{streamlet}.{port}` under the `consumers` of a topic."


@dataclass(frozen=True, kw_only=True)
class UnconnectedOutlet(Stated):
    """An outlet that writes to no topic."""

    streamlet: str
    port: str
    says: ClassVar[str] = "the outlet {port!r} is connected to no topic."
    advises: ClassVar[str] = "List `{streamlet}.{port}` under the `producers` of a topic."


@dataclass(frozen=True, kw_only=True)
class IncompatibleSchemas(Stated):
    """A consumer of a topic could not read what a producer of it writes."""

    producer: str
    consumer: str
    reasons: tuple[str, ...]
    says: ClassVar[str] = "{consumer!r} cannot read what {producer!r} writes: {reasons}."
    advises: ClassVar[str] = "Give both the same schema, or make the change one that can be read."


@dataclass(frozen=True, kw_only=True)
class ConflictingSchemas(Stated):
    """Two schemas have one fingerprint and other logical types: readers could not tell them apart.

    The fingerprint of the Avro specification ignores logical types, precision and scale. The
    second writer would be refused when it starts.
    """

    first: str
    second: str
    reasons: tuple[str, ...]
    says: ClassVar[str] = (
        "{first!r} and {second!r} write schemas that differ only in what the fingerprint "
        "does not see: {reasons}."
    )
    advises: ClassVar[str] = "Use the same logical types, or give one record another name."


@dataclass(frozen=True, kw_only=True)
class SharedKafkaName(Stated):
    """Two topics of the blueprint are one topic in Kafka."""

    kafka_name: str
    other: str
    says: ClassVar[str] = "the topic {other!r} has the same name in Kafka, {kafka_name!r}."
    advises: ClassVar[str] = "Make one topic of the two, or change `topic.name`."


@dataclass(frozen=True, kw_only=True)
class DeadLetterTopicTaken(Stated):
    """A topic has the id of one that the platform makes for dead letters."""

    streamlet: str
    inlet: str
    says: ClassVar[str] = (
        "this id belongs to the dead letters of `{streamlet}.{inlet}`, "
        "which the platform takes care of."
    )
    advises: ClassVar[str] = (
        "Rename the topic, or wire `{streamlet}.{inlet}-dead-letters` as its producer."
    )


@dataclass(frozen=True, kw_only=True)
class TopicWithoutPorts(Stated):
    """A warning: nothing in the application writes to the topic or reads it."""

    topic: str
    says: ClassVar[str] = "the topic {topic!r} has neither producers nor consumers."
    advises: ClassVar[str] = "Wire a port to it, or remove it."
