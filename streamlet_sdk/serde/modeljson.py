"""JSON documents to the values of pydantic types, for feeds and HTTP.

pydantic validates them, in its JSON mode, with its aliases and validators. What Avro's types
mean beyond that is settled before: a number for an instant is in the unit of the field's type,
and text for bytes has one character per byte.
"""

from __future__ import annotations

import json
from datetime import date, time
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from streamlet_sdk.serde.fitting import Misfit, join
from streamlet_sdk.serde.logical import conversion
from streamlet_sdk.serde.nodes import (
    Array,
    Map,
    Node,
    Primitive,
    Record,
    Union,
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
            case Array(), list():
                prepared = [
                    self._prepared(node.items, item, join(path, index))
                    for index, item in enumerate(document)
                ]
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
        if node.kind == "bytes" and node.logical is None and isinstance(document, str):
            try:
                return document.encode("latin-1")
            except UnicodeEncodeError:
                self._problems.append(Misfit(path, "bytes need text of one character per byte"))
                return b""
        found = conversion(node)
        if found is None or not isinstance(document, int | float) or isinstance(document, bool):
            return document
        if not issubclass(found.python, date | time) or not float(document).is_integer():
            return document
        try:
            value = found.from_raw(int(document))
        except (ValueError, OverflowError):
            self._problems.append(Misfit(path, f"the number is out of range for {node.logical}"))
            value = found.from_raw(0)
        return value if self._is_python else value.isoformat()


def _is_bytes(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind == "bytes" and node.logical is None


def _is_temporal(node: Node) -> bool:
    found = conversion(node)
    return found is not None and issubclass(found.python, date | time)


def _is_number(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind in _NUMBERS and conversion(node) is None


def _is_text(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind == "string"


def _is_array(node: Node) -> bool:
    return isinstance(node, Array)


def _likely(node: Union, document: Any) -> Node | None:
    """The branch that a part of a document is prepared for; None leaves it to pydantic."""
    match document:
        case bool() | None:
            return None
        case int() | float():
            return None if any(map(_is_number, node.branches)) else _only(node, _is_temporal)
        case str():
            return None if any(map(_is_text, node.branches)) else _only(node, _is_bytes)
        case list():
            return _only(node, _is_array)
        case dict():
            return next((branch for branch in node.branches if _holds(branch, document)), None)
        case _:
            return None


def _only(node: Union, fits: Callable[[Node], bool]) -> Node | None:
    found = [branch for branch in node.branches if fits(branch)]
    return found[0] if len(found) == 1 else None


def _holds(node: Node, document: dict[str, Any]) -> bool:
    if not isinstance(node, Record):
        return isinstance(node, Map)
    known = {key for part in node.fields for key in (part.attribute, part.name, part.accepted)}
    return known.issuperset(document)


_NUMBERS: Final = ("int", "long", "float", "double")
