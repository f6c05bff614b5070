"""Reads sections of a document, collecting what is wrong with them instead of stopping.

Used by `document` and `configuration`. What cannot be read is None, and reported once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from streamlet_sdk.blueprint.problems.documents import (
    KeyNotText,
    OutOfRange,
    UnknownKey,
    WrongType,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamlet_sdk.problems import Problem

Scalar: TypeAlias = str | int | float | bool
_BARE = re.compile(r"[^\s.\"']+")


def dotted(keys: Iterable[object]) -> str:
    """Keys as one path; a key with a dot stands in quotes: `topics."a.b".producers`."""
    return ".".join(text if _BARE.fullmatch(text) else f'"{text}"' for text in map(str, keys))


def upwards(path: str) -> Iterator[str]:
    """A path, then those above it."""
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""


def scalar_text(value: Scalar) -> str:
    """A scalar as text, as it would be written in configuration."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(slots=True)
class Section:
    """A mapping in a document.

    Attributes:
        keys: where it is, from the document's root.
        problems: shared by all sections of a document; what is found is appended.
    """

    keys: tuple[str, ...]
    values: Mapping[str, object]
    problems: list[Problem] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Where it is, as one text."""
        return dotted(self.keys)

    def at(self, key: str) -> str:
        """The path of one of its keys."""
        return dotted((*self.keys, key))

    def only(self, known: Sequence[str]) -> None:
        """Report every key that is not known."""
        for key in self.values:
            if key not in known:
                self.problems.append(UnknownKey(path=self.at(key), name=key, known=tuple(known)))

    def section(self, key: str) -> Section:
        """The section under `key`, empty when it is absent or no section."""
        value = self.values.get(key)
        if isinstance(value, Mapping):
            return self._below(key, value)
        if key in self.values and value is not None:
            self._wrong(key, "a section", value)
        return Section((*self.keys, key), {}, self.problems)

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Every key with its section, in document order; what is no section is reported."""
        for key in self.values:
            yield key, self.section(key)

    def text(self, key: str) -> str | None:
        """The text under `key`."""
        value = self.values.get(key)
        if isinstance(value, str) or key not in self.values:
            return value if isinstance(value, str) else None
        self._wrong(key, "a text", value)
        return None

    def whole(self, key: str, minimum: int) -> int | None:
        """The whole number under `key`, given as a number or, on a command line, as text."""
        if key not in self.values:
            return None
        value = self.values[key]
        if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,18}", value.strip(), re.ASCII):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self._wrong(key, "a whole number", value)
        elif value < minimum:
            self.problems.append(OutOfRange(path=self.at(key), value=value, minimum=minimum))
        else:
            return value
        return None

    def flag(self, key: str) -> bool | None:
        """The boolean under `key`, given as such or, on a command line, as text."""
        if key not in self.values:
            return None
        value = self.values[key]
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            value = value.lower() == "true"
        if isinstance(value, bool):
            return value
        self._wrong(key, "true or false", value)
        return None

    def texts(self, key: str) -> tuple[tuple[str, str], ...]:
        """The list of texts under `key`, each with its path."""
        value = self.values.get(key, ())
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            self._wrong(key, "a list", value)
            return ()
        return tuple(self._texts(key, value))

    def scalars(self) -> Iterator[tuple[str, Scalar]]:
        """Every key with its text, number or boolean; others are reported."""
        for key, value in self.values.items():
            if isinstance(value, str | int | float):
                yield key, value
            else:
                self._wrong(key, "a text, a number or a boolean", value)

    def properties(self) -> dict[str, str]:
        """All of it as flat properties: `{a: {b: 1}}` gives `a.b`; lists are joined by commas."""
        found: dict[str, str] = {}
        for key, value in self.values.items():
            if isinstance(value, Mapping):
                inner = self._below(key, value).properties()
                found |= {f"{key}.{name}": text for name, text in inner.items()}
            elif isinstance(value, str | int | float):
                found[key] = scalar_text(value)
            elif isinstance(value, Sequence) and not isinstance(value, bytes):
                found[key] = ",".join(text for _, text in self._texts(key, value))
            else:
                self._wrong(key, "a text, a number or a boolean", value)
        return found

    def _below(self, key: str, value: Mapping[object, object]) -> Section:
        keys = (*self.keys, key)
        texts: dict[str, object] = {}
        for name, item in value.items():
            if not isinstance(name, str):
                self.problems.append(KeyNotText(path=dotted((*keys, name)), key=str(name)))
            texts[str(name)] = item
        return Section(keys, texts, self.problems)

    def _texts(self, key: str, items: Sequence[object]) -> Iterator[tuple[str, str]]:
        for number, item in enumerate(items):
            path = dotted((*self.keys, key, number))
            if isinstance(item, str):
                yield path, item
            else:
                self.problems.append(
                    WrongType(path=path, expected="a text", found=kind_of_value(item))
                )

    def _wrong(self, key: str, expected: str, value: object) -> None:
        found = kind_of_value(value)
        self.problems.append(WrongType(path=self.at(key), expected=expected, found=found))


def kind_of_value(value: object) -> str:
    """What a value of a document is, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, Mapping):
        return "a section"
    return "a list" if isinstance(value, Sequence) else f"a {type(value).__name__}"


def root(document: object, key: str, problems: list[Problem]) -> Section:
    """The section `key` of a whole document, empty when it is not there."""
    if isinstance(document, Mapping):
        return Section((), dict(document), problems).section(key)
    if document is not None:
        problems.append(WrongType(path=key, expected="a section", found=kind_of_value(document)))
    return Section((key,), {}, problems)
