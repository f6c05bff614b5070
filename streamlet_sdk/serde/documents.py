"""Values to JSON documents and back, led by an Avro schema.

The style `DEFAULT` is the one of defaults inside a schema: the underlying value, as the Avro
specification has it. The others are for people and for HTTP: instants and dates in ISO 8601,
decimals as text, numbers that JSON lacks as `"NaN"` and `"Infinity"`; a number is taken for an
instant in the unit of its type. In all of them, bytes are text of one character per byte.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal, DecimalException
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from streamlet_sdk.serde.fitting import Misfit, branch_index, is_in_bits, join
from streamlet_sdk.serde.logical import Conversion, conversion
from streamlet_sdk.serde.nodes import (
    MISSING,
    Array,
    Field,
    Fixed,
    Map,
    Node,
    Primitive,
    Record,
    Symbols,
    Union,
    branch_key,
    label,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


WORDS_FOR_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")


class Style(Enum):
    """How values look in JSON.

    Attributes:
        DEFAULT: as defaults in a schema.
        PLAIN: for people, and for pydantic to validate.
        TAGGED: plain, and `{branch: value}` where a value does not tell its branch of a union.
    """

    DEFAULT = "default"
    PLAIN = "plain"
    TAGGED = "tagged"


def is_ambiguous(node: Union) -> bool:
    """Whether a dict alone does not tell which branch of `node` it is.

    Such values are pairs of the branch's name and the dict.
    """
    bare = [branch for branch in node.branches if isinstance(branch, Record | Map)]
    unbound = [part for part in bare if not isinstance(part, Record) or part.model is None]
    return len(bare) > 1 and bool(unbound)


def to_document(node: Node, value: Any, style: Style) -> Any:
    """The JSON document of `value`, which fits `node`.

    Raises:
        ValueError: for a number that JSON lacks, in the style of defaults.
    """
    match node:
        case Primitive() | Fixed():
            return _leaf_document(node, value, style)
        case Symbols():
            return value.value if isinstance(value, Enum) else value
        case Array():
            return [to_document(node.items, item, style) for item in value]
        case Map():
            return {key: to_document(node.values, value[key], style) for key in value}
        case Union():
            return _branch_document(node, value, style)
        case Record():
            return {
                part.name: to_document(part.type, here, style)
                for part in node.fields
                if (here := _member(node, part, value)) is not MISSING
            }


def _member(node: Record, part: Field, value: Any) -> Any:
    if node.model is not None:
        return vars(value)[part.attribute]
    return value.get(part.name, MISSING)


def _branch_document(node: Union, value: Any, style: Style) -> Any:
    index = branch_index(node, value)
    if index is None:
        raise ValueError(f"{type(value).__name__} fits no branch of {label(node)}")
    branch = node.branches[index]
    match value:
        case (str() as name, inner) if name == branch_key(branch):
            value = inner
        case _:
            pass
    document = to_document(branch, value, style)
    if style is Style.TAGGED and DocumentReader(style).branch(node, document, "")[0] != index:
        return {branch_key(branch): document}
    return document


def _leaf_document(node: Primitive | Fixed, value: Any, style: Style) -> Any:
    found = conversion(node)
    if found is not None:
        if style is not Style.DEFAULT and isinstance(value, date | time):
            return value.isoformat()
        if style is not Style.DEFAULT and isinstance(value, Decimal):
            return str(value)
        value = found.to_raw(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("latin-1")
    if isinstance(node, Primitive) and node.is_text:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        if style is Style.DEFAULT:
            raise ValueError(f"JSON has no {value}")
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


class DocumentReader:
    """Makes a value of a JSON document; `problems` says what of it does not fit, all at once."""

    def __init__(self, style: Style) -> None:
        self.problems: list[Misfit] = []
        self._style = style

    def read(self, node: Node, document: Any, path: str = "") -> Any:
        """The value that `document` stands for; meaningless when there are problems."""
        match node:
            case Primitive() | Fixed():
                return self._leaf(node, document, path)
            case Symbols():
                return self._symbol(node, document, path)
            case Array():
                return self._array(node, document, path)
            case Map():
                return self._map(node, document, path)
            case Union():
                return self._union(node, document, path)
            case Record():
                return self._record(node, document, path)

    def _wrong(self, path: str, sentence: str) -> None:
        self.problems.append(Misfit(path, sentence))

    def _leaf(self, node: Primitive | Fixed, document: Any, path: str) -> Any:
        found = conversion(node)
        try:
            if found is None:
                return _raw_value(node, document)
            if self._style is not Style.DEFAULT and found.python is not UUID:
                return _plain_value(node, found, document)
            return found.from_raw(_raw_value(node, document))
        except (ValueError, TypeError, OverflowError, DecimalException) as error:
            self._wrong(path, f"{_shown(document)} is not {label(node)}: {error}")
            return None

    def _symbol(self, node: Symbols, document: Any, path: str) -> Any:
        if document not in node.symbols:
            self._wrong(path, f"{_shown(document)} is none of {', '.join(node.symbols)}")
        return document if node.members is None else node.members.get(document)

    def _array(self, node: Array, document: Any, path: str) -> Any:
        if not isinstance(document, list):
            return self._wrong(path, f"{_shown(document)} is not a list")
        return [
            self.read(node.items, item, join(path, index)) for index, item in enumerate(document)
        ]

    def _map(self, node: Map, document: Any, path: str) -> Any:
        if not isinstance(document, dict):
            return self._wrong(path, f"{_shown(document)} is not an object")
        return {key: self.read(node.values, document[key], join(path, key)) for key in document}

    def _record(self, node: Record, document: Any, path: str) -> Any:
        if not isinstance(document, dict):
            return self._wrong(path, f"{_shown(document)} is not an object")
        known = {part.name for part in node.fields}
        for name in document:
            if name not in known:
                self._wrong(join(path, name), f"{node.name} has no such field")
        return {
            (part.name if node.model is None else part.accepted): self._field(part, document, path)
            for part in node.fields
        }

    def _field(self, part: Field, document: Mapping[str, Any], path: str) -> Any:
        if part.name in document:
            return self.read(part.type, document[part.name], join(path, part.name))
        if part.default is MISSING:
            return self._wrong(join(path, part.name), "it is missing and has no default")
        return default_value(part.type, part.default)

    def _union(self, node: Union, document: Any, path: str) -> Any:
        position, value = self.branch(node, document, path)
        if position is None:
            return None
        branch = node.branches[position]
        if is_ambiguous(node) and isinstance(branch, Record | Map):
            return (branch_key(branch), value)
        return _instance(node, branch, value)

    def branch(self, node: Union, document: Any, path: str) -> tuple[int | None, Any]:
        """The branch of `node` that a document is taken for, and its value; or problems."""
        tried: list[tuple[Node, DocumentReader]] = []
        for position, inner in self._candidates(node, document):
            reader = DocumentReader(self._style)
            value = reader.read(node.branches[position], inner, path)
            if not reader.problems:
                return position, value
            tried.append((node.branches[position], reader))
        self.problems.extend(_most_telling(node, tried, document, path))
        return None, None

    def _candidates(self, node: Union, document: Any) -> list[tuple[int, Any]]:
        """Positions of branches with what to read as them, the likeliest first."""
        bare = [(position, document) for position in range(len(node.branches))]
        if self._style is Style.DEFAULT:
            return bare
        bare.sort(key=lambda pair: not _is_natural(node.branches[pair[0]], document))
        if self._style is Style.PLAIN or not isinstance(document, dict) or len(document) != 1:
            return bare
        ((key, inner),) = document.items()
        tagged = [(i, inner) for i, branch in enumerate(node.branches) if branch_key(branch) == key]
        return [*tagged, *bare]


def _is_natural(node: Node, document: Any) -> bool:
    """Whether JSON's own kind of a document is that of `node`, without conversion."""
    if isinstance(document, str) or not isinstance(document, int | float):
        return True
    whole = isinstance(document, int)
    kinds = ("int", "long") if whole else ("float", "double")
    return isinstance(node, Primitive) and node.kind in kinds and node.logical is None


