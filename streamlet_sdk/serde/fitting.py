"""What of a value does not fit a schema, and which branch of a union it belongs to.

Called when writing has failed, to say where, and for the unions whose branch cannot be told from
the value's class alone. It walks slowly and says everything; `writing` is fast and only fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import DecimalException
from enum import Enum
from struct import Struct
from typing import Any, Final, NamedTuple

from streamlet_sdk.serde.logical import conversion
from streamlet_sdk.serde.nodes import (
    MISSING,
    Array,
    Field,
    Fixed,
    Map,
    Node,
    Primitive,
    PrimitiveKind,
    Record,
    Symbols,
    Union,
    branch_key,
    label,
)

SEQUENCES: Final = (list, tuple, set, frozenset)
_BITS: Final[Mapping[str, int]] = {"int": 31, "long": 63}


class Misfit(NamedTuple):
    """Where a value does not fit (`measurements.power`, empty for the whole) and why."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}" if self.path else self.sentence


def join(path: str, step: object) -> str:
    """`path` one step further down."""
    return f"{path}.{step}" if path else str(step)


def fits(node: Node, value: Any) -> bool:
    """Whether `value` can be written as `node`."""
    return next(misfits(node, value), None) is None


def misfits(node: Node, value: Any, path: str = "") -> Iterator[Misfit]:
    """Everything that keeps `value` from being written as `node`."""
    match node:
        case Primitive() | Fixed():
            yield from _leaf(node, value, path)
        case Symbols():
            yield from _symbol(node, value, path)
        case Array():
            yield from _items(node, value, path)
        case Map():
            yield from _values(node, value, path)
        case Union():
            yield from _branches(node, value, path)
        case Record():
            yield from _record(node, value, path)


def _wrong_class(node: Node, value: Any, path: str) -> Misfit:
    return Misfit(path, f"{type(value).__name__} is not {label(node)}")


def _leaf(node: Primitive | Fixed, value: Any, path: str) -> Iterator[Misfit]:
    found = conversion(node)
    if found is None:
        yield from _raw(node, value, path)
        return
    try:
        found.to_raw(value)
    except (ValueError, DecimalException) as error:
        yield Misfit(path, f"does not fit {label(node)}: {error}")
    except (TypeError, AttributeError, OverflowError):
        yield _wrong_class(node, value, path)


def _raw(node: Primitive | Fixed, value: Any, path: str) -> Iterator[Misfit]:
    if isinstance(node, Fixed):
        if not isinstance(value, bytes | bytearray | memoryview):
            yield _wrong_class(node, value, path)
        elif len(value) != node.size:
            yield Misfit(path, f"{len(value)} bytes are not the {node.size} of {node.name}")
    elif not _is_primitive(node, value):
        yield _wrong_class(node, value, path)
    elif not _is_in_range(node, value):
        yield Misfit(path, f"the number is too large for {node.kind}")
    elif node.kind == "string" and not node.is_text and not _is_unicode(value):
        yield Misfit(path, "the text has half a surrogate pair, which UTF-8 cannot hold")


def _is_primitive(node: Primitive, value: Any) -> bool:
    if node.is_text:
        return True
    if node.kind != "boolean" and isinstance(value, bool):
        return False
    return isinstance(value, _CLASSES[node.kind])


def _is_in_range(node: Primitive, value: Any) -> bool:
    if node.kind in _BITS:
        return is_in_bits(node.kind, value)
    if node.kind not in _LAYOUTS:
        return True
    try:
        _LAYOUTS[node.kind].pack(value)
    except OverflowError:
        return False
    return True


def is_in_bits(kind: str, value: int) -> bool:
    """Whether `int` or `long` has room for a whole number."""
    limit = 1 << _BITS[kind]
    return -limit <= value < limit


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _symbol(node: Symbols, value: Any, path: str) -> Iterator[Misfit]:
    symbol = value.value if isinstance(value, Enum) else value
    if symbol not in node.symbols:
        yield Misfit(path, f"it is none of the symbols {', '.join(node.symbols)}")


