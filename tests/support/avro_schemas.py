"""Hypothesis strategies: Avro schemas as JSON documents, their values, and later versions."""

from __future__ import annotations

import copy
from datetime import UTC, date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from streamlet_sdk.serde.documents import is_ambiguous
from streamlet_sdk.serde.nodes import (
    Array,
    Fixed,
    Map,
    Node,
    Primitive,
    Record,
    Symbols,
    Union,
    branch_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

PRIMITIVES: Final = ("null", "boolean", "int", "long", "float", "double", "string", "bytes")
LOGICAL: Final[tuple[dict[str, Any], ...]] = (
    {"type": "string", "logicalType": "uuid"},
    {"type": "int", "logicalType": "date"},
    {"type": "int", "logicalType": "time-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "local-timestamp-micros"},
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
)
SYMBOLS: Final = ("A", "B", "C", "D")
_DEPTH: Final = 3


class _Schemas:
    """Draws one schema, with every name defined once and sometimes referred to later."""

    def __init__(self, draw: DrawFn, *, has_logical: bool) -> None:
        self._draw = draw
        self._has_logical = has_logical
        self._names: list[str] = []  # of complete types: an open one would be endless
        self._count = 0

    def document(self, depth: int = 0) -> Any:
        leaves: list[Callable[[], Any]] = [self._primitive, self._primitive, self._enum]
        leaves.append(self._fixed)
        if self._has_logical:
            leaves.append(lambda: dict(self._draw(st.sampled_from(LOGICAL))))
        if self._names:
            leaves.append(lambda: self._draw(st.sampled_from(self._names)))
        if depth >= _DEPTH:
            return self._draw(st.sampled_from(leaves))()
        branches: list[Callable[[], Any]] = [
            lambda: self.record(depth),
            lambda: self.record(depth),
            lambda: {"type": "array", "items": self.document(depth + 1)},
            lambda: {"type": "map", "values": self.document(depth + 1)},
            lambda: self._union(depth),
        ]
        return self._draw(st.sampled_from([*leaves, *branches]))()

    def record(self, depth: int = 0) -> Any:
        named = self._named("record")
        count = self._draw(st.integers(0, 4))
        fields = [
            {"name": f"f{number}", "type": self.document(depth + 1)} for number in range(count)
        ]
        if self._draw(st.sampled_from([True, False])):
            fields.append({"name": "again", "type": ["null", _full_name(named)]})
        self._names.append(_full_name(named))
        return {**named, "fields": fields}

    def _named(self, kind: str) -> dict[str, Any]:
        space = self._draw(st.sampled_from(["plant", "plant.unit", "other"]))
        self._count += 1
        return {"name": f"N{self._count}", "namespace": space, "type": kind}

    def _primitive(self) -> Any:
        return self._draw(st.sampled_from(PRIMITIVES))

    def _enum(self) -> Any:
        size = self._draw(st.integers(1, len(SYMBOLS)))
        named = self._named("enum")
        self._names.append(_full_name(named))
        return {**named, "symbols": list(SYMBOLS[:size])}

    def _fixed(self) -> Any:
        # Never referred to again: the package `avro` writes it out again in its canonical form.
        named = self._named("fixed")
        return {**named, "size": self._draw(st.integers(0, 5))}

    def _union(self, depth: int) -> Any:
        makers: dict[str, Callable[[], Any]] = {
            "record": lambda: self.record(depth + 1),
            "another record": lambda: self.record(depth + 1),
            "enum": self._enum,
            "fixed": self._fixed,
            "array": lambda: {"type": "array", "items": self.document(depth + 1)},
            "map": lambda: {"type": "map", "values": self.document(depth + 1)},
        }
        kinds = st.lists(
            st.sampled_from([*PRIMITIVES, *makers]), min_size=1, max_size=4, unique=True
        )
        return [
            makers[kind]() if kind in makers else self._maybe_logical(kind)
            for kind in self._draw(kinds)
        ]

    def _maybe_logical(self, kind: str) -> Any:
        found = [part for part in LOGICAL if part["type"] == kind and self._has_logical]
        return self._draw(st.sampled_from([kind, *map(dict, found)]))


def _full_name(document: Any) -> str:
    return f"{document['namespace']}.{document['name']}"


@st.composite
def schema_documents(draw: DrawFn, *, has_logical: bool = True) -> Any:
    """Any schema."""
    return _Schemas(draw, has_logical=has_logical).document()


@st.composite
def record_documents(draw: DrawFn, *, has_logical: bool = True) -> dict[str, Any]:
    """A schema that is a record."""
    document: dict[str, Any] = _Schemas(draw, has_logical=has_logical).record()
    return document


@st.composite
def later_documents(draw: DrawFn, document: Any) -> Any:
    """A version of a schema after a few edits, which may or may not be compatible."""
    later = copy.deepcopy(document)
    records = [part for part in _parts(later) if "fields" in part]
    enums = [part for part in _parts(later) if "symbols" in part]
    for number in range(draw(st.integers(0, 4))):
        if enums and (not records or draw(st.integers(0, 1))):
            _edit_enum(draw, draw(st.sampled_from(enums)))
        elif records:
            _edit_record(draw, draw(st.sampled_from(records)), f"e{number}")
    return later


def _parts(document: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    pending = [document]
    while pending:
        here = pending.pop()
        if isinstance(here, list):
            pending.extend(here)
        elif isinstance(here, dict):
            found.append(here)
            pending.extend(here.values())
    return [part for part in found if "type" in part]


def _edit_enum(draw: DrawFn, enum: dict[str, Any]) -> None:
    enum["symbols"] = draw(st.permutations(enum["symbols"]))[: draw(st.integers(1, 4))]
    if draw(st.sampled_from([True, False])):
        enum["default"] = enum["symbols"][0]
    else:
        enum.pop("default", None)


def _edit_record(draw: DrawFn, record: dict[str, Any], new: str) -> None:
    fields: list[dict[str, Any]] = record["fields"]
    edit = draw(
        st.sampled_from(["add", "remove", "reorder", "rename", "widen", "optional", "name"])
    )
    if edit == "add":
        type_, default = draw(st.sampled_from([("long", 7), ("string", "x"), ("bytes", "y")]))
        fields.append({"name": new, "type": type_, "default": default})
    elif edit == "reorder":
        _reorder(draw, record)
    elif edit == "name":
        space = record["namespace"]
        record["aliases"] = [*record.get("aliases", []), f"{space}.{record['name']}"]
    elif fields:
        _edit_field(draw, fields, edit, new)


def _reorder(draw: DrawFn, record: dict[str, Any]) -> None:
    """Other orders of the fields, which leave each definition before what refers to it."""
    plain = [part for part in record["fields"] if "namespace" not in str(part)]
    rest = [part for part in record["fields"] if "namespace" in str(part)]
    if not any("." in str(part["type"]) for part in plain):
        record["fields"] = [*draw(st.permutations(plain)), *rest]


def _edit_field(draw: DrawFn, fields: list[dict[str, Any]], edit: str, new: str) -> None:
    field = draw(st.sampled_from(fields))
    if edit == "remove" and "namespace" not in str(field):
        fields.remove(field)
    elif edit == "rename":
        field["aliases"] = [*field.get("aliases", []), field["name"]]
        field["name"] = new
    elif edit == "widen" and str(field["type"]) in _WIDER:
        field["type"] = draw(st.sampled_from(_WIDER[field["type"]]))
    elif edit == "optional" and not isinstance(field["type"], list) and field["type"] != "null":
        field["type"] = ["null", field["type"]]


_WIDER: Final[Mapping[str, tuple[str, ...]]] = {
    "int": ("long", "float", "double", "string"),
    "long": ("float", "double", "int"),
    "float": ("double",),
    "string": ("bytes",),
    # bytes to string too, but not every bytes is text: that has a test of its own
}


def without_logical(document: Any) -> Any:
    """The schema with underlying types in the place of logical ones."""
    if isinstance(document, list):
        return [without_logical(part) for part in document]
    if isinstance(document, dict) and "logicalType" in document:
        return document["type"]
    if isinstance(document, dict):
        return {key: without_logical(part) for key, part in document.items()}
    return document


def values_of(node: Node) -> SearchStrategy[Any]:
    """Python values of a schema without classes, as its codec gives them back."""
    return _Values().of(node)


class _Values:
    """Remembers the strategies of records, so that recursive ones end."""

    def __init__(self) -> None:
        self._records: dict[Record, SearchStrategy[Any]] = {}

    def of(self, node: Node) -> SearchStrategy[Any]:
        strategy: SearchStrategy[Any]
        match node:
            case Primitive():
                strategy = _primitive_values(node)
            case Fixed():
                strategy = st.binary(min_size=node.size, max_size=node.size)
            case Symbols():
                strategy = st.sampled_from(node.symbols)
            case Array():
                strategy = st.lists(self.of(node.items), max_size=3)
            case Map():
                strategy = st.dictionaries(st.text(max_size=5), self.of(node.values), max_size=3)
            case Union():
                strategy = st.one_of([self._branch(node, branch) for branch in node.branches])
            case Record():
                strategy = self._record(node)
        return strategy

    def _branch(self, node: Union, branch: Node) -> SearchStrategy[Any]:
        if is_ambiguous(node) and isinstance(branch, Record | Map):
            return st.tuples(st.just(branch_key(branch)), self.of(branch))
        return self.of(branch)

    def _record(self, node: Record) -> SearchStrategy[Any]:
        if node not in self._records:
            self._records[node] = st.deferred(
                lambda: st.fixed_dictionaries(
                    {part.name: self.of(part.type) for part in node.fields}
                )
            )
        return self._records[node]


def _primitive_values(node: Primitive) -> SearchStrategy[Any]:
    if node.logical is not None:
        return _LOGICAL_VALUES[node.logical.name]
    return _PRIMITIVE_VALUES[node.kind]


def _cut(value: Any) -> Any:
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


_PRIMITIVE_VALUES: Final[Mapping[str, SearchStrategy[Any]]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=10),
    "bytes": st.binary(max_size=10),
}
_INSTANTS: Final = st.datetimes(timezones=st.just(UTC))
_LOGICAL_VALUES: Final[Mapping[str, SearchStrategy[Any]]] = {
    "uuid": st.uuids(),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "time-millis": st.times(time.min, time.max).map(_cut),
    "time-micros": st.times(time.min, time.max),
    "timestamp-millis": _INSTANTS.map(_cut),
    "timestamp-micros": _INSTANTS,
    "local-timestamp-micros": st.datetimes(),
    "decimal": st.decimals(-(10**6), 10**6, places=2, allow_nan=False).map(Decimal),
}
