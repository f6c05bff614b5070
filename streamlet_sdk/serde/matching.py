"""The rules by which a reader's type takes what a writer's type wrote; one step, without descent.

https://avro.apache.org/docs/1.12.0/specification/#schema-resolution, and stricter in one point:
logical types must be equal. The specification leaves that to implementations, and most read one
decimal as another of other scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamlet_sdk.serde.nodes import (
    Array,
    Field,
    Fixed,
    Logical,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Symbols,
    Union,
    is_number,
    label,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PROMOTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}


def mismatch(writer: Node, reader: Node) -> str | None:
    """Why `reader` cannot take what `writer` wrote; None when it can, as far as this step goes.

    Neither is a union.
    """
    match writer, reader:
        case Primitive(), Primitive():
            reason = _primitive_mismatch(writer, reader)
        case Fixed(), Fixed() if writer.size != reader.size:
            reason = f"{writer.size} bytes of {writer.name} are not {reader.size}"
        case Fixed(), Fixed():
            reason = _name_mismatch(writer, reader) or _logical_mismatch(writer, reader)
        case Record(), Record():
            reason = _name_mismatch(writer, reader)
        case Symbols(), Symbols():
            reason = _name_mismatch(writer, reader)
        case (Array(), Array()) | (Map(), Map()):
            reason = None
        case _:
            reason = f"{label(writer)} was written, {label(reader)} is expected"
    return reason


def _primitive_mismatch(writer: Primitive, reader: Primitive) -> str | None:
    if writer.kind != reader.kind and reader.kind not in PROMOTIONS.get(writer.kind, ()):
        return f"{label(writer)} was written, {label(reader)} is expected"
    return _logical_mismatch(writer, reader)


def _logical_mismatch(writer: Primitive | Fixed, reader: Primitive | Fixed) -> str | None:
    if reader.logical is None or reader.logical == writer.logical:
        return None
    return f"{_meaning(writer.logical)} was written, {reader.logical} is expected"


def _meaning(logical: Logical | None) -> str:
    return "no logical type" if logical is None else str(logical)


def _name_mismatch(writer: Named, reader: Named) -> str | None:
    same = writer.name.rpartition(".")[2] == reader.name.rpartition(".")[2]
    if same or writer.name in reader.aliases:
        return None
    return (
        f"{writer.name} was written, {reader.name} is expected; "
        f"name {writer.name!r} in the aliases of {reader.name} if it was renamed"
    )


def best_branch(writer: Node, reader: Union) -> Node | None:
    """The branch of `reader` that takes what `writer` wrote; the closest one, then the first."""
    able = [branch for branch in reader.branches if mismatch(writer, branch) is None]
    return min(able, key=lambda branch: _distance(writer, branch), default=None)


def _distance(writer: Node, reader: Node) -> int:
    """0: the same type; 1: the same with other attributes; 2: another type that takes it."""
    match writer, reader:
        case Primitive(), Primitive():
            if writer.kind != reader.kind:
                return 2
            return int(writer.logical != reader.logical)
        case (Record() | Symbols() | Fixed(), Record() | Symbols() | Fixed()):
            return int(writer.name != reader.name)
        case _:
            return 0


def field_pairs(
    writer: Record, reader: Record
) -> tuple[list[tuple[Field, Field | None]], list[Field]]:
    """Each written field with the one it is read as, and the reader's fields that nobody wrote."""
    by_name = {part.name: part for part in reader.fields}
    by_alias = {alias: part for part in reader.fields for alias in part.aliases}
    written = {part.name for part in writer.fields}
    pairs: list[tuple[Field, Field | None]] = []
    taken: set[Field] = set()
    for part in writer.fields:
        other = by_name.get(part.name)
        if other is None and part.name in by_alias and by_alias[part.name].name not in written:
            other = by_alias[part.name]
        if other in taken:
            other = None  # two of its aliases were written; the first counts
        if other is not None:
            taken.add(other)
        pairs.append((part, other))
    return pairs, [part for part in reader.fields if part not in taken]


def numbers_in_front(
    pairs: list[tuple[Field, Field | None]],
) -> list[tuple[Primitive, Field | None]]:
    """The fields at the front that are numbers of fixed size, read as such or skipped."""
    group: list[tuple[Primitive, Field | None]] = []
    for part, other in pairs:
        if not is_number(part.type):
            break
        if other is not None and (
            not isinstance(other.type, Primitive) or mismatch(part.type, other.type) is not None
        ):
            break
        group.append((part.type, other))
    return group
