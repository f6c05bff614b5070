"""What each streamlet's process is told, from a checked configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlet_sdk.contract import Binding, ParameterSource, StreamletConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamlet_sdk.blueprint.configuration import Configuration
    from streamlet_sdk.blueprint.verified import VerifiedStreamlet, VerifiedTopic


def resolve(
    configuration: Configuration, *, namespace: str, application: str
) -> Mapping[str, StreamletConfig]:
    """The configuration of every streamlet's process, by streamlet.

    Secrets are among the parameters as plain text; who stores the result decides where they go.
    The server's port is the default one; who runs several servers on one machine changes it.
    """
    return {
        name: StreamletConfig.model_validate(
            {
                "application": application,
                "namespace": namespace,
                "streamlet": name,
                "class": streamlet.descriptor.class_name,
                "parameters": {
                    key: ParameterSource(value=text) for key, text in streamlet.parameters.items()
                },
                "settings": configuration.pods[name].settings,
                "ports": dict(_bindings(configuration, streamlet, f"{namespace}.{application}")),
                "delivery": dict(streamlet.delivery),
                "volumeMounts": dict(configuration.pods[name].volume_mounts),
            }
        )
        for name, streamlet in configuration.application.streamlets.items()
    }


def kafka_name(topic: VerifiedTopic, prefix: str) -> str:
    """The name of a topic in Kafka; `prefix` is `namespace.application`."""
    return topic.kafka_name if topic.kafka_name is not None else f"{prefix}.{topic.id}"


def _bindings(
    configuration: Configuration, streamlet: VerifiedStreamlet, prefix: str
) -> Iterator[tuple[str, Binding]]:
    descriptor = streamlet.descriptor
    for port in (*descriptor.inlets, *descriptor.outlets):
        topic = configuration.application.topic_of(streamlet.name, port.name)
        if topic is None:
            continue
        of_side = topic.consumer if port.name in descriptor.inlet_by_name else topic.producer
        yield (
            port.name,
            Binding(
                topic=topic.id,
                kafka_name=kafka_name(topic, prefix),
                cluster=topic.cluster,
                properties={**topic.connection, **of_side},
            ),
        )
