"""Emits the reading of values without parts: numbers, text, bytes, and their logical types.

`reading` walks the schemas and comes here for each leaf. All of it is about source text that
reads from the bytes `d` at the position `p`, and expressions of what was read.
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from streamlet_sdk.serde.logical import EPOCH, conversion
from streamlet_sdk.serde.nodes import Fixed, Primitive
from streamlet_sdk.serde.varint import read_long, read_size

if TYPE_CHECKING:
    from streamlet_sdk.serde.source import Source


class LeafReading:
    """Adds statements to a source; `fail` and `long` are names that others may call, too."""

    def __init__(self, source: Source) -> None:
        """Make the names that every function needs."""
        self._source = source
        self.long = source.value(read_long)
        self.fail = source.value(_fail)
        self._size = source.value(read_size)

    def local(self, expression: str) -> str:
        """A name for the value of `expression`."""
        name = self._source.name("v")
        self._source.line(f"{name} = {expression}")
        return name

    def number(self) -> str:
        """A whole number with a sign."""
        value = self.local("d[p]")
        with self._source.block(f"if {value} & 0x80:"):
            self._source.line(f"{value}, p = {self.long}(d, p)")
        with self._source.block("else:"):
            self._source.line(f"{value} = {value} >> 1 ^ -({value} & 1); p += 1")
        return value

    def count(self) -> str:
        """A size or a position, which has no sign."""
        value = self.local("d[p]")
        with self._source.block(f"if {value} & 0x81:"):
            self._source.line(f"{value}, p = {self._size}(d, p)")
        with self._source.block("else:"):
            self._source.line(f"{value} >>= 1; p += 1")
        return value

    def primitive(self, writer: Primitive, reader: Primitive | None, *, is_exact: bool) -> str:
        """A value without parts, as its reader has it; None skips it."""
        raw = self._raw(writer, as_text=reader is not None and reader.kind == "string")
        if reader is None:
            return "None"
        if reader.kind in ("float", "double") and writer.kind in ("int", "long"):
            return f"float({raw})"
        return self._converted(reader, raw, is_exact=is_exact)

    def _raw(self, writer: Primitive, *, as_text: bool) -> str:
        match writer.kind:
            case "null":
                raw = "None"
            case "boolean":
                raw = self._boolean()
            case "int" | "long":
                raw = self.number()
            case "float" | "double":
                (raw,) = self.numbers([writer])
            case "string" | "bytes":
                raw = self.data(as_text=as_text)
        if writer.kind == "int":
            with self._source.block(f"if not -0x80000000 <= {raw} <= 0x7fffffff:"):
                self._source.line(f"{self.fail}('a number is too large for int')")
        return raw

    def _boolean(self) -> str:
        value = self.local("d[p]")
        with self._source.block(f"if {value} > 1:"):
            self._source.line(f"{self.fail}('a byte is neither true nor false')")
        self._source.line("p += 1")
        return self.local(f"{value} == 1")

    def numbers(self, writers: list[Primitive]) -> list[str]:
        """Expressions of numbers with a point that were written side by side."""
        names = [self._source.name("v") for _ in writers]
        letters = "".join("d" if node.kind == "double" else "f" for node in writers)
        layout = struct.Struct(f"<{letters}")
        unpack = self._source.value(layout.unpack_from)
        self._source.line(f"{', '.join(names)}, = {unpack}(d, p); p += {layout.size}")
        return names

    def many_numbers(self, writer: Primitive, count: str) -> str:
        """An expression of `count` numbers with a point that were written side by side."""
        letter, size = ("d", 8) if writer.kind == "double" else ("f", 4)
        unpack = self._source.value(struct.unpack_from)
        many = self.local(f"{unpack}(f'<{{{count}}}{letter}', d, p)")
        self._source.line(f"p += {size} * {count}")
        return many

    def data(self, *, as_text: bool) -> str:
        """Bytes or text, after their size."""
        size = self.count()
        end = self.local(f"p + {size}")
        value = self.local(f"d[p:{end}]{'.decode()' if as_text else ''}")
        self._source.line(f"p = {end}")
        return value

    def _converted(self, reader: Primitive | Fixed, raw: str, *, is_exact: bool) -> str:
        found = conversion(reader)
        if found is None:
            python = reader.python if isinstance(reader, Primitive) else None
            return f"{self._source.value(python)}({raw})" if is_exact and python else raw
        if found.python is UUID and isinstance(reader, Primitive) and not is_exact:
            return raw  # pydantic reads the text faster than `UUID` does
        unit = _TIMESTAMP_MICROSECONDS.get(str(reader.logical))
        if unit is not None and found.python is datetime:
            epoch, delta = self._source.value(EPOCH), self._source.value(timedelta)
            return f"{epoch} + {delta}(0, 0, {raw} * {unit})"
        return f"{self._source.value(found.from_raw)}({raw})"

    def fixed(self, writer: Fixed, reader: Fixed | None) -> str:
        """Bytes of a fixed number."""
        raw = self.local(f"d[p:p + {writer.size}]")
        self._source.line(f"p += {writer.size}")
        return "None" if reader is None else self._converted(reader, raw, is_exact=True)


def _fail(sentence: str) -> None:
    raise ValueError(sentence)


_TIMESTAMP_MICROSECONDS: Final = {"timestamp-millis": 1000, "timestamp-micros": 1}
