"""Layers of configuration: mappings of which a later one wins, key by key, over an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamlet_sdk.blueprint.reading import dotted, upwards
from streamlet_sdk.names import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.blueprint.document import Keys

COMMAND_LINE = "command line"
_FLAT = ("topic", "connection-config", "producer-config", "consumer-config")


@dataclass(frozen=True, slots=True)
class Layer:
    """One configuration file, or the words of the command line.

    Attributes:
        name: what people call it: the file, or `COMMAND_LINE`.
        values: the whole document, with `cloudflow` at its root.
        lines: line in the file, from 1, by keys from the root.
    """

    name: str
    values: object
    lines: Mapping[Keys, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Merged:
    """All layers in one document.

    Attributes:
        values: the document; its sections are shared with no layer.
        origins: the layer of each path; that of a section is the last one that set something in it.
    """

    values: object
    origins: Mapping[str, Layer]

    def origin(self, path: str) -> Layer | None:
        """The layer of `path`, or of the nearest section above it."""
        return next((self.origins[one] for one in upwards(path) if one in self.origins), None)


@dataclass(slots=True)
class _Node:
    """A place in the merged document: a section with what is in it, or a value."""

    layer: Layer
    value: object = UNSET
    inside: dict[object, _Node] = field(default_factory=dict)

    def put(self, value: object, layer: Layer) -> None:
        """Let `value` win over what is here; sections are merged."""
        self.layer = layer
        if not isinstance(value, Mapping):
            self.value, self.inside = value, {}
            return
        self.value = UNSET
        for key, item in value.items():
            self.inside.setdefault(key, _Node(layer)).put(item, layer)

    def document(self) -> object:
        """The value, or the section as a mapping."""
        if self.value is not UNSET:
            return self.value
        return {key: node.document() for key, node in self.inside.items()}

    def paths(self, keys: tuple[object, ...] = ()) -> Iterator[tuple[str, Layer]]:
        """Every path here and below, with its layer."""
        yield dotted(keys), self.layer
        for key, node in self.inside.items():
            yield from node.paths((*keys, key))


def merge(layers: Sequence[Layer]) -> Merged:
    """Merge documents key by key, the last one winning; empty ones change nothing."""
    root = _Node(Layer("", None))
    for layer in layers:
        if isinstance(layer.values, Mapping):
            root.put(_flattened(layer.values), layer)
    return Merged(root.document(), dict(root.paths()))


def deeper(below: Mapping[str, object], above: Mapping[str, object]) -> Mapping[str, Any]:
    """`below` with `above` merged into it, key by key."""
    merged = merge([Layer("", below), Layer("", above)]).values
    return merged if isinstance(merged, Mapping) else {}


def leaves(document: object, keys: tuple[object, ...] = ()) -> Iterator[tuple[str, object]]:
    """Every value of a document that is no section, with its path."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from leaves(value, (*keys, key))
    else:
        yield dotted(keys), document


def _flattened(document: Mapping[object, object]) -> Mapping[object, object]:
    """The document with flat keys of Kafka's: one layer may nest what another does not."""
    cloudflow = document.get("cloudflow")
    topics = cloudflow.get("topics") if isinstance(cloudflow, Mapping) else None
    if not isinstance(cloudflow, Mapping) or not isinstance(topics, Mapping):
        return document
    flat = {
        id_: _flat_topic(settings) if isinstance(settings, Mapping) else settings
        for id_, settings in topics.items()
    }
    return {**document, "cloudflow": {**cloudflow, "topics": flat}}


def _flat_topic(settings: Mapping[object, object]) -> Mapping[object, object]:
    flat = {key: _flat(value) if key in _FLAT else value for key, value in settings.items()}
    servers = _flat({"bootstrap": flat.get("bootstrap")} | flat).get("bootstrap.servers")
    connection = flat.get("connection-config", {})
    if not isinstance(servers, str) or not isinstance(connection, Mapping):
        return flat
    # At the root of a topic it is the same property; there, a layer below could not win over it.
    rest = {key: value for key, value in flat.items() if not str(key).startswith("bootstrap")}
    return rest | {"connection-config": {"bootstrap.servers": servers, **connection}}


def _flat(values: object) -> Any:
    """A section without sections in it: `{a: {b: 1}}` is `{a.b: 1}`; anything else as it is."""
    if not isinstance(values, Mapping):
        return values
    found: dict[object, object] = {}
    for key, item in values.items():
        inner = _flat(item)
        if isinstance(inner, Mapping):
            found |= {f"{key}.{name}": one for name, one in inner.items()}
        else:
            found[key] = item
    return found