def _instance(node: Union, branch: Node, value: Any) -> Any:
    """Of several models, an instance, so that validation need not guess which one it is."""
    models = [part for part in node.branches if isinstance(part, Record) and part.model]
    if isinstance(branch, Record) and branch.model is not None and len(models) > 1:
        return TypeAdapter(branch.model).validate_python(value)
    return value


def _most_telling(
    node: Union, tried: list[tuple[Node, DocumentReader]], document: Any, path: str
) -> list[Misfit]:
    """For an optional value the problems of the value; else one sentence about the union."""
    telling = [reader for branch, reader in tried if branch_key(branch) != "null"]
    if len(telling) == 1 and document is not None:
        return telling[0].problems
    return [Misfit(path, f"{_shown(document)} is none of {label(node)}")]


def default_value(node: Node, document: Any) -> Any:
    """A fresh value of a default in a schema.

    Raises:
        ValueError: when the default does not fit its type.
    """
    reader = DocumentReader(Style.DEFAULT)
    value = reader.read(node, document)
    if reader.problems:
        raise ValueError(str(reader.problems[0]))
    return value


def _raw_value(node: Primitive | Fixed, document: Any) -> Any:
    if isinstance(node, Fixed):
        data = document.encode("latin-1") if isinstance(document, str) else b""
        if len(data) != node.size or not isinstance(document, str):
            raise ValueError(f"{node.size} characters are needed, one per byte")
        return data
    if isinstance(document, bool) != (node.kind == "boolean"):
        raise ValueError("true and false are for booleans")
    return _PRIMITIVE_READERS[node.kind](node.kind, document)


