"""The blueprint as written: what a YAML or HOCON file says, read without knowing any class.

Called by the command line with what its readers made of the file. Nothing is raised: what cannot
be read is left out and kept as a problem, and `verify` reports it with everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import ValidationError

from streamlet_sdk.blueprint.problems.documents import (
    ConnectionsSection,
    EmptyStreamlets,
    InvalidSetting,
    MissingClass,
    MissingSection,
    WrongType,
)
from streamlet_sdk.blueprint.reading import (
    Scalar,
    Section,
    dotted,
    kind_of_value,
    root,
    scalar_text,
    upwards,
)
from streamlet_sdk.blueprint.topics import KEYS as TOPIC_KEYS
from streamlet_sdk.blueprint.topics import TopicSettings, topic_settings
from streamlet_sdk.contract import DeliveryOverride

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamlet_sdk.problems import Problem

Keys: TypeAlias = tuple[str | int, ...]
PORT_KEYS: Final = ("producers", "consumers")
_DEEPEST: Final = 8  # keys of the longest path that anything is reported at
STREAMLET_KEYS: Final = ("class", "replicas", "parameters", "delivery", "image", "runtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenStreamlet:
    """A streamlet of a blueprint.

    Attributes:
        class_name: as written; None when it could not be read, which is reported already.
        parameters: values as the document has them, by parameter.
        delivery: what overrides the policy of an inlet, by inlet.
    """

    name: str
    class_name: str | None
    replicas: int | None = None
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    delivery: Mapping[str, DeliveryOverride] = field(default_factory=dict)
    image: str | None = None
    runtime: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTopic:
    """A topic of a blueprint; `producers` and `consumers` are port paths, each with its place."""

    id: str
    producers: tuple[tuple[str, str], ...] = ()
    consumers: tuple[tuple[str, str], ...] = ()
    settings: TopicSettings = field(default_factory=TopicSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A blueprint as written.

    Attributes:
        problems: what is wrong with how it is written.
        places: position in the document, counted from 0, of every path in it.
        lines: line in the file, from 1, of the paths whose line is known.
    """

    streamlets: Mapping[str, WrittenStreamlet] = field(default_factory=dict)
    topics: Mapping[str, WrittenTopic] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def place(self, path: str) -> int:
        """The position of `path`, or of the nearest section above it; -1 when there is none."""
        return next((self.places[one] for one in upwards(path) if one in self.places), -1)

    def line(self, path: str) -> int | None:
        """The line of `path`, or of the nearest section above it."""
        return next((self.lines[one] for one in upwards(path) if one in self.lines), None)


def parse(
    document: object, lines: Mapping[Keys, int] | None = None, problems: Iterable[Problem] = ()
) -> Blueprint:
    """Read a whole document, with `blueprint` at its root.

    Args:
        document: mappings, lists and scalars, as a reader of YAML or HOCON gives them.
        lines: line in the file, from 1, by keys from the root; positions in lists are numbers.
        problems: what the reader itself found, such as duplicate keys.
    """
    found = list(problems)
    section = root(document, "blueprint", found)
    section.only(("streamlets", "topics", "connections"))
    if "connections" in section.values:
        found.append(ConnectionsSection(path=section.at("connections")))
    _report_missing(document, section)
    written = section.section("streamlets")
    streamlets = {name: _streamlet(name, written) for name in written.values}
    topics = {id_: _topic(id_, body) for id_, body in section.section("topics").sections()}
    places = {dotted(keys): place for place, keys in enumerate(_walk(document, ()))}
    known_lines = {dotted(keys): line for keys, line in (lines or {}).items()}
    return Blueprint(
        streamlets=streamlets,
        topics=topics,
        problems=tuple(found),
        places=places,
        lines=known_lines,
    )


def _report_missing(document: object, blueprint: Section) -> None:
    if blueprint.problems and not blueprint.values:
        return
    if not isinstance(document, Mapping) or "blueprint" not in document:
        blueprint.problems.append(MissingSection(path=blueprint.path, key="blueprint"))
    elif "streamlets" not in blueprint.values:
        blueprint.problems.append(MissingSection(path=blueprint.at("streamlets"), key="streamlets"))
    elif blueprint.values["streamlets"] in (None, {}):
        blueprint.problems.append(EmptyStreamlets(path=blueprint.at("streamlets")))


def _streamlet(name: str, streamlets: Section) -> WrittenStreamlet:
    written = streamlets.values[name]
    if isinstance(written, str):
        return WrittenStreamlet(name=name, class_name=written)
    if not isinstance(written, Mapping):
        streamlets.problems.append(
            WrongType(
                path=streamlets.at(name),
                expected="the path of a class, or a section with `class`",
                found=kind_of_value(written),
            )
        )
        return WrittenStreamlet(name=name, class_name=None)
    section = streamlets.section(name)
    section.only(STREAMLET_KEYS)
    if "class" not in section.values:
        section.problems.append(MissingClass(path=section.path, streamlet=name))
    return WrittenStreamlet(
        name=name,
        class_name=section.text("class"),
        replicas=section.whole("replicas", minimum=0),
        parameters=dict(section.section("parameters").scalars()),
        delivery=delivery(section.section("delivery")),
        image=section.text("image"),
        runtime=section.text("runtime"),
    )


def _topic(id_: str, section: Section) -> WrittenTopic:
    section.only((*PORT_KEYS, *TOPIC_KEYS))
    return WrittenTopic(
        id=id_,
        producers=section.texts("producers"),
        consumers=section.texts("consumers"),
        settings=topic_settings(section),
    )


def delivery(section: Section) -> dict[str, DeliveryOverride]:
    """Read the delivery policies in a section, by inlet."""
    found: dict[str, DeliveryOverride] = {}
    for inlet, body in section.sections():
        body.only(("guarantee", "retry", "on-exhausted"))
        retry = body.section("retry")
        retry.only(("attempts", "backoff", "max-backoff", "jitter"))
        values = {_camel(key): value for key, value in body.values.items() if key != "retry"}
        waits = {_camel(key): as_text(value) for key, value in retry.values.items()}
        try:
            found[inlet] = DeliveryOverride.model_validate(values | {"retry": waits})
        except ValidationError as error:
            body.problems.extend(invalid_settings(body, error))
    return found


def as_text(value: object) -> object:
    """A scalar as text, so that a bare number is milliseconds for every reader of durations."""
    return scalar_text(value) if isinstance(value, str | int | float) else value


def invalid_settings(section: Section, error: ValidationError) -> Iterator[Problem]:
    """What pydantic found in a section, as problems in the document's own words."""
    for one in error.errors(include_url=False):
        if one["type"] == "extra_forbidden":
            continue  # `only` has reported it in the document's own words
        keys = tuple(_dashed(str(key)) for key in one["loc"])
        yield InvalidSetting(
            path=dotted((*section.keys, *keys)),
            setting=".".join(keys),
            reason=one["msg"].removeprefix("Value error, "),
        )


def _camel(key: str) -> str:
    first, *rest = key.split("-")
    return first + "".join(word.capitalize() for word in rest)


def _dashed(key: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in key)


def _walk(value: object, keys: Keys) -> Iterator[Keys]:
    """Every path of a document that a problem can have, in document order."""
    yield keys
    if len(keys) > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, (*keys, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for number, item in enumerate(value):
            yield from _walk(item, (*keys, number))
