"""An Avro schema as typed values: what parsing and derivation make, and everything else walks.

Named types appear once and are referred to by identity, so a recursive schema is a cyclic graph.
A node that stands for a Python class carries it; reading and writing use the class, the schema's
text and fingerprint do not show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import TypeIs

PrimitiveKind = Literal["null", "boolean", "int", "long", "float", "double", "string", "bytes"]
PRIMITIVES: Final[tuple[PrimitiveKind, ...]] = (
    "null",
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "string",
    "bytes",
)
PYTHON: Final[Mapping[str, type]] = {
    "null": type(None),
    "boolean": bool,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "bytes": bytes,
}


class Missing(Enum):
    """The mark of a default that is not there; None is a default."""

    MISSING = 0


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Logical:
    """A logical type with its attributes; decimals alone have precision and scale."""

    name: str
    precision: int | None = None
    scale: int = 0

    def __str__(self) -> str:
        if self.precision is None:
            return self.name
        return f"{self.name}({self.precision}, {self.scale})"


@dataclass(eq=False, slots=True)
class Primitive:
    """A type without parts; `python` is the class of the values where it is not the usual one."""

    kind: PrimitiveKind
    logical: Logical | None = None
    python: type | None = None

    @property
    def is_text(self) -> bool:
        """Whether values are objects that `str` writes, such as URLs."""
        return self.python is not None and not issubclass(self.python, int | str)


@dataclass(eq=False, slots=True)
class Fixed:
    """Exactly `size` bytes."""

    name: str
    size: int
    aliases: tuple[str, ...] = ()
    logical: Logical | None = None


@dataclass(eq=False, slots=True)
class Symbols:
    """An enum; `members` maps its symbols to those of a Python class."""

    name: str
    symbols: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    default: str | None = None
    members: Mapping[str, Enum] | None = None


@dataclass(eq=False, slots=True)
class Array:
    """A list of `items`; `container` is the Python class that values have."""

    items: Node
    container: type = list


@dataclass(eq=False, slots=True)
class Map:
    """Text to `values`."""

    values: Node


@dataclass(eq=False, slots=True)
class Union:
    """One of `branches`."""

    branches: tuple[Node, ...]


@dataclass(eq=False, slots=True)
class Field:
    """A field of a record.

    Attributes:
        name: on the wire.
        default: as the schema's JSON has it, or `MISSING`.
        attribute: where a model keeps the value.
        accepted: the key under which a model's validation takes the value.
        is_strict: validation takes nothing but instances of the right class.
    """

    name: str
    type: Node
    aliases: tuple[str, ...] = ()
    default: Any = MISSING
    attribute: str = ""
    accepted: str = ""
    is_strict: bool = False


@dataclass(eq=False, slots=True)
class Record:
    """Named fields; `model` is the class of its values, which are dicts without one."""

    name: str
    fields: tuple[Field, ...] = ()
    aliases: tuple[str, ...] = ()
    model: type | None = None


Named = Record | Symbols | Fixed
Node = Primitive | Fixed | Symbols | Array | Map | Union | Record


def children(node: Node) -> Iterator[Node]:
    """The nodes right below `node`, in order."""
    match node:
        case Array():
            yield node.items
        case Map():
            yield node.values
        case Union():
            yield from node.branches
        case Record():
            yield from (part.type for part in node.fields)
        case _:
            pass


def is_number(node: Node) -> TypeIs[Primitive]:
    """Whether values are numbers with a point, all of one size, which can be packed together."""
    return isinstance(node, Primitive) and node.kind in ("float", "double")


def every_node(node: Node) -> Iterator[Node]:
    """`node` and everything below it, each once, in no order."""
    seen: set[Node] = set()
    pending = [node]
    while pending:
        here = pending.pop()
        if here not in seen:
            seen.add(here)
            yield here
            pending.extend(children(here))


def label(node: Node) -> str:
    """What people call `node`: `long`, `long (timestamp-millis)`, `sensordata.Metric`."""
    match node:
        case Primitive():
            return node.kind if node.logical is None else f"{node.kind} ({node.logical})"
        case Array():
            return f"array of {label(node.items)}"
        case Map():
            return f"map of {label(node.values)}"
        case Union():
            return " | ".join(label(branch) for branch in node.branches)
        case _:
            return node.name


def branch_key(node: Node) -> str:
    """What may occur once in a union: the full name of a named type, else the kind of type."""
    match node:
        case Primitive():
            return node.kind
        case Array():
            return "array"
        case Map():
            return "map"
        case Union():
            return "union"
        case _:
            return node.name


def least_size(node: Node) -> int | None:
    """The bytes of the shortest value of `node`; None when every value would be endless."""
    return _least(node, (), {})


def _least(node: Node, above: tuple[Record, ...], known: dict[Record, int]) -> int | None:
    match node:
        case Primitive():
            return _PRIMITIVE_SIZE[node.kind]
        case Fixed():
            return node.size
        case Union():
            sizes = [_least(branch, above, known) for branch in node.branches]
            return min((1 + size for size in sizes if size is not None), default=None)
        case Record():
            return _record_size(node, above, known)
        case _:
            return 1


def _record_size(node: Record, above: tuple[Record, ...], known: dict[Record, int]) -> int | None:
    if node in known:
        return known[node]
    if node in above:
        return None
    total = 0
    for part in node.fields:
        size = _least(part.type, (*above, node), known)
        if size is None:
            return None
        total += size
    known[node] = total
    return total


_PRIMITIVE_SIZE: Final[Mapping[PrimitiveKind, int]] = {
    "null": 0,
    "boolean": 1,
    "int": 1,
    "long": 1,
    "float": 4,
    "double": 8,
    "string": 1,
    "bytes": 1,
}
