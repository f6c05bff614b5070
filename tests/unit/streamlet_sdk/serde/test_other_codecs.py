"""JSON, bytes and a user's own codec."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, Field

from streamlet_sdk.errors import DecodeError, EncodeError, SchemaError
from streamlet_sdk.serde import (
    InvalidJsonError,
    PortCodec,
    PortOptions,
    SchemaBook,
    from_json,
    json_value,
    port_codec,
    port_schema,
    unreadable,
    value_json,
)
from support.turbines import Metric, SensorData, metric, sensor_data


class Reversed:
    """Text backwards."""

    schema_name = "reversed text"

    def encode(self, value: str) -> bytes:
        return value[::-1].encode()

    def decode(self, data: bytes) -> str:
        return data.decode()[::-1]


class Wrong(Reversed):
    """A codec that gives something else than bytes."""

    schema_name = "wrong"

    def encode(self, value: str) -> Any:
        return value


def json_codec(type_: Any) -> PortCodec[Any]:
    return port_codec(type_, PortOptions(format="json"), SchemaBook())


def own_codec(codec: Any) -> PortCodec[Any]:
    return port_codec(str, PortOptions(codec=codec), SchemaBook())


def test_json_is_utf_8_with_aliases() -> None:
    codec = json_codec(SensorData)

    data = codec.encode(sensor_data())

    assert set(json.loads(data)) == {"deviceId", "timestamp", "measurements"}
    assert codec.decode(data) == sensor_data()


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"7", None, b"[" * 100_000])
def test_bytes_that_are_no_such_json_are_a_decode_error(data: Any) -> None:
    with pytest.raises(DecodeError):
        json_codec(SensorData).decode(data)


def test_every_problem_of_a_json_document_is_said() -> None:
    with pytest.raises(InvalidJsonError) as caught:
        from_json(json_codec(SensorData), {"timestamp": "x"})

    assert [problem.path for problem in caught.value.problems] == [
        "deviceId",
        "timestamp",
        "measurements",
    ]


def test_json_of_a_value_is_accepted_again() -> None:
    codec = json_codec(dict[str, list[int]])

    assert json_value(codec, value_json(codec, {"a": [1]})) == {"a": [1]}


def test_a_value_of_another_class_is_no_json_of_this_one() -> None:
    with pytest.raises(EncodeError, match="does not fit SensorData"):
        json_codec(SensorData).encode(metric())


def test_numbers_that_json_lacks_are_refused_rather_than_nulled() -> None:
    with pytest.raises(EncodeError, match="not JSON compliant"):
        json_codec(Metric).encode(metric(float("nan")))


def test_json_ports_are_compatible_only_with_an_equal_schema() -> None:
    class Narrow(BaseModel):
        value: int = Field(ge=0)

    class Wide(BaseModel):
        value: int

    options = PortOptions(format="json")
    narrow, wide = port_schema(Narrow, options), port_schema(Wide, options)

    assert unreadable(wide, wide) == ()
    assert "they must be equal" in unreadable(wide, narrow)[0]


def test_a_type_without_json_schema_is_a_schema_error() -> None:
    with pytest.raises(SchemaError, match="cannot be described in JSON schema"):
        port_schema(complex(1).__class__.__mro__, PortOptions(format="json"))


def test_bytes_pass_untouched() -> None:
    codec = port_codec(bytes, PortOptions(), SchemaBook())

    assert codec.encode(b"\x00\xff") == codec.decode(b"\x00\xff") == b"\x00\xff"
    assert unreadable(codec.schema, codec.schema) == ()


def test_bytes_are_base64_in_json() -> None:
    codec = port_codec(bytes, PortOptions(), SchemaBook())

    assert value_json(codec, b"\x00\xff") == '"AP8="'
    assert json_value(codec, '"AP8="') == b"\x00\xff"
    for document in ("no base64!", 7, None):
        with pytest.raises(InvalidJsonError):
            from_json(codec, document)


def test_a_bytes_port_takes_and_gives_nothing_else() -> None:
    codec = port_codec(bytes, PortOptions(), SchemaBook())

    with pytest.raises(EncodeError, match="not a str"):
        codec.encode("text")
    with pytest.raises(DecodeError, match="NoneType instead of bytes"):
        codec.decode(None)  # type: ignore[arg-type] # what a tombstone is


def test_bytes_in_avro_are_a_format_to_ask_for() -> None:
    assert port_schema(bytes, PortOptions(format="avro")).format == "avro"


def test_a_users_codec_does_the_work() -> None:
    codec = own_codec(Reversed())

    assert codec.encode("abc") == b"cba"
    assert codec.decode(b"cba") == "abc"
    assert codec.schema.format == "custom"
    assert codec.schema.name == "reversed text"
    assert json_value(codec, value_json(codec, "abc")) == "abc"


def test_whatever_a_users_codec_raises_is_an_error_of_ours() -> None:
    codec = own_codec(Reversed())

    with pytest.raises(DecodeError, match=r"reversed text\.decode: UnicodeDecodeError"):
        codec.decode(b"\xff")
    with pytest.raises(EncodeError, match=r"reversed text\.encode: TypeError"):
        codec.encode(7)


def test_a_users_codec_must_give_bytes() -> None:
    with pytest.raises(EncodeError, match="wrong gave a str, not bytes"):
        own_codec(Wrong()).encode("x")


def test_a_codec_goes_with_no_other_encoding() -> None:
    options = PortOptions(codec=Reversed(), format="json")

    with pytest.raises(SchemaError, match="a codec of its own and also"):
        port_codec(str, options, SchemaBook())


def test_formats_do_not_read_each_other() -> None:
    avro = port_schema(Metric, PortOptions())
    plain = port_schema(Metric, PortOptions(format="json"))

    assert unreadable(avro, plain) == ("avro was written, json is expected",)
