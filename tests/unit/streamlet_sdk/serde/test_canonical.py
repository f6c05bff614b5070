"""Canonical form and fingerprints, against the values that the specification's tests give."""

from __future__ import annotations

import json

import fastavro.schema
import pytest

from streamlet_sdk.serde.canonical import (
    canonical_form,
    fingerprint,
    header,
    header_fingerprint,
    schema_text,
)
from streamlet_sdk.serde.parsing import parse_schema

# From share/test/data/schema-tests.txt of Apache Avro, as signed numbers.
VECTORS = {
    '"null"': 7195948357588979594,
    '"boolean"': -6970731678124411036,
    '"int"': 8247732601305521295,
    '"long"': -3434872931120570953,
    '"float"': 5583340709985441680,
    '"double"': -8181574048448539266,
    '"bytes"': 5746618253357095269,
    '"string"': -8142146995180207161,
    '["int"]': -5232228896498058493,
    '["int","boolean"]': 5392556393470105090,
    '{"name":"foo","type":"record","fields":[]}': -4824392279771201922,
    '{"name":"a.b.foo","type":"record","fields":[]}': -4616218487480524110,
    '{"name":"x.y.foo","type":"record","fields":[]}': 5916914534497305771,
    '{"name":"PigValue","type":"record","fields":[{"name":"value","type":'
    '["null","int","long","PigValue"]}]}': -1759257747318642341,
    '{"name":"foo","type":"enum","symbols":["A1"]}': -6342190197741309591,
    '{"name":"foo","type":"fixed","size":15}': 1756455273707447556,
    '{"type":"array","items":"null"}': -589620603366471059,
    '{"type":"map","values":"string"}': -8732877298790414990,
}


@pytest.mark.parametrize(("form", "expected"), VECTORS.items())
def test_fingerprints_are_the_specifications_values(form: str, expected: int) -> None:
    known = fingerprint(parse_schema(form, "form"))
    assert int.from_bytes(bytes.fromhex(known), "little") == expected % 2**64


@pytest.mark.parametrize("form", VECTORS)
def test_a_canonical_form_is_its_own_canonical_form(form: str) -> None:
    assert canonical_form(parse_schema(form, "form")) == form


def test_the_header_is_the_marker_and_the_fingerprint_in_the_order_of_the_wire() -> None:
    known = fingerprint(parse_schema('"null"', "null"))

    assert header(known) == b"\xc3\x01" + (7195948357588979594).to_bytes(8, "little")
    assert header_fingerprint(header(known) + b"datum") == known


def test_canonical_form_leaves_out_what_a_parser_does_not_need() -> None:
    full = {
        "type": "record",
        "doc": "A reading.",
        "name": "Reading",
        "namespace": "plant",
        "aliases": ["Old"],
        "fields": [
            {
                "name": "at",
                "type": {"type": "long", "logicalType": "timestamp-millis"},
                "default": 0,
                "order": "ignore",
            }
        ],
    }

    form = canonical_form(parse_schema(json.dumps(full), "Reading"))

    assert json.loads(form) == {
        "name": "plant.Reading",
        "type": "record",
        "fields": [{"name": "at", "type": "long"}],
    }


def test_a_fixed_that_is_used_twice_is_written_once() -> None:
    document = {
        "type": "record",
        "name": "plant.Pair",
        "fields": [
            {"name": "one", "type": {"type": "fixed", "name": "plant.Hash", "size": 4}},
            {"name": "two", "type": "plant.Hash"},
        ],
    }

    form = canonical_form(parse_schema(json.dumps(document), "Pair"))

    assert form == fastavro.schema.to_parsing_canonical_form(document)
    assert form.count("fixed") == 1


def test_a_name_without_namespace_inside_a_namespace_keeps_none_in_the_text() -> None:
    document = {
        "type": "record",
        "name": "plant.Outer",
        "fields": [
            {"name": "bare", "type": {"type": "fixed", "name": "Bare", "namespace": "", "size": 1}},
        ],
    }
    node = parse_schema(json.dumps(document), "Outer")

    again = parse_schema(schema_text(node), "Outer")

    assert schema_text(again) == schema_text(node)
    assert fingerprint(again) == fingerprint(node)
