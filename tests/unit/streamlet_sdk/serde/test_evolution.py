"""Schemas that change: old writer and new reader, the reverse, and both in one topic."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from streamlet_sdk import Avro
from streamlet_sdk.errors import DecodeError
from streamlet_sdk.serde import PortCodec, PortOptions, Schema, SchemaBook, port_codec, unreadable
from streamlet_sdk.serde.avro import AvroCodec
from streamlet_sdk.serde.parsing import parse_schema


def record(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "plant.R", "fields": list(fields), **more}


def field(name: str, type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **more}


def codec_of(document: Any, book: SchemaBook) -> PortCodec[Any]:
    return AvroCodec(parse_schema(json.dumps(document), "a schema"), None, book)


def read_as(writer: Any, reader: Any, value: Any) -> Any:
    book = SchemaBook()
    writing, reading = codec_of(writer, book), codec_of(reader, book)
    return reading.decode(writing.encode(value))


def reasons(writer: Any, reader: Any) -> tuple[str, ...]:
    return unreadable(schema_of(writer), schema_of(reader))


def schema_of(document: Any) -> Schema:
    return codec_of(document, SchemaBook()).schema


A = field("a", "long")
B = field("b", "string", default="none")
DAY = {"type": "int", "logicalType": "date"}
CENTS = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
OLD = {"type": "enum", "name": "plant.E", "symbols": ["ok", "odd"]}
NEW = {"type": "enum", "name": "plant.E", "symbols": ["bad", "ok"]}

READABLE = {
    "a field with a default is added": (record(A), record(A, B), {"a": 1}, {"a": 1, "b": "none"}),
    "a field is removed": (record(A, B), record(A), {"a": 1, "b": "x"}, {"a": 1}),
    "fields change places": (
        record(A, B),
        record(B, A),
        {"a": 1, "b": "x"},
        {"b": "x", "a": 1},
    ),
    "a field is renamed": (
        record(A),
        record(field("z", "long", aliases=["a"])),
        {"a": 1},
        {"z": 1},
    ),
    "a record is renamed": (
        record(A),
        {**record(A), "name": "plant.S", "aliases": ["R"]},
        {"a": 1},
        {"a": 1},
    ),
    "a record moves to another namespace": (
        record(A),
        {**record(A), "name": "works.R"},
        {"a": 1},
        {"a": 1},
    ),
    "int becomes long": ("int", "long", 5, 5),
    "int becomes float": ("int", "float", 5, 5.0),
    "int becomes double": ("int", "double", 5, 5.0),
    "long becomes float": ("long", "float", 5, 5.0),
    "long becomes double": ("long", "double", 5, 5.0),
    "float becomes double": ("float", "double", 0.5, 0.5),
    "string becomes bytes": ("string", "bytes", "ü", b"\xc3\xbc"),
    "bytes becomes string": ("bytes", "string", b"\xc3\xbc", "ü"),
    "a date becomes a plain number": (DAY, "long", None, None),
    "a value becomes optional": (
        record(A),
        record(field("a", ["null", "long"])),
        {"a": 1},
        {"a": 1},
    ),
    "a union gets one more branch": (["null", "int"], ["string", "null", "int"], 5, 5),
    "a union's branch is widened": (["null", "int"], ["null", "double"], 5, 5.0),
    "one type becomes a union that has it and a wider one": ("int", ["double", "int"], 5, 5),
    "items are widened": (
        {"type": "array", "items": "int"},
        {"type": "array", "items": "double"},
        [1, 2],
        [1.0, 2.0],
    ),
    "values are widened": (
        {"type": "map", "values": "int"},
        {"type": "map", "values": "long"},
        {"x": 1},
        {"x": 1},
    ),
    "an enum that has a default loses a symbol": (OLD, {**NEW, "default": "bad"}, "odd", "bad"),
    "symbols change places": (OLD, {**OLD, "symbols": ["odd", "ok"]}, "odd", "odd"),
    "a map is skipped": (
        record(field("m", {"type": "map", "values": OLD}), A),
        record(A),
        {"m": {"x": "ok", "y": "odd"}, "a": 1},
        {"a": 1},
    ),
    "a union of records is skipped": (
        record(field("u", ["null", record(B) | {"name": "plant.S"}]), A),
        record(A),
        {"u": {"b": "x"}, "a": 1},
        {"a": 1},
    ),
}


@pytest.mark.parametrize("change", READABLE)
def test_what_was_written_before_is_read(change: str) -> None:
    writer, reader, value, expected = READABLE[change]
    if value is None:
        value, expected = parse_date("1970-01-03"), 2

    assert reasons(writer, reader) == ()
    read = read_as(writer, reader, value)

    assert read == expected
    assert type(read) is type(expected)


def parse_date(text: str) -> Any:
    return datetime.fromisoformat(text).date()


UNREADABLE: dict[str, tuple[Any, Any, Any, str]] = {
    "a field without default is added": (
        record(A),
        record(A, field("b", "string")),
        {"a": 1},
        "b: it was not written, and has no default",
    ),
    "a field is renamed without alias": (
        record(A),
        record(field("z", "long")),
        {"a": 1},
        "z: it was not written",
    ),
    "a record is renamed without alias": (
        record(A),
        {**record(A), "name": "plant.S"},
        {"a": 1},
        "name 'plant.R' in the aliases of plant.S",
    ),
    "long becomes int": ("long", "int", 5, "long was written, int is expected"),
    "double becomes float": ("double", "float", 0.5, "double was written, float is expected"),
    "string becomes long": ("string", "long", "5", "string was written, long is expected"),
    "a symbol goes away": (OLD, NEW, "odd", "plant.E lacks odd and has no default"),
    "a branch goes away": (
        ["null", "string"],
        ["null"],
        "x",
        "string may be written, and null does not take it",
    ),
    "an optional value becomes required": (
        record(field("a", ["null", "long"])),
        record(A),
        {"a": None},
        "a: null was written, long is expected",
    ),
    "a fixed changes its size": (
        {"type": "fixed", "name": "F", "size": 2},
        {"type": "fixed", "name": "F", "size": 3},
        b"ab",
        "2 bytes of F are not 3",
    ),
    "a decimal changes its scale": (
        record(field("a", CENTS), B),
        record(field("a", {**CENTS, "scale": 4})),
        {"a": Decimal("12.34")},
        "a: decimal(9, 2) was written, decimal(9, 4) is expected",
    ),
    "a decimal changes its precision": (
        record(field("a", CENTS), B),
        record(field("a", {**CENTS, "precision": 8})),
        {"a": Decimal("12.34")},
        "a: decimal(9, 2) was written, decimal(8, 2) is expected",
    ),
    "a number becomes a date": (
        record(field("a", "int"), B),
        record(field("a", DAY)),
        {"a": 1},
        "a: no logical type was written, date is expected",
    ),
    "a record becomes a map": (
        record(A),
        {"type": "map", "values": "long"},
        {"a": 1},
        "plant.R was written, map of long is expected",
    ),
    "items become something else": (
        {"type": "array", "items": "string"},
        {"type": "array", "items": "long"},
        ["x"],
        "[]: string was written, long is expected",
    ),
}


@pytest.mark.parametrize("change", UNREADABLE)
def test_what_cannot_be_read_is_a_reason_and_a_decode_error(change: str) -> None:
    writer, reader, value, sentence = UNREADABLE[change]

    found = reasons(writer, reader)

    assert any(sentence in reason for reason in found), found
    with pytest.raises(DecodeError):
        read_as(writer, reader, value)


def test_only_the_branch_that_is_gone_is_unreadable() -> None:
    writer, reader = ["null", "string", "long"], ["null", "long"]

    assert read_as(writer, reader, 5) == 5
    assert read_as(writer, reader, None) is None
    with pytest.raises(DecodeError, match="string may be written"):
        read_as(writer, reader, "x")


def test_only_the_symbol_that_is_gone_is_unreadable() -> None:
    assert read_as(OLD, NEW, "ok") == "ok"
    with pytest.raises(DecodeError, match=r"plant\.E lacks the symbol"):
        read_as(OLD, NEW, "odd")


def test_bytes_that_are_no_text_are_a_decode_error_for_a_reader_of_text() -> None:
    assert reasons("bytes", "string") == ()
    with pytest.raises(DecodeError, match="utf-8"):
        read_as("bytes", "string", b"\xff")


def test_a_default_is_fresh_for_every_record() -> None:
    later = record(A, field("tags", {"type": "array", "items": "string"}, default=["x"]))
    book = SchemaBook()
    data = codec_of(record(A), book).encode({"a": 1})
    reading = codec_of(later, book)

    reading.decode(data)["tags"].append("y")

    assert reading.decode(data)["tags"] == ["x"]


def test_a_default_of_a_logical_type_is_its_python_value() -> None:
    later = record(
        A,
        field("price", CENTS, default="\u0004\u00d2"),
        field("raw", "bytes", default="\u00ff"),
        field("day", DAY, default=2),
        field("inner", {**record(field("x", "int", default=3)), "name": "I"}, default={}),
    )

    read = read_as(record(A), later, {"a": 1})

    assert read == {
        "a": 1,
        "price": Decimal("12.34"),
        "raw": b"\xff",
        "day": parse_date("1970-01-03"),
        "inner": {"x": 3},
    }


def test_an_alias_does_not_take_a_field_whose_own_name_was_written() -> None:
    writer = record(field("a", "long"), field("z", "long"))
    reader = record(field("z", "long", aliases=["a"]))

    assert read_as(writer, reader, {"a": 1, "z": 2}) == {"z": 2}


def test_a_recursive_schema_evolves_at_every_level() -> None:
    tree = record(field("children", {"type": "array", "items": "plant.R"}), field("n", "int"))
    later = record(
        field("n", "double"),
        field("children", {"type": "array", "items": "plant.R"}),
        field("note", "string", default="-"),
    )

    read = read_as(tree, later, {"n": 1, "children": [{"n": 2, "children": []}]})

    assert read == {
        "n": 1.0,
        "note": "-",
        "children": [{"n": 2.0, "note": "-", "children": []}],
    }


def test_one_record_of_the_writer_may_become_two_of_the_reader() -> None:
    inner = {"type": "record", "name": "plant.I", "fields": [field("x", "int")]}
    writer = record(field("one", inner), field("two", "plant.I"))
    reader = record(
        field("one", {**inner, "fields": [field("x", "double")]}),
        field("two", {**inner, "name": "plant.J", "aliases": ["I"]}),
    )

    read = read_as(writer, reader, {"one": {"x": 1}, "two": {"x": 1}})

    assert [type(read[name]["x"]) for name in ("one", "two")] == [float, int]


# The same with models, as users meet it.


class Level(Enum):
    __avro__ = Avro(default="unknown")
    UNKNOWN = "unknown"
    LOW = "low"


class NewLevel(Enum):
    __avro__ = Avro(name="Level")
    LOW = "low"
    HIGH = "high"


class Reading(BaseModel):
    __avro__ = Avro(aliases=("Measure",))
    device: UUID
    value: Annotated[float, Avro(aliases=("amount",))]
    level: Level


class Measure(BaseModel):
    __avro__ = Avro(aliases=("Reading",))
    amount: Annotated[float, Avro(aliases=("value",))]
    device: UUID
    level: NewLevel | None = None
    tags: list[str] = Field(default_factory=list)


DEVICE = UUID(int=7)


class OldReading(BaseModel):
    __avro__ = Avro(name="Reading")
    device: UUID
    value: int
    level: Level


def test_records_of_all_versions_are_read_from_one_topic() -> None:
    book = SchemaBook()
    oldest, old, new = (
        port_codec(type_, PortOptions(), book) for type_ in (OldReading, Reading, Measure)
    )
    topic = [
        oldest.encode(OldReading(device=DEVICE, value=1, level=Level.LOW)),
        new.encode(Measure(device=DEVICE, amount=2.5, level=NewLevel.LOW, tags=["x"])),
        old.encode(Reading(device=DEVICE, value=3.5, level=Level.LOW)),
    ]

    assert [new.decode(data) for data in topic] == [
        Measure(device=DEVICE, amount=1.0, level=NewLevel.LOW),
        Measure(device=DEVICE, amount=2.5, level=NewLevel.LOW, tags=["x"]),
        Measure(device=DEVICE, amount=3.5, level=NewLevel.LOW),
    ]
    assert old.decode(topic[1]) == Reading(device=DEVICE, value=2.5, level=Level.LOW)


def test_a_symbol_of_a_newer_enum_is_the_older_ones_default() -> None:
    class Newer(BaseModel):
        __avro__ = Avro(name="Reading")
        device: UUID
        value: float
        level: NewLevel

    book = SchemaBook()
    writing = port_codec(Newer, PortOptions(), book)
    reading = port_codec(Reading, PortOptions(), book)

    read = reading.decode(writing.encode(Newer(device=DEVICE, value=1, level=NewLevel.HIGH)))

    assert read.level is Level.UNKNOWN
