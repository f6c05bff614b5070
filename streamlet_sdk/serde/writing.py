"""Makes the function that writes a schema's values as Avro binary.

It is made for speed on values that fit and only fails on others; `fitting` then says where. It
refuses what would be lost: a fraction in a whole number, a number out of range, half a surrogate,
an unknown key of a dict, a `datetime` without a time zone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from decimal import DecimalException
from operator import index
from typing import Any, Final
from uuid import UUID

from streamlet_sdk.serde.documents import default_value
from streamlet_sdk.serde.fitting import SEQUENCES, branch_index
from streamlet_sdk.serde.logical import conversion, to_uuid
from streamlet_sdk.serde.nodes import (
    MISSING,
    PYTHON,
    Array,
    Field,
    Fixed,
    Map,
    Node,
    Primitive,
    Record,
    Symbols,
    Union,
    is_number,
    least_size,
)
from streamlet_sdk.serde.source import Source
from streamlet_sdk.serde.varint import long_bytes

Write = Callable[[Any, bytearray], None]

# Whatever a value that does not fit can raise on its way into the generated code.
WRITE_FAILURES: Final = (
    AttributeError,
    DecimalException,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
# Items without any bytes would let a record of ten bytes claim a list that fills the memory.
EMPTY_ITEMS_LIMIT: Final = 10_000
DEPTH_LIMIT: Final = 6


def make_writer(node: Node) -> Write:
    """A function that appends a value of `node` to a byte array.

    The function raises one of `WRITE_FAILURES` for a value that does not fit, and may have
    appended a part of it.
    """
    writing = _Writing()
    name = writing.source.name("write")
    with writing.source.function(name, "v, o"):
        writing.value(node, "v")
    write: Write = writing.source.compiled(name)
    return write


class _Writing:
    """Emits statements that append to `o`."""

    def __init__(self) -> None:
        self.source = Source()
        self._records: dict[Record, str] = {}
        self._long = self.source.value(long_bytes)
        self._index = self.source.value(index)
        self._fail = self.source.value(_fail)
        self._emitters: Mapping[str, Callable[[Primitive, str], None]] = {
            "null": self._null,
            "boolean": self._boolean,
            "int": self._whole,
            "long": self._whole,
            "float": self._number,
            "double": self._number,
            "string": self._string,
            "bytes": self._bytes,
        }

    def value(self, node: Node, expression: str) -> None:
        """Append the value of `expression`."""
        if self.source.depth > DEPTH_LIMIT:
            self._outlined(node, expression)
        else:
            self._emit(node, expression)

    def _emit(self, node: Node, expression: str) -> None:
        match node:
            case Primitive():
                self._primitive(node, expression)
            case Fixed():
                self._fixed(node, expression)
            case Symbols():
                self._symbols(node, expression)
            case Array():
                self._array(node, expression)
            case Map():
                self._map(node, expression)
            case Union():
                self._union(node, expression)
            case Record():
                self.source.line(f"{self._record(node)}({expression}, o)")

    def _outlined(self, node: Node, expression: str) -> None:
        name = self.source.name("write")
        self.source.line(f"{name}({expression}, o)")
        with self.source.function(name, "v, o"):
            self.value(node, "v")

    def _local(self, expression: str) -> str:
        name = self.source.name("v")
        self.source.line(f"{name} = {expression}")
        return name

    def _primitive(self, node: Primitive, expression: str) -> None:
        found = conversion(node)
        if found is not None and found.python is UUID:
            value = self._local(expression)
            uuid, convert = self.source.value(UUID), self.source.value(to_uuid)
            text = f"str({value} if type({value}) is {uuid} else {convert}({value}))"
            self.source.line(f"o += b'H'; o += {text}.encode()")  # always 36 characters
            return
        if found is not None:
            expression = f"{self.source.value(found.to_raw)}({expression})"
        self._emitters[node.kind](node, expression)

    def _null(self, _: Primitive, expression: str) -> None:
        with self.source.block(f"if {expression} is not None:"):
            self.source.line(f"{self._fail}('only None fits')")

    def _boolean(self, _: Primitive, expression: str) -> None:
        value = self._local(expression)
        with self.source.block(f"if {value} is not True and {value} is not False:"):
            self.source.line(f"{self._fail}('a bool is needed')")
        self.source.line(f"o.append({value})")

    def _whole(self, node: Primitive, expression: str) -> None:
        raw = self._local(expression)
        value = self._local(f"{raw} if type({raw}) is int else {self._index}({raw})")
        if node.kind == "int":
            with self.source.block(f"if not -0x80000000 <= {value} <= 0x7fffffff:"):
                self.source.line(f"{self._fail}('the number is too large for int')")
        self._count(value)

    def _count(self, value: str) -> None:
        """A whole number; those of one or two bytes without a call."""
        zigzag = self._local(f"{value} << 1 ^ {value} >> 63")
        with self.source.block(f"if 0 <= {zigzag} < 0x80:"):
            self.source.line(f"o.append({zigzag})")
        with self.source.block(f"elif 0 <= {zigzag} < 0x4000:"):
            self.source.line(f"o.append({zigzag} & 0x7f | 0x80); o.append({zigzag} >> 7)")
        with self.source.block("else:"):
            self.source.line(f"o += {self._long}({value})")

    def _number(self, node: Primitive, expression: str) -> None:
        self._numbers([(node, expression)])

    def _numbers(self, members: list[tuple[Primitive, str]]) -> None:
        """Numbers with a point, side by side, in one go."""
        letters = "".join("d" if node.kind == "double" else "f" for node, _ in members)
        pack = self.source.value(struct.Struct(f"<{letters}").pack)
        self.source.line(f"o += {pack}({', '.join(expression for _, expression in members)})")

    def _string(self, node: Primitive, expression: str) -> None:
        text = f"str({expression})" if node.is_text else expression
        value = self._local(f"{text}.encode()")
        self._sized(value)

    def _bytes(self, _: Primitive, expression: str) -> None:
        value = self._local(expression)
        self._checked(value, (bytes, bytearray))
        self._sized(value)

    def _sized(self, value: str) -> None:
        self._count(self._local(f"len({value})"))
        self.source.line(f"o += {value}")

    def _checked(self, value: str, classes: tuple[type, ...]) -> None:
        name = self.source.value(classes)
        with self.source.block(f"if not isinstance({value}, {name}):"):
            self.source.line(f"{self._fail}('a value of another class is needed')")

    def _fixed(self, node: Fixed, expression: str) -> None:
        found = conversion(node)
        if found is not None:
            expression = f"{self.source.value(found.to_raw)}({expression})"
        value = self._local(expression)
        self._checked(value, (bytes, bytearray))
        with self.source.block(f"if len({value}) != {node.size}:"):
            self.source.line(f"{self._fail}('a value of another size is needed')")
        self.source.line(f"o += {value}")

    def _symbols(self, node: Symbols, expression: str) -> None:
        table: dict[Any, bytes] = {}
        for position, symbol in enumerate(node.symbols):
            table[symbol] = long_bytes(position)
            if node.members is not None:
                table[node.members[symbol]] = table[symbol]
        self.source.line(f"o += {self.source.value(table)}[{expression}]")

    def _array(self, node: Array, expression: str) -> None:
        value = self._local(expression)
        self._checked(value, SEQUENCES)
        with self.source.block(f"if {value}:"):
            count = self._local(f"len({value})")
            if least_size(node.items) == 0:
                with self.source.block(f"if {count} > {EMPTY_ITEMS_LIMIT}:"):
                    self.source.line(f"{self._fail}('too many items without content')")
            self._count(count)
            if is_number(node.items):
                letter = "d" if node.items.kind == "double" else "f"
                pack = self.source.value(struct.pack)
                self.source.line(f"o += {pack}(f'<{{{count}}}{letter}', *{value})")
            else:
                item = self.source.name("v")
                with self.source.block(f"for {item} in {value}:"):
                    self.value(node.items, item)
        self.source.line("o.append(0)")

    def _map(self, node: Map, expression: str) -> None:
        value = self._local(expression)
        with self.source.block(f"if {value}:"):
            self._count(self._local(f"len({value})"))
            key, item = self.source.name("v"), self.source.name("v")
            with self.source.block(f"for {key}, {item} in {value}.items():"):
                self._string(Primitive("string"), key)
                self.value(node.values, item)
        with self.source.block(f"elif not isinstance({value}, {self.source.value(Mapping)}):"):
            self.source.line(f"{self._fail}('a mapping is needed')")
        self.source.line("o.append(0)")

    def _union(self, node: Union, expression: str) -> None:
        value = self._local(expression)
        null = next((i for i, branch in enumerate(node.branches) if _is_null(branch)), None)
        others = [i for i, branch in enumerate(node.branches) if not _is_null(branch)]
        if null is not None and len(others) == 1:
            with self.source.block(f"if {value} is None:"):
                self.source.line(f"o.append({null << 1})")
            with self.source.block("else:"):
                self.source.line(f"o.append({others[0] << 1})")
                self.value(node.branches[others[0]], value)
            return
        self._branches(node, value)

    def _branches(self, node: Union, value: str) -> None:
        choose = self.source.value(_chooser(node))
        position = self.source.name("v")
        self.source.line(f"{position}, {value} = {choose}({value})")
        self._count(position)
        keyword = "if"
        for number, branch in enumerate(node.branches):
            with self.source.block(f"{keyword} {position} == {number}:"):
                self.value(branch, value)
                self.source.line("pass")
            keyword = "elif"

    def _record(self, node: Record) -> str:
        if node not in self._records:
            self._records[node] = name = self.source.name("write")
            with self.source.function(name, "v, o"):
                if node.model is not None:
                    self._model(node, node.model)
                else:
                    self._dict(node)
        return self._records[node]

    def _model(self, node: Record, model: type) -> None:
        name = self.source.value(model)
        with self.source.block(f"if type(v) is not {name} and not isinstance(v, {name}):"):
            self.source.line(f"{self._fail}('an instance of another class is needed')")
        self.source.line("x = v.__dict__")
        self._fields([(part, f"x[{part.attribute!r}]") for part in node.fields])

    def _dict(self, node: Record) -> None:
        optional = [part for part in node.fields if part.default is not MISSING]
        known = self.source.value(frozenset(part.name for part in node.fields))
        size = len(node.fields)
        wrong = f"len(v) != {size}" if not optional else f"len(v) > {size - len(optional)}"
        with self.source.block(f"if {wrong} and not {known}.issuperset(v):"):
            self.source.line(f"{self._fail}('the record has no such field')")
        required: list[tuple[Field, str]] = []
        for part in node.fields:
            if part.default is MISSING:
                required.append((part, f"v[{part.name!r}]"))
                continue
            self._fields(required)
            required = []
            self._optional(part)
        self._fields(required)
        self.source.line("pass")

    def _optional(self, part: Field) -> None:
        default = bytearray()
        make_writer(part.type)(default_value(part.type, part.default), default)
        with self.source.block(f"if {part.name!r} in v:"):
            self.value(part.type, f"v[{part.name!r}]")
            self.source.line("pass")
        with self.source.block("else:"):
            self.source.line(f"o += {bytes(default)!r}")

    def _fields(self, members: list[tuple[Field, str]]) -> None:
        numbers: list[tuple[Primitive, str]] = []
        for part, expression in members:
            if is_number(part.type):
                numbers.append((part.type, expression))
                continue
            if numbers:
                self._numbers(numbers)
                numbers = []
            self.value(part.type, expression)
        if numbers:
            self._numbers(numbers)
        if not members:
            self.source.line("pass")


def _is_null(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind == "null"


def _fail(sentence: str) -> None:
    raise ValueError(sentence)


def _chooser(node: Union) -> Callable[[Any], tuple[int, Any]]:
    """Tells the branch of a value, by its class alone where that is enough."""
    by_class = _unambiguous(node)

    def choose(value: Any) -> tuple[int, Any]:
        position = by_class.get(type(value))
        if position is not None:
            return position, value
        position = branch_index(node, value)
        if position is None:
            raise ValueError("no branch of the union fits")
        match value:
            case (str(), inner) if isinstance(node.branches[position], Record | Map):
                return position, inner
            case _:
                return position, value

    return choose


def _unambiguous(node: Union) -> dict[type, int]:
    positions: dict[type, list[int]] = {}
    for position, branch in enumerate(node.branches):
        for python in _python_classes(branch):
            positions.setdefault(python, []).append(position)
    return {python: found[0] for python, found in positions.items() if len(found) == 1}


def _python_classes(node: Node) -> tuple[type, ...]:
    """The classes whose values are surely of this branch, if no other branch claims them."""
    match node:
        case Primitive(is_text=True):
            return ()
        case Primitive() | Fixed():
            found = conversion(node)
            kind = node.kind if isinstance(node, Primitive) else "bytes"
            return (found.python,) if found is not None else (PYTHON[kind],)
        case Symbols():
            members = (node.members or {}).values()
            return (*{type(member) for member in members}, str)
        case Array():
            return (list, set, frozenset)
        case Record(model=type() as model):
            return (model,)
        case _:
            return (dict,)
