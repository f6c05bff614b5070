"""Whether a reader understands what a writer writes, by their schemas alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlet_sdk.serde.parsing import parse_schema
from streamlet_sdk.serde.protobuf_compatibility import unreadable_messages
from streamlet_sdk.serde.reading import make_reader

if TYPE_CHECKING:
    from streamlet_sdk.serde.schema import Schema


def unreadable(writer: Schema, reader: Schema) -> tuple[str, ...]:
    """Why a reader with `reader` cannot read all that a writer with `writer` writes.

    Avro follows the specification's rules of resolution, and logical types must be equal.
    Protobuf compares field numbers, types and labels. JSON must have an equal schema, since what
    else a validator accepts cannot be told from a schema. A user's codec must be the same.

    Returns:
        The reasons; none when every value can be read.

    Raises:
        SchemaError: when a schema's text is not valid.
        MissingExtraError: when protobuf schemas are compared and the extra is not installed.
    """
    if writer.format != reader.format:
        return (f"{writer.format} was written, {reader.format} is expected",)
    if writer == reader:
        return ()
    match writer.format:
        case "avro":
            return _avro(writer, reader)
        case "proto":
            return unreadable_messages(writer, reader)
        case _ if writer.fingerprint != reader.fingerprint:
            return (f"{writer.name} was written, {reader.name} is expected; they must be equal",)
        case _:
            return ()


def _avro(writer: Schema, reader: Schema) -> tuple[str, ...]:
    written = parse_schema(writer.text, writer.name)
    expected = parse_schema(reader.text, reader.name)
    reasons = make_reader(written, expected, is_exact=True).reasons
    return tuple(str(reason) for reason in reasons)
