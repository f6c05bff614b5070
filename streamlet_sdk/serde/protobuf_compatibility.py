"""Whether a protobuf reader understands a writer: numbers, types and labels of fields, all the way.

https://protobuf.dev/programming-guides/proto3/#updating. Stricter in one point: a change that
parses but may cut numbers or drop repeated values is a reason, because it loses data in silence.
Names do not matter on the wire and are not compared.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.errors import MissingExtraError, SchemaError
from streamlet_sdk.serde.fitting import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamlet_sdk.serde.schema import Schema

# Numbers of FieldDescriptorProto.Type, which never change.
_TYPES: Final[Mapping[int, str]] = {
    1: "double",
    2: "float",
    3: "int64",
    4: "uint64",
    5: "int32",
    6: "fixed64",
    7: "fixed32",
    8: "bool",
    9: "string",
    10: "group",
    11: "message",
    12: "bytes",
    13: "uint32",
    14: "enum",
    15: "sfixed32",
    16: "sfixed64",
    17: "sint32",
    18: "sint64",
}
_WIDER: Final[Mapping[str, tuple[str, ...]]] = {
    "int32": ("int64",),
    "uint32": ("uint64", "int64"),
    "bool": ("int32", "int64", "uint32", "uint64"),
    "enum": ("int32", "int64"),
    "sint32": ("sint64",),
    "string": ("bytes",),
    "message": ("bytes",),
}


def unreadable_messages(writer: Schema, reader: Schema) -> tuple[str, ...]:
    """Why a reader cannot read all that a writer writes; empty when it can.

    Raises:
        SchemaError: when a schema's text is not a set of files with its message.
        MissingExtraError: when protobuf is not installed.
    """
    written, expected = _message(writer), _message(reader)
    return tuple(_message_reasons(written, expected, "", set()))


def _message(schema: Schema) -> Any:
    try:
        from google.protobuf.descriptor_pb2 import FileDescriptorSet
        from google.protobuf.descriptor_pool import DescriptorPool
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingExtraError("comparing protobuf schemas", "proto") from error
    pool = DescriptorPool()
    try:
        for file in FileDescriptorSet.FromString(base64.b64decode(schema.text)).file:
            pool.Add(file)
        return pool.FindMessageTypeByName(schema.name)
    except (DecodeError, KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"the schema of {schema.name} is not a protobuf schema") from error


def _message_reasons(
    writer: Any, reader: Any, path: str, seen: set[tuple[str, str]]
) -> Iterator[str]:
    pair = (writer.full_name, reader.full_name)
    if pair in seen:
        return
    seen.add(pair)
    expected = {field.number: field for field in reader.fields}
    for field in writer.fields:
        other = expected.pop(field.number, None)
        if other is not None:
            yield from _field_reasons(field, other, join(path, other.name), seen)
    for field in expected.values():
        if field.is_required:
            yield f"{join(path, field.name)}: it is required and was not written"


def _field_reasons(
    writer: Any, reader: Any, path: str, seen: set[tuple[str, str]]
) -> Iterator[str]:
    written, expected = _TYPES[writer.type], _TYPES[reader.type]
    if written != expected and expected not in _WIDER.get(written, ()):
        yield f"{path}: {written} was written, {expected} is expected"
    if writer.is_repeated and not reader.is_repeated:
        yield f"{path}: many were written, one is expected"
    if reader.is_required and not writer.is_required:
        yield f"{path}: it is required and may be missing"
    if written == expected == "enum" and reader.enum_type.is_closed:
        known = {value.number for value in reader.enum_type.values}
        unknown = [value.name for value in writer.enum_type.values if value.number not in known]
        if unknown:
            yield f"{path}: {reader.enum_type.name} lacks {', '.join(unknown)}"
    if written == expected and writer.message_type is not None:
        yield from _message_reasons(writer.message_type, reader.message_type, path, seen)
