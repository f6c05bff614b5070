"""What can be wrong with how a blueprint or a configuration is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.blueprint.problems.stated import Stated, UnknownName


@dataclass(frozen=True, kw_only=True)
class UnreadableDocument(Stated):
    """The file is not YAML or HOCON at all."""

    reason: str
    says: ClassVar[str] = "the document cannot be read: {reason}."
    advises: ClassVar[str] = "Correct the syntax at this place."


@dataclass(frozen=True, kw_only=True)
class DuplicateKey(Stated):
    """A key is given twice in one section, so that one of the two would be lost in silence."""

    key: str
    says: ClassVar[str] = "the key {key!r} is given twice."
    advises: ClassVar[str] = "Keep one of the two."


@dataclass(frozen=True, kw_only=True)
class KeyNotText(Stated):
    """A key is a number, a boolean or a date to YAML."""

    key: str
    says: ClassVar[str] = "the key {key} is not read as a text."
    advises: ClassVar[str] = "Write it in quotes."


@dataclass(frozen=True, kw_only=True)
class UnknownKey(UnknownName):
    """A key that means nothing at its place; a slip would otherwise be ignored in silence."""

    says: ClassVar[str] = "the key {name!r} is not known here."
    advises: ClassVar[str] = "Keys of this section: {known}."


@dataclass(frozen=True, kw_only=True)
class WrongType(Stated):
    """A text where a list is needed, a list where a number is needed, and the like."""

    expected: str
    found: str
    says: ClassVar[str] = "{expected} is needed here, not {found}."
    advises: ClassVar[str] = "Write {expected}."


@dataclass(frozen=True, kw_only=True)
class OutOfRange(Stated):
    """A number that is too small to mean anything."""

    value: int
    minimum: int
    says: ClassVar[str] = "{value} is too small."
    advises: ClassVar[str] = "Write {minimum} or more."


@dataclass(frozen=True, kw_only=True)
class MissingSection(Stated):
    """A section without which there is no blueprint."""

    key: str
    says: ClassVar[str] = "the section {key!r} is missing."
    advises: ClassVar[str] = "Add it; the smallest blueprint has `blueprint.streamlets` only."


@dataclass(frozen=True, kw_only=True)
class EmptyStreamlets(Stated):
    """The section `blueprint.streamlets` is there but names no streamlet."""

    says: ClassVar[str] = "the blueprint has no streamlets."
    advises: ClassVar[str] = "Name at least one: `name: package.module.Class`."


@dataclass(frozen=True, kw_only=True)
class MissingClass(Stated):
    """A streamlet is written as a section, and the section does not say which class it is."""

    streamlet: str
    says: ClassVar[str] = "the streamlet {streamlet!r} has no class."
    advises: ClassVar[str] = "Add `class: package.module.Class`."


@dataclass(frozen=True, kw_only=True)
class ConnectionsSection(Stated):
    """`blueprint.connections` is how streamlets were wired before Cloudflow 2.0."""

    says: ClassVar[str] = "connections are not supported."
    advises: ClassVar[str] = (
        "Make a topic of each one, in `blueprint.topics`, with its producers and consumers."
    )


@dataclass(frozen=True, kw_only=True)
class MisplacedTopicSetting(Stated):
    """Partitions and replicas stand beside `topic`, not in it; there Kafka would refuse them."""

    key: str
    says: ClassVar[str] = "{key!r} is not a setting of the topic in Kafka's own words."
    advises: ClassVar[str] = "Write it one level up, beside `topic`."


@dataclass(frozen=True, kw_only=True)
class InvalidSetting(Stated):
    """A setting of the engine or of a delivery policy with a value that it cannot have."""

    setting: str
    reason: str
    says: ClassVar[str] = "{setting!r} cannot be this: {reason}."
    advises: ClassVar[str] = "Correct the value."
