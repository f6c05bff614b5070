"""Bytes on the wire, and everything that can be wrong with them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import fastavro
import pytest
from pydantic import BaseModel, Field

from streamlet_sdk import Avro
from streamlet_sdk.errors import (
    DecodeError,
    EncodeError,
    SchemaConflictError,
    SchemaError,
    UnknownSchemaError,
)
from streamlet_sdk.serde import PortCodec, PortOptions, SchemaBook, port_codec
from streamlet_sdk.serde.avro import AvroCodec
from streamlet_sdk.serde.parsing import parse_schema
from streamlet_sdk.serde.varint import long_bytes
from support.turbines import InvalidMetric, Metric, SensorData, metric, sensor_data


def codec_of(type_: Any, book: SchemaBook | None = None) -> PortCodec[Any]:
    return port_codec(type_, PortOptions(), book or SchemaBook())


def dict_codec(document: Any) -> PortCodec[Any]:
    node = parse_schema(json.dumps(document), "a schema")
    return AvroCodec(node, None, SchemaBook())


def record(*fields: tuple[str, Any]) -> dict[str, Any]:
    parts = [{"name": name, "type": type_} for name, type_ in fields]
    return {"type": "record", "name": "R", "fields": parts}


class Counted(BaseModel):
    count: int = Field(ge=0)


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


def test_a_value_is_written_in_single_object_encoding() -> None:
    codec = codec_of(SensorData)
    value = sensor_data()

    data = codec.encode(value)

    assert data[:2] == b"\xc3\x01"
    assert data[2:10].hex() == codec.schema.fingerprint
    datum = fastavro.schemaless_reader(io.BytesIO(data[10:]), json.loads(codec.schema.text), None)
    assert datum == value.model_dump(by_alias=True)


def test_a_value_comes_back_as_its_model() -> None:
    codec = codec_of(SensorData)

    decoded = codec.decode(codec.encode(sensor_data()))

    assert decoded == sensor_data()
    assert decoded.timestamp.utcoffset() == UTC.utcoffset(None)


def test_a_union_of_models_keeps_the_class_even_with_equal_fields() -> None:
    class Left(BaseModel):
        value: int

    class Right(BaseModel):
        value: int

    codec = codec_of(Left | Right)

    assert type(codec.decode(codec.encode(Right(value=1)))) is Right
    assert type(codec.decode(codec.encode(Left(value=1)))) is Left


def test_a_subclass_is_written_as_the_field_says() -> None:
    class Special(Metric):
        extra: str = "x"

    codec = codec_of(InvalidMetric)
    special = Special(**metric().model_dump())

    decoded = codec.decode(codec.encode(InvalidMetric(metric=special, error="e")))

    assert decoded == InvalidMetric(metric=metric(), error="e")


@pytest.mark.parametrize("value", [{"a": 1}, {}])
def test_a_map_needs_no_model(value: dict[str, int]) -> None:
    codec = codec_of(dict[str, int])

    assert codec.decode(codec.encode(value)) == value


def test_validators_of_the_type_hold_for_what_is_read() -> None:
    codec = codec_of(Counted)
    data = codec.encode(Counted.model_construct(count=-1))

    with pytest.raises(DecodeError, match="no valid Counted: count: Input should be greater"):
        codec.decode(data)


def test_constraints_on_a_bare_type_hold_for_what_is_read() -> None:
    wide, narrow = codec_of(int), codec_of(Annotated[int, Field(ge=0)])

    with pytest.raises(DecodeError, match="greater than or equal to 0"):
        narrow.decode(wide.encode(-1))


# Bytes that do not decode.


def test_an_empty_value_and_no_value_are_decode_errors() -> None:
    codec = codec_of(Metric)

    with pytest.raises(DecodeError, match="0 bytes do not begin like Avro"):
        codec.decode(b"")
    with pytest.raises(DecodeError, match="there is no value: NoneType"):
        codec.decode(None)  # type: ignore[arg-type] # what a tombstone is


def test_bytes_of_another_format_are_named_as_such() -> None:
    with pytest.raises(DecodeError, match="do not begin like Avro in single-object encoding"):
        codec_of(Metric).decode(b'{"deviceId": "c75c", "value": 1}')


@pytest.mark.parametrize("type_", [SensorData, InvalidMetric])
def test_every_truncation_is_a_decode_error(type_: Any) -> None:
    codec = codec_of(type_)
    value = sensor_data() if type_ is SensorData else InvalidMetric(metric=metric(), error="e" * 99)
    data = codec.encode(value)

    for size in range(len(data)):
        with pytest.raises(DecodeError):
            codec.decode(data[:size])


def test_bytes_behind_the_value_are_a_decode_error() -> None:
    codec = codec_of(Metric)

    with pytest.raises(DecodeError, match=r"2 bytes follow the sensordata\.Metric"):
        codec.decode(codec.encode(metric()) + b"xy")


def test_an_unknown_fingerprint_is_said_so_that_the_reader_can_wait() -> None:
    book = SchemaBook()
    codec, writer = codec_of(Metric, book), codec_of(InvalidMetric)
    data = writer.encode(InvalidMetric(metric=metric(), error="e"))

    with pytest.raises(UnknownSchemaError) as caught:
        codec.decode(data)
    book.add(writer.schema.fingerprint, writer.schema.text)

    assert caught.value.fingerprint == writer.schema.fingerprint
    with pytest.raises(DecodeError, match=r"sensordata\.InvalidMetric was written"):
        codec.decode(data)


def test_a_value_of_20_megabytes_is_read() -> None:
    codec = codec_of(str)
    value = "ü" * 10_000_000

    assert codec.decode(codec.encode(value)) == value


def test_a_count_without_items_neither_hangs_nor_fills_the_memory() -> None:
    huge = long_bytes(2**60)

    for items in ("long", "null", {"type": "fixed", "name": "F", "size": 16}, record()):
        codec = dict_codec({"type": "array", "items": items})
        head = codec.encode([])[:-1]
        with pytest.raises(DecodeError, match="fewer items than it says"):
            codec.decode(head + huge)


def test_a_negative_size_and_a_negative_branch_are_decode_errors() -> None:
    text, union = dict_codec("string"), dict_codec(["null", "string"])

    with pytest.raises(DecodeError, match="a size is negative"):
        text.decode(text.encode("")[:10] + b"\x03")
    with pytest.raises(DecodeError, match="a size is negative"):
        union.decode(union.encode(None)[:10] + b"\x01")


def test_a_branch_that_the_union_lacks_is_a_decode_error() -> None:
    codec = dict_codec(["null", "string"])

    with pytest.raises(DecodeError, match="no such branch"):
        codec.decode(codec.encode(None)[:10] + b"\x04")


def test_a_number_of_eleven_bytes_is_a_decode_error() -> None:
    codec = dict_codec("long")

    with pytest.raises(DecodeError, match="more than ten bytes"):
        codec.decode(codec.encode(0)[:10] + b"\xff" * 11)


def test_text_that_is_not_utf_8_is_a_decode_error() -> None:
    codec = dict_codec("string")

    with pytest.raises(DecodeError, match="utf-8"):
        codec.decode(codec.encode("")[:10] + b"\x04\xff\xff")


def test_data_nested_too_deeply_are_a_decode_error() -> None:
    codec = dict_codec(record(("next", ["null", "R"])))
    head = codec.encode({"next": None})[:10]

    with pytest.raises(DecodeError, match="nested too deeply"):
        codec.decode(head + b"\x02" * 100_000 + b"\x00")


def test_an_instant_out_of_pythons_range_is_a_decode_error() -> None:
    class At(BaseModel):
        at: datetime

    class Number(BaseModel):
        __avro__ = Avro(name="At")
        at: int

    number = codec_of(Number)
    data = number.encode(Number(at=2**62))

    with pytest.raises(DecodeError, match="date value out of range"):
        codec_of(At).decode(data)


# Values that do not encode.


def test_an_instance_of_another_class_is_refused() -> None:
    with pytest.raises(EncodeError, match="Metric is not SensorData"):
        codec_of(SensorData).encode(metric())


def test_everything_that_does_not_fit_is_said_with_its_path() -> None:
    wrong = sensor_data().model_copy(
        update={"timestamp": datetime(2017, 1, 1), "device_id": 7}  # noqa: DTZ001
    )
    wrong.measurements.__dict__["power"] = "strong"

    with pytest.raises(EncodeError) as caught:
        codec_of(SensorData).encode(wrong)

    assert "device_id: int is not string (uuid)" in str(caught.value)
    assert "timestamp: does not fit long (timestamp-millis): a datetime with a time zone" in str(
        caught.value
    )
    assert "measurements.power: str is not double" in str(caught.value)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("long", 1.7),
        ("long", 2**63),
        ("long", "3"),
        ("int", 2**31),
        ("boolean", "no"),
        ("boolean", None),
        ("null", 0),
        ("float", 1e300),
        ("double", "1.5"),
        ("string", b"bytes"),
        ("string", "\ud800"),
        ("bytes", "text"),
        ("bytes", [1, 2]),
        ({"type": "array", "items": "string"}, "text"),
        ({"type": "array", "items": "string"}, {"a": 1}),
        ({"type": "array", "items": "string"}, None),
        ({"type": "map", "values": "long"}, [1]),
        ({"type": "map", "values": "long"}, []),
        ({"type": "map", "values": "long"}, {1: 1}),
        ({"type": "enum", "name": "E", "symbols": ["a"]}, "b"),
        ({"type": "enum", "name": "E", "symbols": ["a"]}, []),
        ({"type": "fixed", "name": "F", "size": 2}, b"abc"),
        ({"type": "string", "logicalType": "uuid"}, "no uuid"),
        ({"type": "int", "logicalType": "date"}, datetime(2017, 1, 1, tzinfo=UTC)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, Decimal("1.234")),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, Decimal(100)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, Decimal("NaN")),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, 1.5),
        (["null", "string"], 5),
        (["null", "string", "boolean"], 5),
    ],
)
def test_nothing_is_lost_in_silence(type_: Any, value: Any) -> None:
    codec = dict_codec(record(("part", type_)))

    with pytest.raises(EncodeError, match="does not fit R: part"):
        codec.encode({"part": value})


def test_a_dict_with_an_unknown_key_is_refused() -> None:
    codec = dict_codec(record(("name", "string"), ("note", ["null", "string"])))

    with pytest.raises(EncodeError, match="nmae: R has no such field"):
        codec.encode({"name": "a", "note": None, "nmae": "b"})


def test_a_missing_key_takes_the_default_or_is_refused() -> None:
    document = record(("name", "string"))
    document["fields"].append({"name": "count", "type": "int", "default": 7})
    codec = dict_codec(document)

    assert codec.decode(codec.encode({"name": "a"})) == {"name": "a", "count": 7}
    with pytest.raises(EncodeError, match="name: it is missing and has no default"):
        codec.encode({"count": 7})


def test_a_value_nested_too_deeply_is_refused() -> None:
    tree = Tree(name="root")
    for _ in range(5000):
        tree = Tree.model_construct(name="x", children=[tree])

    with pytest.raises(EncodeError, match="nested too deeply"):
        codec_of(Tree).encode(tree)


def test_a_recursive_model_is_written_and_read() -> None:
    codec = codec_of(Tree)
    tree = Tree(name="a", children=[Tree(name="b", children=[Tree(name="c")]), Tree(name="d")])

    assert codec.decode(codec.encode(tree)) == tree


def test_deeply_nested_containers_are_written_and_read() -> None:
    type_: Any = int
    value: Any = 1
    for _ in range(20):
        type_, value = dict[str, list[type_]], {"a": [value]}
    codec = codec_of(type_)

    assert codec.decode(codec.encode(value)) == value


def test_a_pair_names_the_branch_where_a_dict_could_be_either() -> None:
    left, right = record(("value", "int")), record(("value", "int"))
    left["name"], right["name"] = "plant.Left", "plant.Right"
    codec = dict_codec([left, right])

    assert codec.decode(codec.encode(("plant.Right", {"value": 1}))) == (
        "plant.Right",
        {"value": 1},
    )
    assert codec.decode(codec.encode({"value": 1})) == ("plant.Left", {"value": 1})


def test_numbers_like_numpys_are_written() -> None:
    class Int64:
        def __index__(self) -> int:
            return 5

    codec = dict_codec(record(("count", "long")))

    assert codec.decode(codec.encode({"count": Int64()})) == {"count": 5}


def test_a_float_that_the_narrow_branch_would_cut_goes_to_the_wide_one() -> None:
    codec = dict_codec(["float", "double"])

    assert codec.decode(codec.encode(0.1)) == 0.1


def test_a_codec_whose_schema_contradicts_the_book_is_refused() -> None:
    class Reading(BaseModel):
        at: Annotated[datetime, Avro(logical="timestamp-millis")]

    class Other(BaseModel):
        __avro__ = Avro(name="Reading")
        at: datetime

    book = SchemaBook()
    codec_of(Reading, book)

    with pytest.raises(SchemaConflictError):
        codec_of(Other, book)


def test_the_codec_puts_its_own_schema_into_the_book() -> None:
    book = SchemaBook()

    codec = codec_of(Metric, book)

    assert book.text(codec.schema.fingerprint) == codec.schema.text


def test_a_schema_that_is_too_deep_for_python_is_a_schema_error() -> None:
    document: Any = "long"
    for number in range(400):
        document = {"type": "array", "items": document} if number % 2 else ["null", document]

    with pytest.raises(SchemaError, match="nested too deeply"):
        dict_codec(document)


def test_a_uuid_may_be_text_in_a_dict() -> None:
    codec = dict_codec(record(("id", {"type": "string", "logicalType": "uuid"})))
    text = "c75cb448-df0e-4692-8e06-0321b7703992"

    assert codec.decode(codec.encode({"id": text})) == {"id": UUID(text)}


@pytest.mark.parametrize("text", ["0", "-0.01", "99.99", "-1.28", "1.27", "-99.99", "1E+1"])
def test_decimals_are_exact(text: str) -> None:
    logical = {"logicalType": "decimal", "precision": 4, "scale": 2}
    for underlying in ({"type": "bytes"}, {"type": "fixed", "name": "F", "size": 3}):
        codec = dict_codec({**underlying, **logical})

        assert codec.decode(codec.encode(Decimal(text))) == Decimal(text)


def test_a_decimal_with_more_digits_than_its_type_is_a_decode_error() -> None:
    wide = dict_codec(
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": "bytes"}]}
    ).encode({"a": b"\x7f" * 100})
    logical = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}

    with pytest.raises(DecodeError, match="more digits than decimal"):
        dict_codec(record(("a", logical))).decode(wide)
