"""An application resource as the blueprint that it was made of, to be configured like one.

Pure. The checks of a configuration know blueprints alone; `spec` has all that they look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_operator.desired.intent import Intent
from streamlet_sdk.blueprint.verified import (
    PortPath,
    VerifiedBlueprint,
    VerifiedStreamlet,
    VerifiedTopic,
)
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cloudflow_operator.api.v1alpha1 import Application, Topic
    from cloudflow_operator.desired.effective import EffectiveStreamlet
    from streamlet_sdk.blueprint.descriptor import Descriptor, PortDescriptor


def described(application: Application) -> VerifiedBlueprint:
    """The streamlets and topics of a resource, with all that is set of them.

    A parameter whose value is in another object counts as given: only the pod sees it. Whether
    everything fits together is not known yet.

    Raises:
        ConfigurationError: when a descriptor cannot be read, or a streamlet has none.
    """
    intent = Intent(application, {})
    missing = intent.streamlets.keys() - intent.descriptors.keys()
    if missing or intent.readings.problems:
        from cloudflow_operator.desired.checks import problems

        raise ConfigurationError(problems(intent))
    texts = {one.fingerprint: one.text for one in application.spec.schemas}
    return VerifiedBlueprint(
        streamlets={
            name: _streamlet(intent, one, with_texts(intent.descriptors[name], texts))
            for name, one in intent.streamlets.items()
        },
        topics={one.name: _topic(one) for one in application.spec.topics},
    )


def with_texts(descriptor: Descriptor, texts: Mapping[str, str]) -> Descriptor:
    """`descriptor` with the texts of its schemas, which a resource has once for all."""

    def told(port: PortDescriptor) -> PortDescriptor:
        text = texts.get(port.schema_.fingerprint, "")
        return port.model_copy(update={"schema_": port.schema_.model_copy(update={"text": text})})

    ports = {
        "inlets": tuple(map(told, descriptor.inlets)),
        "outlets": tuple(map(told, descriptor.outlets)),
    }
    return descriptor.model_copy(update=ports)


def relaxed(descriptor: Descriptor, given: Collection[str]) -> Descriptor:
    """`descriptor` without the need to give the parameters that are `given` already."""
    parameters = tuple(
        one.model_copy(update={"required": one.required and one.name not in given})
        for one in descriptor.parameters
    )
    return descriptor.model_copy(update={"parameters": parameters})


def _streamlet(
    intent: Intent, streamlet: EffectiveStreamlet, descriptor: Descriptor
) -> VerifiedStreamlet:
    values = {key: one.value for key, one in streamlet.parameters.items()}
    elsewhere = [key for key, value in values.items() if value is None]
    own = {one.name: one.image for one in intent.application.spec.streamlets}
    return VerifiedStreamlet(
        name=streamlet.name,
        descriptor=relaxed(descriptor, elsewhere),
        replicas=streamlet.replicas,
        parameters={key: value for key, value in values.items() if value is not None},
        delivery=intent.readings.told[streamlet.name].delivery,
        image=own[streamlet.name],
        runtime=streamlet.runtime,
    )


def _topic(topic: Topic) -> VerifiedTopic:
    return VerifiedTopic(
        id=topic.name,
        producers=_ports(topic.producers),
        consumers=_ports(topic.consumers),
        kafka_name=topic.kafka_name,
        partitions=topic.partitions,
        replication_factor=topic.replication_factor,
        cluster=topic.cluster,
        managed=topic.managed,
        config=topic.config,
        connection=topic.client_config,
        producer=topic.producer_config,
        consumer=topic.consumer_config,
    )


def _ports(paths: tuple[str, ...]) -> tuple[PortPath, ...]:
    return tuple(PortPath(*text.partition(".")[::2]) for text in paths)
