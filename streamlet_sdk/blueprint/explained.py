"""Where each value of a configuration comes from: what `configuration --explain` shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.blueprint.checks import DEFAULT_CLUSTER
from streamlet_sdk.blueprint.layers import Layer, leaves, merge
from streamlet_sdk.blueprint.reading import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamlet_sdk.blueprint.verified import (
        VerifiedBlueprint,
        VerifiedStreamlet,
        VerifiedTopic,
    )
    from streamlet_sdk.contract import DeliveryOverride

BLUEPRINT: Final = "blueprint"
CODE: Final = "default in code"
HIDDEN: Final = "***"


@dataclass(frozen=True, slots=True)
class Explained:
    """One value and the name of the layer that it comes from; a secret's value is `***`."""

    path: str
    value: str
    layer: str


def blueprint_layer(verified: VerifiedBlueprint) -> Layer:
    """What a blueprint sets, under the keys of a configuration."""
    streamlets = {name: _streamlet(one) for name, one in verified.streamlets.items()}
    topics = {id_: _topic(one) for id_, one in verified.topics.items() if not one.implicit}
    return Layer(BLUEPRINT, {"cloudflow": {"streamlets": streamlets, "topics": topics}})


def explained(verified: VerifiedBlueprint, layers: Sequence[Layer]) -> tuple[Explained, ...]:
    """Every value of all layers, of the blueprint and of defaults in code, with its layer.

    Args:
        verified: the application.
        layers: the given ones, the last one winning.
    """
    merged = merge([_code_layer(verified), blueprint_layer(verified), *layers])
    secrets = {
        dotted(("cloudflow", "streamlets", name, "config-parameters", parameter.name))
        for name, streamlet in verified.streamlets.items()
        for parameter in streamlet.descriptor.parameters
        if parameter.secret
    }
    return tuple(
        Explained(
            path=path,
            value=HIDDEN if path in secrets else str(value),
            layer=merged.origins[path].name,
        )
        for path, value in leaves(merged.values)
        if value != {}
    )


def _code_layer(verified: VerifiedBlueprint) -> Layer:
    streamlets = {
        name: {
            "config-parameters": {
                parameter.name: parameter.default
                for parameter in streamlet.descriptor.parameters
                if parameter.default is not None
            },
            "delivery": {
                inlet.name: _dashed(inlet.delivery)
                for inlet in streamlet.descriptor.inlets
                if inlet.delivery is not None
            },
        }
        for name, streamlet in verified.streamlets.items()
    }
    return Layer(CODE, {"cloudflow": {"streamlets": streamlets}})


def _streamlet(streamlet: VerifiedStreamlet) -> dict[str, object]:
    replicas: dict[str, object] = (
        {} if streamlet.replicas is None else {"replicas": streamlet.replicas}
    )
    return replicas | {
        "config-parameters": dict(streamlet.parameters),
        "delivery": {inlet: _dashed(one) for inlet, one in streamlet.delivery.items()},
    }


def _topic(topic: VerifiedTopic) -> dict[str, object]:
    name = {} if topic.kafka_name is None else {"name": topic.kafka_name}
    settings: dict[str, object] = {
        "partitions": topic.partitions,
        "replicas": topic.replication_factor,
        "cluster": None if topic.cluster == DEFAULT_CLUSTER else topic.cluster,
        "managed": None if topic.managed else False,
        "topic": name | dict(topic.config),
        "connection-config": dict(topic.connection),
        "producer-config": dict(topic.producer),
        "consumer-config": dict(topic.consumer),
    }
    return {key: value for key, value in settings.items() if value is not None}


def _dashed(delivery: DeliveryOverride) -> dict[str, Any]:
    def words(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, value in values.items():
            name = re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", key)
            yield name, dict(words(value)) if isinstance(value, dict) else value

    return dict(words(delivery.model_dump(mode="json", by_alias=True, exclude_none=True)))
