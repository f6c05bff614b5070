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
    for misfit in _misfits(writing=before, reading=after):
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
    for misfit in _misfits(writing=after, reading=before):
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
    for other in others:
        theirs = f" of {other.metadata.namespace}/{other.metadata.name}"
        for misfit in _misfits(writing=application, reading=other, clusters=clusters):
            number = misfit.written.producers.index(misfit.producer)
            yield UnreadableAcross(
                path=dotted(("spec", "topics", misfit.written.name, "producers", number)),
                topic=misfit.kafka_name,
                reader=f"{misfit.consumer!r}{theirs}",
                writer=repr(misfit.producer),
                reasons=misfit.reasons,
            )
        for misfit in _misfits(writing=other, reading=application, clusters=clusters):
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


def _misfits(
    *,
    writing: Application | None,
    reading: Application | None,
    clusters: KafkaClusters = _WITHOUT_PREFIXES,
) -> Iterator[_Misfit]:
    if writing is None or reading is None or _declared(writing) == _declared(reading):
        return
    writers, readers = _Ports(writing, clusters), _Ports(reading, clusters)
    written = {writers.place(one.name): one for one in writing.spec.topics}
    for read in reading.spec.topics:
        place = readers.place(read.name)
        if (topic := written.get(place)) is None:
            continue
        for producer, consumer in product(topic.producers, read.consumers):
            reasons = _reasons(writers.outlet(producer), readers.inlet(consumer))
            if reasons:
                yield _Misfit(
                    kafka_name=place.kafka_name,
                    written=topic,
                    read=read,
                    producer=producer,
                    consumer=consumer,
                    reasons=reasons,
                )


def _declared(application: Application) -> object:
    spec = application.spec
    classes = {one.name: one.class_name for one in spec.streamlets}
    return classes, spec.descriptors, spec.schemas, spec.topics


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
    """The ports of an application with their schemas, by `streamlet.port`."""

    def __init__(self, application: Application, clusters: KafkaClusters) -> None:
        self._intent = Intent(application, clusters)
        texts = {one.fingerprint: one.text for one in application.spec.schemas}
        self._descriptors: Mapping[str, Descriptor] = {
            name: with_texts(one, texts) for name, one in self._intent.descriptors.items()
        }

    def place(self, topic: str) -> Place:
        """Which topic of which cluster it is."""
        found = self._intent.topics[topic]
        return Place(found.cluster, self._intent.kafka_name(found))

    def outlet(self, path: str) -> PortDescriptor | None:
        """The outlet of that path, if there is one."""
        name, _, port = path.partition(".")
        return (
            self._descriptors[name].outlet_by_name.get(port) if name in self._descriptors else None
        )

    def inlet(self, path: str) -> PortDescriptor | None:
        """The inlet of that path, if there is one."""
        name, _, port = path.partition(".")
        return (
            self._descriptors[name].inlet_by_name.get(port) if name in self._descriptors else None
        )
