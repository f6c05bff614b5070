"""What a streamlet's process is told, as the model of the contract and as the files of a pod."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator.desired import mounts
from streamlet_sdk.contract import CONTRACT, Binding, ParameterSource, StreamletConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cloudflow_operator.api.v1alpha1 import Parameter, Topic
    from cloudflow_operator.desired.clusters import KafkaCluster
    from cloudflow_operator.desired.intent import Intent
    from streamlet_sdk.blueprint.descriptor import Descriptor

# With the next contract this one stays, and `document` writes both.
CONTRACTS: Final = (CONTRACT,)
"""The contracts that can be rendered: the SDK's own and the one before it, which is none yet."""
SERVER_PORT: Final = 3000


def streamlet_config(intent: Intent, name: str, descriptor: Descriptor) -> StreamletConfig:
    """The configuration of one streamlet; of what is wrong in the resource, nothing."""
    metadata = intent.application.metadata
    told = intent.readings.told[name]
    return StreamletConfig.model_validate(
        {
            "contract": intent.application.spec.sdk.contract,
            "application": metadata.name,
            "namespace": metadata.namespace,
            "streamlet": name,
            "class": descriptor.class_name,
            "parameters": dict(_parameters(intent, name)),
            "settings": told.settings,
            "ports": dict(_ports(intent, name, descriptor)),
            "delivery": told.delivery,
            "volume_mounts": {one.name: one.path for one in descriptor.volume_mounts},
            "server_port": SERVER_PORT,
        }
    )


def _parameters(intent: Intent, name: str) -> Iterator[tuple[str, ParameterSource]]:
    for key, parameter in intent.streamlets[name].parameters.items():
        if is_reference(parameter):
            yield key, ParameterSource(file=mounts.secret_file(key))
        else:
            yield key, ParameterSource(value=parameter.value)


def is_reference(parameter: Parameter) -> bool:
    """Whether the value is in exactly one other object."""
    source = parameter.value_from
    return (
        parameter.value is None
        and source is not None
        and (source.secret_key_ref is None) != (source.config_map_key_ref is None)
    )


def _ports(intent: Intent, name: str, descriptor: Descriptor) -> Iterator[tuple[str, Binding]]:
    for port in (*descriptor.inlets, *descriptor.outlets):
        topic = intent.topic_of(name, port.name)
        if topic is None:
            continue  # dead letters that nobody keeps
        prefix = intent.cluster(topic.cluster).prefix
        binding = Binding(
            topic=topic.name,
            kafka_name=intent.kafka_name(topic),
            cluster=topic.cluster,
            properties=_properties(topic, is_inlet=port.name in descriptor.inlet_by_name),
        )
        yield port.name, binding.model_copy(update={"prefix": prefix}) if prefix else binding


def _properties(topic: Topic, *, is_inlet: bool) -> dict[str, str]:
    of_side = topic.consumer_config if is_inlet else topic.producer_config
    return {**topic.client_config, **of_side}


def document(config: StreamletConfig) -> str:
    """The text of `streamlet.json`, the same for the same configuration.

    What is not set is not written: the defaults of the SDK in the image hold, and a newer
    operator with other ones changes nothing.
    """
    made = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return canonical(made, indent=2) + "\n"


def files(config: StreamletConfig, clusters: Mapping[str, KafkaCluster]) -> dict[str, str]:
    """The data of the ConfigMap: the configuration, and properties of clusters without Secret."""
    data = {mounts.CONFIGURATION: document(config)}
    for name, cluster in sorted(clusters.items()):
        if cluster.secret is None:
            data |= {
                mounts.kafka_key(name, key): text
                for key, text in sorted(cluster.properties.items())
            }
    return data


def canonical(value: Any, *, indent: int | None = None) -> str:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=indent)
