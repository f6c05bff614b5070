"""What a process knows of writers' schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamlet_sdk.errors import SchemaConflictError, SchemaError
from streamlet_sdk.serde import SchemaBook
from streamlet_sdk.serde.canonical import fingerprint
from streamlet_sdk.serde.parsing import parse_schema


def reading(type_: Any) -> tuple[str, str]:
    """A schema's fingerprint and text."""
    document = {"type": "record", "name": "Reading", "fields": [{"name": "at", "type": type_}]}
    text = json.dumps(document)
    return fingerprint(parse_schema(text, "Reading")), text


MILLIS = reading({"type": "long", "logicalType": "timestamp-millis"})
MICROS = reading({"type": "long", "logicalType": "timestamp-micros"})


def decimal(scale: int) -> tuple[str, str]:
    return reading({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale})


def test_a_schema_is_found_by_its_fingerprint() -> None:
    book = SchemaBook()

    book.add(*MILLIS)

    assert book.text(MILLIS[0]) == MILLIS[1]
    assert book.text("0" * 16) is None


def test_adding_a_known_schema_again_keeps_the_first_text() -> None:
    book = SchemaBook()
    book.add(*MILLIS)

    book.add(MILLIS[0], MILLIS[1].replace('"at"', '"at" '))

    assert book.text(MILLIS[0]) == MILLIS[1]


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (MILLIS, MICROS, "value.at is timestamp-millis there and timestamp-micros here"),
        (MILLIS, reading("long"), "value.at is timestamp-millis there and plain here"),
        (decimal(2), decimal(4), "value.at is decimal(9, 2) there and decimal(9, 4) here"),
    ],
)
def test_other_logical_types_under_a_known_fingerprint_are_refused(
    one: tuple[str, str], other: tuple[str, str], difference: str
) -> None:
    assert one[0] == other[0]
    book = SchemaBook()
    book.add(*one)

    with pytest.raises(SchemaConflictError, match="known already") as caught:
        book.add(*other)

    assert difference in str(caught.value)
    assert book.text(one[0]) == one[1]


def test_a_text_with_another_fingerprint_is_refused() -> None:
    with pytest.raises(SchemaError, match=f"has the fingerprint {MILLIS[0]}"):
        SchemaBook().add("0" * 16, MILLIS[1])


def test_a_text_that_is_no_schema_is_refused() -> None:
    with pytest.raises(SchemaError, match="is not JSON"):
        SchemaBook().add("0" * 16, "{")


def test_a_conflict_deep_in_a_recursive_schema_is_found() -> None:
    def tree(unit: str) -> tuple[str, str]:
        instant = {"type": "long", "logicalType": f"timestamp-{unit}"}
        fields = [
            {"name": "children", "type": {"type": "array", "items": "Tree"}},
            {"name": "at", "type": ["null", instant]},
        ]
        text = json.dumps({"type": "record", "name": "Tree", "fields": fields})
        return fingerprint(parse_schema(text, "Tree")), text

    book = SchemaBook()
    book.add(*tree("millis"))

    with pytest.raises(SchemaConflictError, match=r"value\.at is timestamp-millis"):
        book.add(*tree("micros"))


def test_a_followed_book_gives_no_own_schema_before_it_is_published_or_accepted() -> None:
    book = SchemaBook()
    book.follow()
    book.declare(*MILLIS)
    assert book.node(MILLIS[0]) is None
    assert not book.accepts(MILLIS[0])
    assert book.accept(MILLIS[0])
    assert book.accepts(MILLIS[0])
    assert not book.accept("0" * 16)


def test_what_a_writer_published_counts_more_than_an_accepted_schema() -> None:
    book = SchemaBook()
    book.follow()
    book.declare(*MILLIS)
    book.accept(MILLIS[0])
    book.add(*MICROS)
    assert not book.accepts(MILLIS[0])
    assert book.text(MILLIS[0]) == MICROS[1]
    with pytest.raises(SchemaConflictError):
        book.declare(*MILLIS)