def _items(node: Array, value: Any, path: str) -> Iterator[Misfit]:
    if not isinstance(value, SEQUENCES):
        yield _wrong_class(node, value, path)
        return
    for index, item in enumerate(value):
        yield from misfits(node.items, item, join(path, index))


def _values(node: Map, value: Any, path: str) -> Iterator[Misfit]:
    if not isinstance(value, Mapping):
        yield _wrong_class(node, value, path)
        return
    for key, item in value.items():
        if not isinstance(key, str):
            yield Misfit(join(path, key), "keys must be text")
        yield from misfits(node.values, item, join(path, key))


def _branches(node: Union, value: Any, path: str) -> Iterator[Misfit]:
    if branch_index(node, value) is not None:
        return
    if isinstance(value, Mapping) or hasattr(value, "__dict__"):
        for branch in node.branches:
            if isinstance(branch, Record):
                yield from misfits(branch, value, path)
    else:
        yield _wrong_class(node, value, path)


def _record(node: Record, value: Any, path: str) -> Iterator[Misfit]:
    if node.model is not None:
        if not isinstance(value, node.model):
            yield Misfit(path, f"{type(value).__name__} is not {node.model.__name__}")
            return
        for part in node.fields:
            here = vars(value).get(part.attribute, MISSING)
            yield from _field(part, here, join(path, part.attribute))
    elif not isinstance(value, Mapping):
        yield _wrong_class(node, value, path)
    else:
        yield from _dict_record(node, value, path)


def _dict_record(node: Record, value: Mapping[str, Any], path: str) -> Iterator[Misfit]:
    for part in node.fields:
        here = value.get(part.name, MISSING)
        if here is not MISSING or part.default is MISSING:
            yield from _field(part, here, join(path, part.name))
    known = {part.name for part in node.fields}
    for name in value:
        if name not in known:
            yield Misfit(join(path, name), f"{node.name} has no such field")


def _field(part: Field, value: Any, path: str) -> Iterator[Misfit]:
    if value is MISSING:
        yield Misfit(path, "it is missing and has no default")
    else:
        yield from misfits(part.type, value, path)


def branch_index(node: Union, value: Any) -> int | None:
    """The position of the branch that `value` is written as; None when it fits none.

    A pair of a type's full name and a value names its branch, as in fastavro. Otherwise the
    branch of the value's own class goes before those that would convert it.
    """
    match value:
        case (str() as name, inner):
            for index, branch in enumerate(node.branches):
                if branch_key(branch) == name and isinstance(branch, Record | Map):
                    return index if fits(branch, inner) else None
        case _:
            pass
    found = [i for i, branch in enumerate(node.branches) if fits(branch, value)]
    exact = [i for i in found if _is_exact(node.branches[i], value)]
    return next(iter(exact or found), None)


def _is_exact(node: Node, value: Any) -> bool:
    match node:
        case Record(model=model):
            return model is None or type(value) is model
        case Symbols(members=members):
            return (members is not None) == isinstance(value, Enum)
        case Primitive():
            converted = conversion(node)
            if converted is not None:
                return type(value) is converted.python
            if node.kind == "float" and isinstance(value, float):
                cut = _LAYOUTS["float"].unpack(_LAYOUTS["float"].pack(value))
                return cut == (value,)  # else `double` may keep all its digits
            return type(value) in _EXACT_CLASSES[node.kind]
        case _:
            return True


_NONE: Final = type(None)
_LAYOUTS: Final = {"float": Struct("<f"), "double": Struct("<d")}
_CLASSES: Final[Mapping[PrimitiveKind, tuple[type, ...]]] = {
    "null": (_NONE,),
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int),
    "string": (str,),
    "bytes": (bytes, bytearray, memoryview),
}
_EXACT_CLASSES: Final[Mapping[PrimitiveKind, tuple[type, ...]]] = {
    **_CLASSES,
    "float": (float,),
    "double": (float,),
}
