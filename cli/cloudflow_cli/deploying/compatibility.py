"""Whether what is deployed now could read the records that are in its topics.

Pure. `verify` compares the writers and readers of one version; records outlive a version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_cli.deploying.described import with_texts
from cloudflow_cli.deploying.problems import UnreadableRecords
from cloudflow_operator.desired.intent import Intent
from streamlet_sdk.blueprint.reading import dotted
from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde.compatibility import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cloudflow_operator.api.v1alpha1 import Application
    from streamlet_sdk.blueprint.descriptor import Descriptor, PortDescriptor
    from streamlet_sdk.problems import Problem


def unreadable_records(before: Application | None, after: Application) -> Iterator[Problem]:
    """What new readers cannot read of what old writers have written into the same topics.

    Raises:
        MissingExtraError: when protobuf schemas are compared and the extra is not installed.
    """
    if before is None or _declared(before) == _declared(after):
        return
    old, new = _Ports(before), _Ports(after)
    writers = {old.kafka_name(one.name): one.producers for one in before.spec.topics}
    for topic in after.spec.topics:
        for producer in writers.get(new.kafka_name(topic.name), ()):
            for number, consumer in enumerate(topic.consumers):
                reasons = _reasons(old.outlet(producer), new.inlet(consumer))
                if reasons:
                    yield UnreadableRecords(
                        path=dotted(("spec", "topics", topic.name, "consumers", number)),
                        consumer=consumer,
                        producer=producer,
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

    def __init__(self, application: Application) -> None:
        self._intent = Intent(application, {})
        texts = {one.fingerprint: one.text for one in application.spec.schemas}
        self._descriptors: Mapping[str, Descriptor] = {
            name: with_texts(one, texts) for name, one in self._intent.descriptors.items()
        }

    def kafka_name(self, topic: str) -> tuple[str, str]:
        """Which topic of which cluster it is."""
        found = self._intent.topics[topic]
        return found.cluster, self._intent.kafka_name(found)

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
