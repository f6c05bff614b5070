"""A part of an application, with what its configuration says about that part.

Used by the sandbox and the test kit, which may run some streamlets and leave the others out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamlet_sdk.contract import dead_letter_topic

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamlet_sdk.blueprint.layers import Layer
    from streamlet_sdk.blueprint.verified import VerifiedBlueprint, VerifiedTopic


def part(whole: VerifiedBlueprint, only: Collection[str]) -> VerifiedBlueprint:
    """The streamlets of `only` and their topics; all of `whole` when `only` is empty."""
    if not only:
        return whole
    topics = {id_: _of(topic, only) for id_, topic in whole.topics.items()}
    return replace(
        whole,
        streamlets={name: one for name, one in whole.streamlets.items() if name in only},
        topics={id_: topic for id_, topic in topics.items() if topic.producers or topic.consumers},
    )


def about(layer: Layer, whole: VerifiedBlueprint, here: VerifiedBlueprint) -> Layer:
    """`layer` without its sections about what is not `here`; slips of names stay in."""
    absent = whole.streamlets.keys() - here.streamlets.keys()
    dead_letters = {
        dead_letter_topic(name, inlet.name)
        for name in absent
        for inlet in whole.streamlets[name].descriptor.inlets
    }
    topics = (whole.topics.keys() | dead_letters) - here.topics.keys()
    document: Any = layer.values
    if not isinstance(document, Mapping) or not isinstance(document.get("cloudflow"), Mapping):
        return layer
    cloudflow = dict(document["cloudflow"])
    for key, names in (("streamlets", absent), ("topics", topics if absent else ())):
        if isinstance(cloudflow.get(key), Mapping):
            cloudflow[key] = _without(cloudflow[key], names)
    return replace(layer, values={**document, "cloudflow": cloudflow})


def _of(topic: VerifiedTopic, only: Collection[str]) -> VerifiedTopic:
    return replace(
        topic,
        producers=tuple(path for path in topic.producers if path.streamlet in only),
        consumers=tuple(path for path in topic.consumers if path.streamlet in only),
    )


def _without(section: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key not in names}