def _null(_: str, document: Any) -> None:
    if document is not None:
        raise ValueError("only null fits")


def _integer(kind: str, document: Any) -> int:
    if not isinstance(document, int):
        raise TypeError("a whole number is needed")
    if not is_in_bits(kind, document):
        raise ValueError(f"the number is too large for {kind}")
    return document


def _number(_: str, document: Any) -> float:
    if isinstance(document, int | float):
        return float(document)
    if document in WORDS_FOR_NUMBERS:
        return float(document)
    raise ValueError("a number is needed")


def _text(_: str, document: Any) -> str:
    if not isinstance(document, str):
        raise TypeError("text is needed")
    return document


def _boolean(_: str, document: Any) -> Any:
    return document


def _data(kind: str, document: Any) -> bytes:
    return _text(kind, document).encode("latin-1")


_PRIMITIVE_READERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "string": _text,
    "bytes": _data,
}


def _plain_value(node: Primitive | Fixed, found: Conversion, document: Any) -> Any:
    """An instant, a date, a time or a decimal, as people write them or as a plain number."""
    if found.python is Decimal:
        if not isinstance(document, str | int | float) or isinstance(document, bool):
            raise TypeError("a number, or a number as text, is needed")
        return found.from_raw(found.to_raw(Decimal(str(document))))
    if not isinstance(document, str):
        return found.from_raw(_raw_value(node, document))
    # There and back again: it must fit, and has the digits that the wire has.
    return found.from_raw(found.to_raw(_FROM_ISO[found.python](document)))


_FROM_ISO: Final[Mapping[type, Callable[[str], Any]]] = {
    date: date.fromisoformat,
    time: time.fromisoformat,
    datetime: datetime.fromisoformat,
}


_SHOWN_CHARACTERS: Final = 60


def _shown(document: Any) -> str:
    text = repr(document)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
