"""The checks of how streamlets and topics are wired; each is silent about what another reports."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from streamlet_sdk.blueprint.descriptor import RUNTIME, class_path
from streamlet_sdk.blueprint.legality import is_kafka_name, is_label
from streamlet_sdk.blueprint.problems.wiring import (
    ConflictingSchemas,
    IncompatibleSchemas,
    InletAsProducer,
    InvalidClassName,
    InvalidClusterName,
    InvalidPortPath,
    InvalidStreamletName,
    InvalidTopicName,
    OutletAsConsumer,
    PortInManyTopics,
    PortListedTwice,
    SharedKafkaName,
    UnconnectedInlet,
    UnconnectedOutlet,
    UnknownClass,
    UnknownPort,
    UnknownRuntime,
    UnknownStreamlet,
)
from streamlet_sdk.blueprint.verified import PortPath
from streamlet_sdk.blueprint.wiring import Entry, Wiring, port_path, streamlet_place, topic_place
from streamlet_sdk.serde import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamlet_sdk.blueprint.descriptor import PortDescriptor
    from streamlet_sdk.problems import Problem
    from streamlet_sdk.serde import Schema

DEFAULT_CLUSTER: Final = "default"


def illegal_streamlet_names(wiring: Wiring) -> Iterator[Problem]:
    """Names of streamlets, classes and runtimes that cannot be."""
    for name, streamlet in wiring.blueprint.streamlets.items():
        if not is_label(name):
            yield InvalidStreamletName(path=streamlet_place(name), name=name)
        class_name = streamlet.class_name
        if class_name is not None and class_path(class_name) is None:
            yield InvalidClassName(path=class_place(wiring, name), class_name=class_name)
        if streamlet.runtime not in {None, RUNTIME}:
            place = streamlet_place(name, "runtime")
            yield UnknownRuntime(path=place, name=str(streamlet.runtime), known=(RUNTIME,))


def illegal_topic_names(wiring: Wiring) -> Iterator[Problem]:
    """Names of topics and clusters that Kafka or Kubernetes would refuse."""
    for topic in wiring.blueprint.topics.values():
        name_in_kafka = topic.settings.kafka_name
        if not is_kafka_name(topic.id):
            yield InvalidTopicName(path=topic_place(topic.id), name=topic.id)
        if name_in_kafka is not None and not is_kafka_name(name_in_kafka):
            place = topic_place(topic.id, "topic", "name")
            yield InvalidTopicName(path=place, name=name_in_kafka)
        cluster = topic.settings.cluster
        if cluster is not None and not is_label(cluster):
            yield InvalidClusterName(path=topic_place(topic.id, "cluster"), cluster=cluster)


def unknown_classes(wiring: Wiring) -> Iterator[Problem]:
    """Streamlets of classes that nobody described."""
    for name, streamlet in wiring.blueprint.streamlets.items():
        path = class_path(streamlet.class_name or "")
        if path is not None and path not in wiring.classes and path not in wiring.broken:
            known = tuple(wiring.classes)
            yield UnknownClass(path=class_place(wiring, name), name=path, known=known)


def class_place(wiring: Wiring, name: str) -> str:
    """Where the class of a streamlet is written: in its section, or beside its name."""
    inner = streamlet_place(name, "class")
    return inner if inner in wiring.blueprint.places else streamlet_place(name)


def malformed_port_paths(wiring: Wiring) -> Iterator[Problem]:
    """Entries of topics that are not `streamlet.port`."""
    for topic in wiring.blueprint.topics.values():
        for place, text in (*topic.producers, *topic.consumers):
            if port_path(text) is None:
                yield InvalidPortPath(path=place, port_path=text)


def unknown_ports(wiring: Wiring) -> Iterator[Problem]:
    """Entries that name a streamlet or port that does not exist, or stand on the wrong side."""
    streamlets = tuple(wiring.blueprint.streamlets)
    for entry in wiring.entries:
        name = entry.port_path.streamlet
        if name not in wiring.blueprint.streamlets:
            yield UnknownStreamlet(path=entry.place, name=name, known=streamlets)
        elif name in wiring.descriptors and wiring.port(entry) is None:
            yield _misnamed(wiring, entry)


def _misnamed(wiring: Wiring, entry: Entry) -> Problem:
    descriptor = wiring.descriptors[entry.port_path.streamlet]
    port, text = entry.port_path.port, str(entry.port_path)
    if entry.side == "producers":
        if port in descriptor.inlet_by_name:
            return InletAsProducer(path=entry.place, port_path=text)
        direction, known = "outlets", tuple(outlet.name for outlet in descriptor.own_outlets())
    else:
        if port in descriptor.outlet_by_name:
            return OutletAsConsumer(path=entry.place, port_path=text)
        direction, known = "inlets", tuple(descriptor.inlet_by_name)
    return UnknownPort(
        path=entry.place,
        streamlet=entry.port_path.streamlet,
        name=port,
        direction=direction,
        known=known,
    )


def ports_of_many_topics(wiring: Wiring) -> Iterator[Problem]:
    """Ports that are wired more than once."""
    for path, entries in wiring.bound.items():
        seen: list[tuple[str, str]] = []
        for entry in entries:
            others = tuple(dict.fromkeys(topic for topic, _ in seen if topic != entry.topic))
            if others:
                yield PortInManyTopics(path=entry.place, port_path=str(path), topics=others)
            elif (entry.topic, entry.side) in seen:
                yield PortListedTwice(path=entry.place, port_path=str(path))
            seen.append((entry.topic, entry.side))


def unconnected_ports(wiring: Wiring) -> Iterator[Problem]:
    """Ports of used streamlets that no topic has; dead letters have a topic by themselves."""
    for name, descriptor in wiring.descriptors.items():
        place = streamlet_place(name)
        for inlet in descriptor.inlets:
            if PortPath(name, inlet.name) not in wiring.bound:
                yield UnconnectedInlet(path=place, streamlet=name, port=inlet.name)
        for outlet in descriptor.own_outlets():
            if PortPath(name, outlet.name) not in wiring.bound:
                yield UnconnectedOutlet(path=place, streamlet=name, port=outlet.name)


def shared_kafka_names(wiring: Wiring) -> Iterator[Problem]:
    """Topics that are one topic in Kafka because they set the same name on the same cluster."""
    first: dict[tuple[str, str], str] = {}
    for topic in wiring.blueprint.topics.values():
        name = topic.settings.kafka_name
        if name is None:
            continue
        other = first.setdefault((topic.settings.cluster or DEFAULT_CLUSTER, name), topic.id)
        if other != topic.id:
            place = topic_place(topic.id, "topic", "name")
            yield SharedKafkaName(path=place, kafka_name=name, other=other)


Reasons = tuple[str, ...]


def compatibility() -> Callable[[PortDescriptor, PortDescriptor], Reasons]:
    """`unreadable` for ports, which compares each pair of schemas once."""
    known: dict[tuple[Schema, Schema], Reasons] = {}

    def reasons(writer: PortDescriptor, reader: PortDescriptor) -> Reasons:
        pair = writer.schema_value, reader.schema_value
        if pair not in known:
            known[pair] = unreadable(*pair)
        return known[pair]

    return reasons


def unreadable_topics(wiring: Wiring) -> Iterator[Problem]:
    """Consumers that could not read what a producer of their topic writes."""
    producers: dict[str, list[tuple[Entry, PortDescriptor]]] = defaultdict(list)
    consumers: dict[str, list[tuple[Entry, PortDescriptor]]] = defaultdict(list)
    for entry in wiring.entries:
        if (port := wiring.port(entry)) is not None:
            side = producers if entry.side == "producers" else consumers
            side[entry.topic].append((entry, port))
    reasons_for = compatibility()
    for topic, readers in consumers.items():
        # Most ports of a topic share one schema: one comparison for all of them, not for each pair.
        writers = {port.schema_value: port for _, port in producers[topic]}
        for read, reader in readers:
            reasons = {key: reasons_for(writer, reader) for key, writer in writers.items()}
            if not any(reasons.values()):
                continue
            for written, writer in producers[topic]:
                if found := reasons[writer.schema_value]:
                    yield IncompatibleSchemas(
                        path=read.place,
                        producer=str(written.port_path),
                        consumer=str(read.port_path),
                        reasons=found,
                    )


def conflicting_schemas(wiring: Wiring) -> Iterator[Problem]:
    """Writers on one Kafka cluster whose schemas share a fingerprint and differ all the same."""
    reasons_for = compatibility()
    first: dict[tuple[str, str], tuple[Entry, PortDescriptor]] = {}
    for entry in wiring.entries:
        port = wiring.port(entry)
        if entry.side == "consumers" or port is None or port.schema_.format != "avro":
            continue
        cluster = wiring.blueprint.topics[entry.topic].settings.cluster or DEFAULT_CLUSTER
        key = cluster, port.schema_.fingerprint
        earlier, other = first.setdefault(key, (entry, port))
        if reasons := reasons_for(other, port) or reasons_for(port, other):
            yield ConflictingSchemas(
                path=entry.place,
                first=str(earlier.port_path),
                second=str(entry.port_path),
                reasons=reasons,
            )
