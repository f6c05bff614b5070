"""Protobuf messages; their classes are made here, without generated files."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from streamlet_sdk.errors import DecodeError, EncodeError, MissingExtraError, SchemaError
from streamlet_sdk.serde import (
    InvalidJsonError,
    PortCodec,
    PortOptions,
    Schema,
    SchemaBook,
    from_json,
    json_value,
    port_codec,
    port_schema,
    unreadable,
    value_json,
)

FieldType = descriptor_pb2.FieldDescriptorProto


def message_class(*, inner_type: str = "int32", **fields: tuple[int, str]) -> Any:
    """A class `plant.Reading` with fields of a number and a type (`repeated int32`, `Inner`)."""
    file = descriptor_pb2.FileDescriptorProto(name="r.proto", package="plant", syntax="proto2")
    inner = file.message_type.add(name="Inner")
    add_field(inner, "x", 1, inner_type)
    level = file.enum_type.add(name="Level")
    level.value.add(name="LOW", number=0)
    level.value.add(name="HIGH", number=1)
    short = file.enum_type.add(name="Short")
    short.value.add(name="ONLY", number=0)
    reading = file.message_type.add(name="Reading")
    for name, (number, type_) in fields.items():
        add_field(reading, name, number, type_)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("plant.Reading"))


def add_field(reading: Any, name: str, number: int, type_: str) -> None:
    labels = {"repeated": FieldType.LABEL_REPEATED, "required": FieldType.LABEL_REQUIRED}
    label, _, kind = type_.rpartition(" ")
    field = reading.field.add(name=name, number=number, label=labels.get(label, 1))
    if kind[0].isupper():
        field.type_name = f".plant.{kind}"
    else:
        field.type = FieldType.Type.Value(f"TYPE_{kind.upper()}")


READING = message_class(id=(1, "string"), value=(2, "double"), inner=(3, "Inner"))


def codec_of(type_: Any) -> PortCodec[Any]:
    return port_codec(type_, PortOptions(), SchemaBook())


def schema_of(**fields: tuple[int, str]) -> Schema:
    return port_schema(message_class(**fields), PortOptions())


def with_inner(inner_type: str) -> Schema:
    return port_schema(message_class(inner_type=inner_type, inner=(1, "Inner")), PortOptions())


def test_a_message_is_written_bare() -> None:
    codec, value = codec_of(READING), READING(id="a", value=1.5)

    data = codec.encode(value)

    assert data == value.SerializeToString()
    assert codec.decode(data) == value
    assert codec.schema.format == "proto"
    assert codec.schema.name == "plant.Reading"


def test_a_message_of_another_class_is_refused() -> None:
    with pytest.raises(EncodeError, match=r"a Reading is not a plant\.Reading"):
        codec_of(READING).encode(message_class(id=(1, "string"))(id="a"))


def test_a_message_without_a_required_field_is_refused() -> None:
    class_ = message_class(id=(1, "required string"))

    with pytest.raises(EncodeError, match="missing required"):
        codec_of(class_).encode(class_())


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05a", None])
def test_bytes_that_are_no_message_are_a_decode_error(data: Any) -> None:
    with pytest.raises(DecodeError, match=r"hold no plant\.Reading"):
        codec_of(READING).decode(data)


def test_json_is_protobufs_own() -> None:
    codec, value = codec_of(READING), READING(id="a", value=1.5, inner={"x": 7})

    assert json_value(codec, value_json(codec, value)) == value
    for document in ({"unknown": 1}, {"value": "x"}, 7, None):
        with pytest.raises(InvalidJsonError):
            from_json(codec, document)


def test_the_same_message_has_the_same_schema() -> None:
    assert schema_of(id=(1, "string")) == schema_of(id=(1, "string"))
    assert schema_of(id=(1, "string")) != schema_of(id=(1, "bytes"))


@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        ({"a": (1, "int32"), "b": (2, "string")}, {"a": (1, "int32")}),
        ({"a": (1, "int32")}, {"a": (1, "int32"), "b": (2, "string")}),
        ({"a": (1, "int32")}, {"renamed": (1, "int64")}),
        ({"a": (1, "bool")}, {"a": (1, "int32")}),
        ({"a": (1, "string")}, {"a": (1, "bytes")}),
        ({"a": (1, "int32")}, {"a": (1, "repeated int32")}),
        ({"a": (1, "Inner")}, {"a": (1, "Inner")}),
        ({"a": (1, "Short")}, {"a": (1, "Level")}),
    ],
)
def test_a_compatible_message_is_readable(writer: Any, reader: Any) -> None:
    assert unreadable(schema_of(**writer), schema_of(**reader)) == ()


@pytest.mark.parametrize(
    ("writer", "reader", "reason"),
    [
        ({"a": (1, "int64")}, {"a": (1, "int32")}, "a: int64 was written, int32 is expected"),
        ({"a": (1, "int32")}, {"a": (1, "sint32")}, "a: int32 was written, sint32 is expected"),
        ({"a": (1, "string")}, {"a": (1, "Inner")}, "a: string was written, message is expected"),
        ({"a": (1, "repeated int32")}, {"a": (1, "int32")}, "a: many were written, one is"),
        ({}, {"a": (1, "required int32")}, "a: it is required and was not written"),
        ({"a": (1, "int32")}, {"a": (1, "required int32")}, "a: it is required and may be missing"),
        ({"a": (1, "Level")}, {"a": (1, "Short")}, "a: Short lacks HIGH"),
    ],
)
def test_an_incompatible_message_has_its_reason(writer: Any, reader: Any, reason: str) -> None:
    found = unreadable(schema_of(**writer), schema_of(**reader))

    assert len(found) == 1
    assert found[0].startswith(reason)


def test_nested_messages_are_compared_too() -> None:
    wide = with_inner("int64")

    assert unreadable(wide, wide) == ()
    assert unreadable(wide, with_inner("int32")) == (
        "inner.x: int64 was written, int32 is expected",
    )


def test_a_text_that_is_no_descriptor_is_a_schema_error() -> None:
    broken = Schema("proto", "plant.Reading", "AAAA", "0" * 16)

    with pytest.raises(SchemaError, match="not a protobuf schema"):
        unreadable(broken, schema_of(a=(1, "int32")))


def test_without_protobuf_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = schema_of(a=(1, "int32")), schema_of(a=(1, "int64"))
    monkeypatch.setitem(sys.modules, "google.protobuf.descriptor_pb2", None)

    with pytest.raises(MissingExtraError, match=r"cloudflow-streamlets\[proto\]"):
        unreadable(one, other)
    with pytest.raises(MissingExtraError, match=r"cloudflow-streamlets\[proto\]"):
        port_schema(READING, PortOptions())
