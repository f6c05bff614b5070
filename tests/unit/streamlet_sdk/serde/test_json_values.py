"""JSON to values and back: what HTTP, feeds and taps rely on."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict

from streamlet_sdk import Avro
from streamlet_sdk.errors import DecodeError, EncodeError
from streamlet_sdk.serde import (
    InvalidJsonError,
    PortCodec,
    PortOptions,
    SchemaBook,
    from_json,
    json_value,
    port_codec,
    value_json,
)
from streamlet_sdk.serde.avro import AvroCodec
from streamlet_sdk.serde.parsing import parse_schema
from support.turbines import DEVICE, NOON, SensorData, sensor_data

POSTED = {
    "deviceId": "c75cb448-df0e-4692-8e06-0321b7703992",
    "timestamp": 1495545646279,
    "measurements": {"power": 1.7, "rotorSpeed": 3.9, "windSpeed": 105.9},
}


def codec_of(type_: Any) -> PortCodec[Any]:
    return port_codec(type_, PortOptions(), SchemaBook())


def dict_codec(*fields: tuple[str, Any]) -> PortCodec[Any]:
    parts = [{"name": name, "type": type_} for name, type_ in fields]
    document = {"type": "record", "name": "R", "fields": parts}
    return AvroCodec(parse_schema(json.dumps(document), "R"), None, SchemaBook())


def problems_of(codec: PortCodec[Any], document: Any) -> dict[str, str]:
    with pytest.raises(InvalidJsonError) as caught:
        from_json(codec, document)
    return {problem.path: problem.sentence for problem in caught.value.problems}


def test_cloudflows_sample_is_a_reading() -> None:
    assert json_value(codec_of(SensorData), json.dumps(POSTED).encode()) == sensor_data()


def test_instants_may_be_numbers_or_text() -> None:
    codec = codec_of(SensorData)

    for instant in (1495545646279, 1495545646279.0, "2017-05-23T13:20:46.279Z"):
        assert from_json(codec, {**POSTED, "timestamp": instant}).timestamp == NOON


def test_a_number_is_in_the_unit_of_its_type_whatever_its_size() -> None:
    class At(BaseModel):
        millis: Annotated[datetime, Avro(logical="timestamp-millis")]
        micros: datetime | None
        days: list[date]
        clock: time

    value = from_json(codec_of(At), {"millis": 1, "micros": 1, "days": [1], "clock": 1_000_000})

    assert value == At(
        millis=datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC),
        micros=datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        days=[date(1970, 1, 2)],
        clock=time(0, 0, 1),
    )


def test_every_problem_is_reported_with_its_path() -> None:
    document = {
        "deviceId": "c75cb448-…",
        "timestamp": "yesterday",
        "measurements": {"power": "strong", "windSpeed": 1.0},
    }

    found = problems_of(codec_of(SensorData), document)

    assert list(found) == [
        "deviceId",
        "timestamp",
        "measurements.power",
        "measurements.rotorSpeed",
    ]
    assert found["measurements.rotorSpeed"] == "Field required."


def test_what_is_no_json_is_one_problem() -> None:
    for data in (b"", b'{"deviceId":', b"\xff", b"[" * 100_000):
        with pytest.raises(InvalidJsonError, match="value: it is not JSON") as caught:
            json_value(codec_of(SensorData), data)
        assert len(caught.value.problems) == 1


def test_the_error_is_also_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        json_value(codec_of(SensorData), b"7")


def test_an_instant_without_zone_is_refused_where_one_is_needed() -> None:
    found = problems_of(codec_of(SensorData), {**POSTED, "timestamp": "2017-05-23T13:20:46"})

    assert "a datetime with a time zone is needed" in found["timestamp"]


def test_a_number_out_of_range_is_a_problem() -> None:
    class Count(BaseModel):
        count: int
        at: datetime

    codec = codec_of(Count)

    assert problems_of(codec, {"count": 2**63, "at": 0}) == {
        "count": "the number is too large for long."
    }
    assert problems_of(codec, {"count": 0, "at": 2**70}) == {
        "at": "the number is out of range for timestamp-micros."
    }


def test_a_value_is_one_line_of_json() -> None:
    line = value_json(codec_of(SensorData), sensor_data())

    assert "\n" not in line
    assert json.loads(line) == {**POSTED, "timestamp": "2017-05-23T13:20:46.279000+00:00"}


def test_numbers_that_json_lacks_are_words() -> None:
    class Number(BaseModel):
        value: float

    codec = codec_of(Number)

    for number, word in ((float("inf"), "Infinity"), (float("-inf"), "-Infinity")):
        line = value_json(codec, Number(value=number))
        assert json.loads(line) == {"value": word}
        assert json_value(codec, line).value == number
    assert value_json(codec, Number(value=float("nan"))) == '{"value":"NaN"}'


def test_bytes_are_text_of_one_character_per_byte() -> None:
    class Data(BaseModel):
        model_config = ConfigDict(strict=True)
        data: bytes
        id: UUID
        tags: set[str]

    codec, value = codec_of(Data), Data(data=b"\x00\xff", id=DEVICE, tags={"a"})

    assert json.loads(value_json(codec, value))["data"] == "\x00\xff"
    assert json_value(codec, value_json(codec, value)) == value
    assert problems_of(codec, {"data": "€", "id": str(DEVICE), "tags": []}) == {
        "data": "bytes need text of one character per byte."
    }


def test_a_dict_has_the_python_values_of_its_schema() -> None:
    codec = dict_codec(
        ("id", {"type": "string", "logicalType": "uuid"}),
        ("at", {"type": "long", "logicalType": "timestamp-millis"}),
        ("on", {"type": "int", "logicalType": "date"}),
        ("price", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
        ("data", "bytes"),
        ("note", ["null", "string"]),
    )
    document = {
        "id": str(DEVICE),
        "at": 1495545646279,
        "on": "2017-05-23",
        "price": "12.3",
        "data": "\xff",
        "note": None,
    }

    value = from_json(codec, document)

    assert value == {
        "id": DEVICE,
        "at": NOON,
        "on": date(2017, 5, 23),
        "price": Decimal("12.30"),
        "data": b"\xff",
        "note": None,
    }
    assert from_json(codec, {**document, "at": "2017-05-23T15:20:46.279+02:00"})["at"] == NOON
    assert from_json(codec, {**document, "price": 12.3})["price"] == Decimal("12.30")


def test_every_problem_of_a_dict_is_reported_with_its_path() -> None:
    codec = dict_codec(
        ("id", {"type": "string", "logicalType": "uuid"}),
        ("at", {"type": "long", "logicalType": "timestamp-millis"}),
        ("counts", {"type": "array", "items": "int"}),
        ("names", {"type": "map", "values": "string"}),
        ("level", {"type": "enum", "name": "E", "symbols": ["low"]}),
        ("maybe", ["null", "long"]),
        ("either", ["string", "long"]),
        ("missing", "string"),
    )

    found = problems_of(
        codec,
        {
            "id": "x",
            "at": "soon",
            "counts": [1, "2", 2**31, True],
            "names": {"a": 1},
            "level": "high",
            "maybe": "x",
            "either": 1.5,
            "typo": 1,
        },
    )

    assert set(found) == {
        "id",
        "at",
        "counts.1",
        "counts.2",
        "counts.3",
        "names.a",
        "level",
        "maybe",
        "either",
        "missing",
        "typo",
    }
    assert found["missing"] == "it is missing and has no default."
    assert found["typo"] == "R has no such field."


@pytest.mark.parametrize("document", [None, 7, "text", []])
def test_a_document_of_the_wrong_kind_is_a_problem_without_a_path(document: Any) -> None:
    assert list(problems_of(dict_codec(("a", "int")), document)) == [""]


def test_a_branch_is_named_in_json_only_where_it_must_be() -> None:
    codec = dict_codec(("either", ["bytes", "string", "long"]))

    assert value_json(codec, {"either": "x"}) == '{"either":{"string":"x"}}'
    assert value_json(codec, {"either": 5}) == '{"either":5}'
    assert json_value(codec, '{"either":{"string":"x"}}') == {"either": "x"}


def test_a_value_that_does_not_fit_has_no_json() -> None:
    with pytest.raises(EncodeError, match="a: int is not array of int"):
        value_json(dict_codec(("a", {"type": "array", "items": "int"})), {"a": 7})


@pytest.mark.parametrize(
    ("type_", "value", "line"),
    [(int, 5, "5"), (dict[str, float], {"a": 1.5}, '{"a":1.5}'), (list[UUID], [], "[]")],
)
def test_types_without_a_model_have_json_too(type_: Any, value: Any, line: str) -> None:
    codec = codec_of(type_)

    assert value_json(codec, value) == line
    assert json_value(codec, line) == value


class Tree(BaseModel):
    child: Tree | None = None


@pytest.mark.parametrize("depth", [300, 800, 5000])
@pytest.mark.parametrize("options", [PortOptions(), PortOptions(format="json")])
def test_a_document_nested_too_deeply_is_a_problem(depth: int, options: PortOptions) -> None:
    codec = port_codec(Tree, options, SchemaBook())

    with pytest.raises(InvalidJsonError):
        json_value(codec, '{"child":' * depth + "null" + "}" * depth)


def test_numbers_that_json_lacks_are_words_for_strict_models_too() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        value: float

    codec = codec_of(Strict)

    assert json_value(codec, value_json(codec, Strict(value=float("inf")))).value == float("inf")
