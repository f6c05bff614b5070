"""Avro schema texts that are wrong: every problem is said, with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde.nodes import Primitive, Record
from streamlet_sdk.serde.parsing import parse_schema


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields), **more}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (7, "schema: a type is a name"),
        ("lnog", "schema: there is no type 'lnog'"),
        ([], "schema: a union needs at least one type"),
        (["int", "int"], "schema: a union cannot contain 'int' twice"),
        (["null", ["int"]], "schema: a union cannot contain a union"),
        ({"type": "array"}, "schema.items: a type is a name"),
        ({"type": "record", "name": "R"}, "schema: a record needs 'fields'"),
        (record(name="a-b"), "schema: 'a-b' is not an Avro name"),
        (record(namespace="1"), "schema: '1' is not an Avro namespace"),
        (record(aliases="Old"), "schema: 'aliases' must be a list of names"),
        (record({"type": "int"}), "schema.fields[0]: None is not an Avro name"),
        (
            record({"name": "a", "type": "int"}, {"name": "a", "type": "int"}),
            "schema: the field 'a' is there twice",
        ),
        (
            record({"name": "a", "type": "int", "default": "x"}),
            "schema.fields[0]: the default does not fit: 'x' is not int",
        ),
        (record({"name": "a", "type": "R"}), "every value would be endless"),
        (record({"name": "a", "type": record()}), "the type 'R' is defined twice"),
        ({"type": "enum", "name": "E", "symbols": []}, "an enum needs symbols"),
        ({"type": "enum", "name": "E", "symbols": ["a", "a"]}, "an enum needs symbols"),
        ({"type": "enum", "name": "E", "symbols": ["a b"]}, "'a b' in 'symbols' is not"),
        (
            {"type": "enum", "name": "E", "symbols": ["a"], "default": "b"},
            "the default 'b' is none of the symbols",
        ),
        ({"type": "fixed", "name": "F", "size": "4"}, "the size '4' is not a number of bytes"),
        ({"type": "bytes", "logicalType": "decimal"}, "a decimal needs a precision"),
    ],
)
def test_a_wrong_schema_is_refused_with_the_place(document: Any, sentence: str) -> None:
    with pytest.raises(SchemaError, match=r"SensorData\.avsc is not a valid Avro schema") as caught:
        parse_schema(json.dumps(document), "SensorData.avsc")

    assert sentence in str(caught.value)


def test_all_problems_are_reported_together() -> None:
    document = record({"name": "a", "type": "lnog"}, {"name": "1", "type": "int"})

    with pytest.raises(SchemaError) as caught:
        parse_schema(json.dumps(document), "it")

    assert str(caught.value).count("\n") == 2


def test_a_text_of_brackets_is_refused_without_exhausting_the_stack() -> None:
    with pytest.raises(SchemaError, match="nested too deeply"):
        parse_schema("[" * 100_000, "it")


def test_an_unknown_logical_type_is_kept_and_means_nothing() -> None:
    node = parse_schema('{"type": "string", "logicalType": "colour"}', "it")

    assert isinstance(node, Primitive)
    assert str(node.logical) == "colour"


def test_a_logical_type_on_a_type_that_it_does_not_suit_is_ignored() -> None:
    node = parse_schema('{"type": "string", "logicalType": "date"}', "it")

    assert isinstance(node, Primitive)
    assert node.logical is None


def test_names_are_looked_up_in_the_enclosing_namespace() -> None:
    document = record(
        {"name": "one", "type": {"type": "fixed", "name": "Hash", "size": 2}},
        {"name": "two", "type": "Hash"},
        namespace="plant",
    )

    node = parse_schema(json.dumps(document), "it")

    assert isinstance(node, Record)
    assert node.fields[0].type is node.fields[1].type
