"""A blueprint and its descriptors brought together: what the checks of verification look at."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from streamlet_sdk.blueprint.descriptor import class_path
from streamlet_sdk.blueprint.reading import dotted
from streamlet_sdk.blueprint.verified import PortPath
from streamlet_sdk.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from streamlet_sdk.blueprint.descriptor import Descriptor, PortDescriptor
    from streamlet_sdk.blueprint.document import Blueprint
    from streamlet_sdk.contract import DeliveryOverride

Side: TypeAlias = Literal["producers", "consumers"]


class Entry(NamedTuple):
    """One line under `producers` or `consumers` that names a streamlet and a port.

    Attributes:
        place: its path in the document.
    """

    place: str
    topic: str
    side: Side
    port_path: PortPath


@dataclass(frozen=True)
class Wiring:
    """A blueprint with the descriptors of its streamlets, indexed once for all checks.

    Attributes:
        classes: descriptors by `package.module:Class`.
        broken: classes that have problems of their own, which are reported already.
    """

    blueprint: Blueprint
    classes: Mapping[str, Descriptor]
    broken: AbstractSet[str]

    @cached_property
    def descriptors(self) -> Mapping[str, Descriptor]:
        """The descriptor of each streamlet that has one, by streamlet."""
        found: dict[str, Descriptor] = {}
        for name, streamlet in self.blueprint.streamlets.items():
            path = class_path(streamlet.class_name) if streamlet.class_name is not None else None
            if path is not None and path in self.classes:
                found[name] = self.classes[path]
        return found

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every well-formed entry of every topic, in document order."""
        return tuple(self._entries())

    @cached_property
    def bound(self) -> Mapping[PortPath, tuple[Entry, ...]]:
        """The entries of each port."""
        found: dict[PortPath, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            found[entry.port_path].append(entry)
        return {path: tuple(entries) for path, entries in found.items()}

    def port(self, entry: Entry) -> PortDescriptor | None:
        """What an entry names, if it exists and stands on the right side."""
        descriptor = self.descriptors.get(entry.port_path.streamlet)
        if descriptor is None:
            return None
        producers = entry.side == "producers"
        ports = descriptor.outlet_by_name if producers else descriptor.inlet_by_name
        return ports.get(entry.port_path.port)

    def _entries(self) -> Iterator[Entry]:
        for topic in self.blueprint.topics.values():
            for place, text in topic.producers:
                if (path := port_path(text)) is not None:
                    yield Entry(place, topic.id, "producers", path)
            for place, text in topic.consumers:
                if (path := port_path(text)) is not None:
                    yield Entry(place, topic.id, "consumers", path)


def port_path(text: str) -> PortPath | None:
    """`streamlet.port`, or None when it is not written so."""
    streamlet, _, port = text.partition(".")
    return PortPath(streamlet, port) if streamlet and port and "." not in port else None


def streamlet_place(name: str, *keys: str) -> str:
    """The path in a blueprint of a streamlet, or of keys in its section."""
    return dotted(("blueprint", "streamlets", name, *keys))


def topic_place(topic: str, *keys: str) -> str:
    """The path in a blueprint of a topic, or of keys in its section."""
    return dotted(("blueprint", "topics", topic, *keys))


def effective_delivery(inlet: PortDescriptor, *overrides: DeliveryOverride | None) -> Delivery:
    """The policy of an inlet: that of its class, then each override in turn."""
    delivery = Delivery()
    for override in (inlet.delivery, *overrides):
        delivery = override.over(delivery) if override is not None else delivery
    return delivery
