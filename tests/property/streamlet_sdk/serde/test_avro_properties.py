"""Avro, over generated schemas and values."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import avro.errors
import avro.io
import avro.schema
import fastavro
import fastavro.schema
from hypothesis import assume, given
from hypothesis import strategies as st

from streamlet_sdk.errors import DecodeError, UnknownSchemaError
from streamlet_sdk.serde import PortCodec, SchemaBook, json_value, unreadable, value_json
from streamlet_sdk.serde.avro import AvroCodec, avro_schema
from streamlet_sdk.serde.canonical import (
    HEADER_SIZE_BYTES,
    canonical_form,
    fingerprint,
    schema_text,
)
from streamlet_sdk.serde.parsing import parse_schema
from support.avro_schemas import (
    later_documents,
    record_documents,
    schema_documents,
    values_of,
    without_logical,
)

if TYPE_CHECKING:
    from streamlet_sdk.serde.nodes import Node


def parsed(document: Any) -> Node:
    return parse_schema(json.dumps(document), "a drawn schema")


def codec_of(node: Node, book: SchemaBook | None = None) -> PortCodec[Any]:
    return AvroCodec(node, None, book or SchemaBook())


@given(schema_documents(), st.data())
def test_what_is_encoded_decodes_to_the_same_value(document: Any, data: st.DataObject) -> None:
    node = parsed(document)
    codec, value = codec_of(node), data.draw(values_of(node))

    assert codec.decode(codec.encode(value)) == value


@given(schema_documents(), st.data())
def test_json_of_a_value_is_accepted_again(document: Any, data: st.DataObject) -> None:
    node = parsed(document)
    codec, value = codec_of(node), data.draw(values_of(node))

    again = json_value(codec, value_json(codec, value))

    assert codec.encode(again) == codec.encode(value)


@given(schema_documents())
def test_the_text_of_a_schema_parses_to_the_same_schema(document: Any) -> None:
    node = parsed(document)

    again = parse_schema(schema_text(node), "its text")

    assert schema_text(again) == schema_text(node)
    assert fingerprint(again) == fingerprint(node)


@given(schema_documents())
def test_fastavro_and_avro_make_the_same_canonical_form_and_fingerprint(document: Any) -> None:
    node, plain = parsed(document), without_logical(document)

    fastavro_form = fastavro.schema.to_parsing_canonical_form(plain)
    avro_schema_ = avro.schema.parse(json.dumps(plain))

    assert canonical_form(node) == fastavro_form == avro_schema_.canonical_form
    assert fingerprint(node) == fastavro.schema.fingerprint(fastavro_form, "CRC-64-AVRO")
    assert fingerprint(node) == avro_schema_.fingerprint("CRC-64-AVRO").hex()


@given(schema_documents(has_logical=False), st.data())
def test_fastavro_and_avro_read_the_same_value(document: Any, data: st.DataObject) -> None:
    node = parsed(document)
    value = data.draw(values_of(node))
    assume(not _has_pairs(value))
    datum = codec_of(node).encode(value)[HEADER_SIZE_BYTES:]

    assert fastavro.schemaless_reader(io.BytesIO(datum), document, None) == value
    reader = avro.io.DatumReader(avro.schema.parse(json.dumps(document)))
    assert reader.read(avro.io.BinaryDecoder(io.BytesIO(datum))) == value


@given(schema_documents(), st.data())
def test_fastavro_reads_logical_types_as_the_same_values(
    document: Any, data: st.DataObject
) -> None:
    node = parsed(document)
    value = data.draw(values_of(node))
    assume(not _has_pairs(value))
    datum = codec_of(node).encode(value)[HEADER_SIZE_BYTES:]

    assert fastavro.schemaless_reader(io.BytesIO(datum), document, None) == value


@given(schema_documents(), st.data())
def test_a_reader_without_reasons_against_it_reads_every_value(
    document: Any, data: st.DataObject
) -> None:
    writer, reader = parsed(document), parsed(data.draw(later_documents(document)))
    reasons = unreadable(avro_schema(writer), avro_schema(reader))
    value = data.draw(values_of(writer))
    book = SchemaBook()
    reading = codec_of(reader, book)
    data_ = codec_of(writer, book).encode(value)

    if reasons:
        try:
            read = reading.decode(data_)
        except DecodeError:
            return
    else:
        read = reading.decode(data_)

    reading.encode(read)  # what was read is a value of the reader's schema


@given(record_documents(has_logical=False), st.data())
def test_avro_resolves_versions_to_the_same_value(document: Any, data: st.DataObject) -> None:
    later = data.draw(later_documents(document))
    writer, reader = parsed(document), parsed(later)
    value = data.draw(values_of(writer))
    assume(not _has_pairs(value))
    assume(not unreadable(avro_schema(writer), avro_schema(reader)))
    book = SchemaBook()
    encoded = codec_of(writer, book).encode(value)
    reading = codec_of(reader, book)
    ours = reading.decode(encoded)

    theirs = avro.io.DatumReader(
        avro.schema.parse(json.dumps(document)), avro.schema.parse(json.dumps(later))
    )
    try:
        expected = theirs.read(avro.io.BinaryDecoder(io.BytesIO(encoded[HEADER_SIZE_BYTES:])))
    except avro.errors.AvroException:
        return  # it lacks aliases, defaults of enums, and 7 as the default of a float
    # Compared as bytes: `avro` leaves a long that became a double a whole number.
    assert reading.encode(ours) == reading.encode(expected)


@given(schema_documents(), st.binary(max_size=60))
def test_any_bytes_decode_or_are_a_decode_error(document: Any, datum: bytes) -> None:
    codec = codec_of(parsed(document))
    header = bytes.fromhex("c301" + codec.schema.fingerprint)

    for data in (datum, header + datum):
        try:
            codec.decode(data)
        except (DecodeError, UnknownSchemaError):
            continue


def _has_pairs(value: Any) -> bool:
    match value:
        case tuple():
            return True
        case list():
            return any(map(_has_pairs, value))
        case dict():
            return any(map(_has_pairs, value.values()))
        case _:
            return False
