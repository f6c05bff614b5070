"""Makes the function that reads a writer's Avro binary as a reader's values.

One walk over both schemas decides everything: which fields are skipped, renamed or filled from
defaults, which numbers are widened, which symbols and branches have no counterpart. What cannot
be read is a reason; it is listed for `compatibility`, and raised only by a record that holds it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import DecimalException
from typing import Any, Final

from pydantic import TypeAdapter

from streamlet_sdk.serde.documents import default_value, is_ambiguous
from streamlet_sdk.serde.fitting import Misfit, join
from streamlet_sdk.serde.leaves import LeafReading
from streamlet_sdk.serde.matching import (
    best_branch,
    field_pairs,
    mismatch,
    numbers_in_front,
)
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
    is_number,
    label,
    least_size,
)
from streamlet_sdk.serde.source import Source
from streamlet_sdk.serde.writing import DEPTH_LIMIT, EMPTY_ITEMS_LIMIT

Read = Callable[[bytes, int], tuple[Any, int]]

# Whatever bytes that do not fit can raise on their way through the generated code.
READ_FAILURES: Final = (
    DecimalException,
    IndexError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Reader:
    """What was made of a pair of schemas.

    Attributes:
        read: the value that begins at a position, and the position behind it. It raises one of
            `READ_FAILURES`, or gives a position past the end for data that end too early.
        reasons: what of the writer's values cannot be read; empty when every value can.
    """

    read: Read
    reasons: tuple[Misfit, ...]


def make_reader(writer: Node, reader: Node, *, is_exact: bool) -> Reader:
    """A reader of what `writer` wrote, giving the values of `reader`.

    Args:
        writer: the schema that the bytes were written with.
        reader: the schema whose values are wanted.
        is_exact: make every value an instance of its Python class. Otherwise pydantic validates
            the result, and what it converts faster is left to it.
    """
    reading = _Reading()
    name = reading.source.name("read")
    with reading.source.function(name, "d, p"):
        expression = reading.value(writer, reader, "", is_exact=is_exact)
        reading.source.line(f"return {expression}, p")
    return Reader(reading.source.compiled(name), tuple(reading.reasons))


class _Reading:
    """Emits statements that read from `d` at `p`, and gives expressions of what was read."""

    def __init__(self) -> None:
        self.source = Source()
        self.reasons: list[Misfit] = []
        self._records: dict[tuple[Record, Record | None], str] = {}
        self._leaves = LeafReading(self.source)

    def value(self, writer: Node, reader: Node | None, path: str, *, is_exact: bool) -> str:
        """An expression of the next value; with `reader` None it is skipped."""
        if self.source.depth > DEPTH_LIMIT and not isinstance(writer, Primitive):
            return self._outlined(writer, reader, path, is_exact=is_exact)
        if isinstance(writer, Union):
            return self._union(writer, reader, path, is_exact=is_exact)
        if isinstance(reader, Union):
            return self._as_branch(writer, reader, path, is_exact=is_exact)
        sentence = None if reader is None else mismatch(writer, reader)
        if sentence is not None:
            return self._unreadable(path, sentence)
        return self._matched(writer, reader, path, is_exact=is_exact)

    def _matched(self, writer: Node, reader: Node | None, path: str, *, is_exact: bool) -> str:
        match writer, reader:
            case Primitive(), Primitive() | None:
                value = self._leaves.primitive(writer, reader, is_exact=is_exact)
            case Fixed(), Fixed() | None:
                value = self._leaves.fixed(writer, reader)
            case Symbols(), Symbols() | None:
                value = self._symbols(writer, reader, path, is_exact=is_exact)
            case Array(), Array() | None:
                value = self._array(writer, reader, path, is_exact=is_exact)
            case Map(), Map() | None:
                value = self._map(writer, reader, path, is_exact=is_exact)
            case Record(), Record() | None:
                value = self.source.name("v")
                self.source.line(f"{value}, p = {self._record(writer, reader, path)}(d, p)")
            case _:
                raise AssertionError("mismatch lets only equal kinds through")
        return value

    def _outlined(self, writer: Node, reader: Node | None, path: str, *, is_exact: bool) -> str:
        name, value = self.source.name("read"), self.source.name("v")
        self.source.line(f"{value}, p = {name}(d, p)")
        with self.source.function(name, "d, p"):
            expression = self.value(writer, reader, path, is_exact=is_exact)
            self.source.line(f"return {expression}, p")
        return value

    def _unreadable(self, path: str, sentence: str) -> str:
        misfit = Misfit(path, sentence)
        self.reasons.append(misfit)
        self.source.line(f"{self._leaves.fail}({str(misfit)!r})")
        return "None"

    def _symbols(
        self, writer: Symbols, reader: Symbols | None, path: str, *, is_exact: bool
    ) -> str:
        position = self._leaves.count()
        if reader is None:
            return "None"
        table = [_symbol(reader, symbol, is_exact=is_exact) for symbol in writer.symbols]
        value = self._leaves.local(f"{self.source.value(table)}[{position}]")
        unknown = [s for s, read in zip(writer.symbols, table, strict=True) if read is MISSING]
        if unknown:
            self.reasons.append(
                Misfit(path, f"{reader.name} lacks {', '.join(unknown)} and has no default")
            )
            with self.source.block(f"if {value} is {self.source.value(MISSING)}:"):
                self.source.line(f"{self._leaves.fail}('{reader.name} lacks the symbol')")
        return value

    def _blocks(self, least: int, block: Callable[[str], None]) -> None:
        """Items in blocks; `least` is the size of the shortest item, `block` reads a count."""
        count = self._leaves.number()
        with self.source.block(f"while {count}:"):
            with self.source.block(f"if {count} < 0:"):
                self.source.line(f"{count} = -{count}; p = {self._leaves.long}(d, p)[1]")
            room = f"{count} * {least} > len(d) - p" if least else f"{count} > {EMPTY_ITEMS_LIMIT}"
            with self.source.block(f"if {room}:"):
                self.source.line(f"{self._leaves.fail}('it has fewer items than it says')")
            block(count)
            self.source.line(f"{count} = {self._leaves.number()}")

    def _array(self, writer: Array, reader: Array | None, path: str, *, is_exact: bool) -> str:
        items = self._leaves.local("[]")
        inner = None if reader is None else reader.items

        def block(count: str) -> None:
            if inner is not None and is_number(writer.items) and not mismatch(writer.items, inner):
                self.source.line(
                    f"{items}.extend({self._leaves.many_numbers(writer.items, count)})"
                )
                return
            with self.source.block(f"for _ in range({count}):"):
                value = self.value(writer.items, inner, join(path, "[]"), is_exact=is_exact)
                self.source.line("pass" if reader is None else f"{items}.append({value})")

        self._blocks(_least(writer.items), block)
        if is_exact and reader is not None and reader.container is not list:
            return f"{self.source.value(reader.container)}({items})"
        return items

    def _map(self, writer: Map, reader: Map | None, path: str, *, is_exact: bool) -> str:
        items = self._leaves.local("{}")

        inner = None if reader is None else reader.values

        def block(count: str) -> None:
            with self.source.block(f"for _ in range({count}):"):
                key = self._leaves.data(as_text=reader is not None)
                value = self.value(writer.values, inner, join(path, "{}"), is_exact=is_exact)
                self.source.line("pass" if reader is None else f"{items}[{key}] = {value}")

        self._blocks(1 + _least(writer.values), block)
        return items

    def _union(self, writer: Union, reader: Node | None, path: str, *, is_exact: bool) -> str:
        position = self._leaves.count()
        value = self.source.name("v")
        keyword = "if"
        for number, branch in enumerate(writer.branches):
            with self.source.block(f"{keyword} {position} == {number}:"):
                expression = self.value(branch, reader, path, is_exact=is_exact)
                self.source.line(f"{value} = {expression}")
            keyword = "elif"
        with self.source.block("else:"):
            self.source.line(f"{self._leaves.fail}('a union has no such branch')")
        return value

    def _as_branch(self, writer: Node, reader: Union, path: str, *, is_exact: bool) -> str:
        branch = best_branch(writer, reader)
        if branch is None:
            sentence = f"{label(writer)} may be written, and {label(reader)} does not take it"
            return self._unreadable(path, sentence)
        several = len([part for part in reader.branches if branch_key(part) != "null"]) > 1
        value = self.value(writer, branch, path, is_exact=is_exact or several)
        if is_ambiguous(reader) and isinstance(branch, Record | Map):
            return f"({branch_key(branch)!r}, {value})"
        if isinstance(branch, Record) and branch.model is not None and several:
            # An instance, so that the union's validation need not guess which model it is.
            validate = TypeAdapter(branch.model).validator.validate_python
            return f"{self.source.value(validate)}({value})"
        return value

    def _record(self, writer: Record, reader: Record | None, path: str) -> str:
        pair = (writer, reader)
        if pair not in self._records:
            self._records[pair] = name = self.source.name("read")
            with self.source.function(name, "d, p"):
                if reader is None:
                    self._fields([(part, None) for part in writer.fields], path, None)
                    self.source.line("return None, p")
                else:
                    self._members(writer, reader, path)
        return self._records[pair]

    def _members(self, writer: Record, reader: Record, path: str) -> None:
        pairs, missing = field_pairs(writer, reader)
        values = self._fields(pairs, path, reader)
        values.update((part, self._default(part, path)) for part in missing)
        members = ", ".join(
            f"{(part.accepted if reader.model else part.name)!r}: {values[part]}"
            for part in reader.fields
        )
        self.source.line(f"return {{{members}}}, p")

    def _default(self, part: Field, path: str) -> str:
        if part.default is MISSING:
            sentence = "it was not written, and has no default"
            return self._unreadable(join(path, part.name), sentence)
        value = default_value(part.type, part.default)
        if isinstance(value, list | dict | tuple):
            fresh = self.source.value(lambda: default_value(part.type, part.default))
            return f"{fresh}()"
        return self.source.value(value)

    def _fields(
        self, pairs: list[tuple[Field, Field | None]], path: str, reader: Record | None
    ) -> dict[Field, str]:
        """Expressions by the reader's field."""
        values: dict[Field, str] = {}
        is_plain = reader is not None and reader.model is None
        rest = list(pairs)
        while rest:
            group = numbers_in_front(rest)
            if group:
                names = self._leaves.numbers([number for number, _ in group])
                for (_, other), name in zip(group, names, strict=True):
                    if other is not None:
                        values[other] = name
                rest = rest[len(group) :]
                continue
            part, other = rest.pop(0)
            is_exact = other is not None and (is_plain or other.is_strict)
            inner = None if other is None else other.type
            expression = self.value(part.type, inner, join(path, part.name), is_exact=is_exact)
            if other is not None:
                values[other] = expression
        return values


def _symbol(reader: Symbols, symbol: str, *, is_exact: bool) -> Any:
    known = symbol if symbol in reader.symbols else reader.default
    if known is None:
        return MISSING
    if reader.members is None or not is_exact:
        return known
    return reader.members[known]


def _least(node: Node) -> int:
    size = least_size(node)
    return 1 if size is None else size
