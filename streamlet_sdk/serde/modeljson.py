"""JSON documents to the values of pydantic types, for feeds and HTTP.

pydantic validates them, in its JSON mode, with its aliases and validators. What Avro's types
mean beyond that is settled before: a number for an instant is in the unit of the field's type,
and text for bytes has one character per byte.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from streamlet_sdk.serde.documents import WORDS_FOR_NUMBERS, DocumentReader, Style
from streamlet_sdk.serde.fitting import Misfit, join
from streamlet_sdk.serde.logical import TEMPORAL, conversion
from streamlet_sdk.serde.nodes import (
    Array,
    Map,
    Node,
    Primitive,
    Record,
    Symbols,
    Union,
    branch_key,
    every_node,
)
from streamlet_sdk.serde.problems import invalid, validation_misfits

if TYPE_CHECKING:
    from collections.abc import Callable


class ModelJson:
    """One document on its way to a value."""

    def __init__(self, node: Node, adapter: TypeAdapter[Any]) -> None:
        self._node = node
        self._adapter = adapter
        self._problems: list[Misfit] = []
        # Bytes are no JSON; with them in the document, pydantic must take Python values.
        self._is_python = any(map(_is_bytes, every_node(node)))

    def value(self, document: Any) -> Any:
        """The validated value.

        Raises:
            InvalidJsonError: with all problems.
        """
        prepared = self._prepared(self._node, document, "")
        try:
            if self._is_python:
                value = self._adapter.validate_python(prepared)
            else:
                value = self._adapter.validate_json(json.dumps(prepared))
        except ValidationError as error:
            raise invalid([*self._problems, *validation_misfits(error)]) from error
        if self._problems:
            raise invalid(self._problems)
        return value

    def _prepared(self, node: Node, document: Any, path: str) -> Any:
        match node, document:
            case Primitive(), _:
                prepared = self._leaf(node, document, path)
            case Symbols(), str() if self._is_python:
                prepared = _exact(node, document)
            case Array(), list():
                prepared = self._array(node, document, path)
            case Map(), dict():
                prepared = {
                    key: self._prepared(node.values, item, join(path, key))
                    for key, item in document.items()
                }
            case Record(), dict():
                prepared = self._record(node, document, path)
            case Union(), _:
                branch = _likely(node, document)
                prepared = document if branch is None else self._prepared(branch, document, path)
            case _:
                prepared = document
        return prepared

    def _array(self, node: Array, document: list[Any], path: str) -> Any:
        items = [
            self._prepared(node.items, item, join(path, index))
            for index, item in enumerate(document)
        ]
        if not self._is_python or any(isinstance(item, dict | list) for item in items):
            return items  # in JSON mode every container is a list; dicts are in no set
        return node.container(items)

    def _record(self, node: Record, document: dict[str, Any], path: str) -> dict[str, Any]:
        by_key = {
            key: part.type
            for part in node.fields
            for key in (part.attribute, part.name, part.accepted)
        }
        return {
            key: self._prepared(by_key[key], item, join(path, key)) if key in by_key else item
            for key, item in document.items()
        }

    def _leaf(self, node: Primitive, document: Any, path: str) -> Any:
        if _is_bytes(node) and isinstance(document, str):
            return self._bytes(document, path)
        if node.kind in ("float", "double") and document in WORDS_FOR_NUMBERS:
            return float(document)
        if _is_temporal(node) and _is_whole(document):
            return self._instant(node, int(document), path)
        return _exact(node, document) if self._is_python else document

    def _bytes(self, document: str, path: str) -> bytes:
        try:
            return document.encode("latin-1")
        except UnicodeEncodeError:
            self._problems.append(Misfit(path, "bytes need text of one character per byte"))
            return b""

    def _instant(self, node: Primitive, number: int, path: str) -> Any:
        from_raw = TEMPORAL[str(node.logical)].from_raw
        try:
            value = from_raw(number)
        except (ValueError, OverflowError):
            self._problems.append(Misfit(path, f"the number is out of range for {node.logical}"))
            value = from_raw(0)
        return value if self._is_python else value.isoformat()


def _exact(node: Primitive | Symbols, document: Any) -> Any:
    """The value as strict validation wants it; what does not fit is left for it to refuse."""
    reader = DocumentReader(Style.PLAIN)
    value = reader.read(node, document)
    if reader.problems:
        return document
    if isinstance(node, Symbols) or node.python is None:
        return value
    try:
        return node.python(value)
    except ValueError:
        return document


def _is_whole(document: Any) -> bool:
    if isinstance(document, float):
        return document.is_integer()
    return isinstance(document, int) and not isinstance(document, bool)


def _is_bytes(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind == "bytes" and node.logical is None


def _is_temporal(node: Node) -> bool:
    return isinstance(node, Primitive) and str(node.logical) in TEMPORAL


def _is_number(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind in _NUMBERS and conversion(node) is None


def _is_text(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind == "string" and node.logical is None


def _is_textual(node: Node) -> bool:
    """Whether values are text in JSON that is something else in Python."""
    return isinstance(node, Symbols) or _is_bytes(node) or conversion(node) is not None


def _is_array(node: Node) -> bool:
    return isinstance(node, Array)


def _likely(node: Union, document: Any) -> Node | None:
    """The branch that a part of a document is prepared for; None leaves it to pydantic."""
    others = [branch for branch in node.branches if branch_key(branch) != "null"]
    if len(others) == 1 and document is not None:
        return others[0]
    likely = None
    match document:
        case bool() | None:
            pass
        case int() | float() if not any(map(_is_number, others)):
            likely = _only(others, _is_temporal)
        case str() if not any(map(_is_text, others)):
            likely = _only(others, _is_textual)
        case list():
            likely = _only(others, _is_array)
        case dict():
            likely = next((branch for branch in others if _holds(branch, document)), None)
        case _:
            pass
    return likely


def _only(branches: list[Node], fits: Callable[[Node], bool]) -> Node | None:
    found = [branch for branch in branches if fits(branch)]
    return found[0] if len(found) == 1 else None


def _holds(node: Node, document: dict[str, Any]) -> bool:
    if not isinstance(node, Record):
        return isinstance(node, Map)
    known = {key for part in node.fields for key in (part.attribute, part.name, part.accepted)}
    return known.issuperset(document)


_NUMBERS: Final = ("int", "long", "float", "double")
