"""Whether two versions of an application, or two applications, can read each other's records.

Pure. `verify` compares the writers and readers of one version. Records outlive a version, and while
a version is rolled out both work; and applications may name the same topic.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

from cloudflow_cli.deploying.described import with_texts
from cloudflow_cli.deploying.problems import (
    UnreadableAcross,
    UnreadableMeanwhile,
    UnreadableRecords,
)
from cloudflow_operator.desired.intent import Intent
from cloudflow_operator.topic_states import Place
from streamlet_sdk.blueprint.reading import dotted
from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde.compatibility import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cloudflow_operator.api.v1alpha1 import Application, Topic
    from cloudflow_operator.desired.clusters import KafkaClusters
    from streamlet_sdk.blueprint.descriptor import Descriptor, PortDescriptor
    from streamlet_sdk.problems import Problem

# Two versions of one application are on the same Kafka clusters.
_WITHOUT_PREFIXES: Final[KafkaClusters] = {}


def unreadable_records(before: Application | None, after: Application) -> Iterator[Problem]:
    """What new readers cannot read of what old writers have written into the same topics.

    Raises:
        MissingExtraError: when protobuf schemas are compared and the extra is not installed.
    """
    for misfit in _between(writing=before, reading=after):
        number = misfit.read.consumers.index(misfit.consumer)
        yield UnreadableRecords(
            path=dotted(("spec", "topics", misfit.read.name, "consumers", number)),
            consumer=misfit.consumer,
            producer=misfit.producer,
            reasons=misfit.reasons,
        )


def unreadable_meanwhile(before: Application | None, after: Application) -> Iterator[Problem]:
    """What old readers, which work until new ones are ready, cannot read of new writers.

    Raises:
        MissingExtraError: when protobuf schemas are compared and the extra is not installed.
    """
    for misfit in _between(writing=after, reading=before):
        number = misfit.written.producers.index(misfit.producer)
        yield UnreadableMeanwhile(
            path=dotted(("spec", "topics", misfit.written.name, "producers", number)),
            consumer=misfit.consumer,
            producer=misfit.producer,
            reasons=misfit.reasons,
        )


def unreadable_across(
    application: Application, others: Iterable[Application], clusters: KafkaClusters
) -> Iterator[Problem]:
    """What it and others cannot read of each other in the topics that they share.

    Raises:
        MissingExtraError: when protobuf schemas are compared and the extra is not installed.
    """
    here = _Ports(application, clusters)
    for other in others:
        there = _Ports(other, clusters)
        theirs = f" of {other.metadata.namespace}/{other.metadata.name}"
        for misfit in _misfits(writing=here, reading=there):
            number = misfit.written.producers.index(misfit.producer)
            yield UnreadableAcross(
                path=dotted(("spec", "topics", misfit.written.name, "producers", number)),
                topic=misfit.kafka_name,
                reader=f"{misfit.consumer!r}{theirs}",
                writer=repr(misfit.producer),
                reasons=misfit.reasons,
            )
        for misfit in _misfits(writing=there, reading=here):
            number = misfit.read.consumers.index(misfit.consumer)
            yield UnreadableAcross(
                path=dotted(("spec", "topics", misfit.read.name, "consumers", number)),
                topic=misfit.kafka_name,
                reader=repr(misfit.consumer),
                writer=f"{misfit.producer!r}{theirs}",
                reasons=misfit.reasons,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Misfit:
    """A reader that cannot read a writer; the topic between them as each of both knows it."""

    kafka_name: str
    written: Topic
    read: Topic
    producer: str
    consumer: str
    reasons: tuple[str, ...]


def _between(*, writing: Application | None, reading: Application | None) -> Iterator[_Misfit]:
    """Those of two versions of one application."""
    if writing is not None and reading is not None:
        versions = (_Ports(writing, _WITHOUT_PREFIXES), _Ports(reading, _WITHOUT_PREFIXES))
        yield from _misfits(writing=versions[0], reading=versions[1])


def _misfits(*, writing: _Ports, reading: _Ports) -> Iterator[_Misfit]:
    if writing.declared == reading.declared:
        return
    written = writing.topics
    for place, read in reading.topics.items():
        if (topic := written.get(place)) is None:
            continue
        for producer, consumer in product(topic.producers, read.consumers):
            reasons = _reasons(writing.outlet(producer), reading.inlet(consumer))
            if reasons:
                yield _Misfit(
                    kafka_name=place.kafka_name,
                    written=topic,
                    read=read,
                    producer=producer,
                    consumer=consumer,
                    reasons=reasons,
                )


def _reasons(writer: PortDescriptor | None, reader: PortDescriptor | None) -> tuple[str, ...]:
    if writer is None or reader is None or writer.dead_letters_of is not None:
        return ()
    wrote, reads = writer.schema_value, reader.schema_value
    if wrote == reads or not (wrote.text and reads.text):
        return ()
    try:
        return unreadable(wrote, reads)
    except SchemaError as error:
        return (str(error),)


class _Ports:
    """The topics and ports of an application; schemas are looked up for ports that are asked for.

    Attributes:
        declared: what decides on topics and ports.
        topics: by their places.
    """

    def __init__(self, application: Application, clusters: KafkaClusters) -> None:
        spec = application.spec
        intent = Intent(application, clusters)
        classes = {one.name: one.class_name for one in spec.streamlets}
        self.declared: object = (classes, spec.descriptors, spec.schemas, spec.topics)
        self.topics: Mapping[Place, Topic] = {
            Place(found.cluster, intent.kafka_name(found)): one
            for one in spec.topics
            for found in [intent.topics[one.name]]
        }
        self._descriptors = intent.descriptors
        self._texts = {one.fingerprint: one.text for one in spec.schemas}
        self._told: dict[str, Descriptor] = {}

    def outlet(self, path: str) -> PortDescriptor | None:
        """The outlet of that path, if there is one."""
        name, _, port = path.partition(".")
        found = self._descriptor(name)
        return found.outlet_by_name.get(port) if found is not None else None

    def inlet(self, path: str) -> PortDescriptor | None:
        """The inlet of that path, if there is one."""
        name, _, port = path.partition(".")
        found = self._descriptor(name)
        return found.inlet_by_name.get(port) if found is not None else None

    def _descriptor(self, name: str) -> Descriptor | None:
        if name not in self._told and name in self._descriptors:
            self._told[name] = with_texts(self._descriptors[name], self._texts)
        return self._told.get(name)
