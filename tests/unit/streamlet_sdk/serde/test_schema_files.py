"""Ports whose schema is an Avro schema file."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde import PortCodec, PortOptions, SchemaBook, port_codec, port_schema
from support.turbines import DEVICE, NOON

OPTIONS = PortOptions(avro="schemas/SensorData.avsc", module=__name__)


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class SensorData(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    device_id: UUID
    timestamp: datetime
    level: Level
    price: Decimal
    count: int = 1
    note: str | None = None


def codec_of(type_: Any) -> PortCodec[Any]:
    return port_codec(type_, OPTIONS, SchemaBook())


def test_a_file_alone_gives_dicts() -> None:
    codec = codec_of(None)
    value = {"deviceId": DEVICE, "timestamp": NOON, "level": "low", "price": Decimal("1.50")}

    decoded = codec.decode(codec.encode(value))

    assert decoded == {**value, "count": 1, "note": None}


def test_a_file_with_a_class_gives_instances_in_the_files_encoding() -> None:
    codec = codec_of(SensorData)
    value = SensorData(device_id=DEVICE, timestamp=NOON, level=Level.LOW, price=Decimal("1.50"))

    assert codec.decode(codec.encode(value)) == value
    assert codec.schema == codec_of(None).schema
    assert codec_of(None).decode(codec.encode(value))["level"] == "low"


def test_the_doc_is_left_out_of_the_text() -> None:
    assert "turbine" not in port_schema(None, OPTIONS).text


def test_an_enum_of_the_file_may_be_a_literal_of_the_class() -> None:
    class Literally(SensorData):
        level: Literal["low", "high"]  # type: ignore[assignment] # another type on purpose

    codec = codec_of(Literally)
    value = Literally(device_id=DEVICE, timestamp=NOON, level="low", price=Decimal(1))

    assert codec.decode(codec.encode(value)) == value


def test_a_class_that_does_not_go_with_the_file_is_refused_with_every_difference() -> None:
    class Other(BaseModel):
        deviceId: str  # noqa: N815
        timestamp: datetime | None
        level: Level
        price: float
        count: int
        extra: int = 0

    with pytest.raises(SchemaError, match="Other does not go with") as caught:
        codec_of(Other)

    found = str(caught.value)
    assert "deviceId: the schema says string (uuid), the class string" in found
    assert "timestamp: the schema says long (timestamp-millis), the class null |" in found
    assert "price: the schema says bytes (decimal(6, 2)), the class double" in found
    assert "note: Other has no field for it" in found
    assert "extra: the schema has no such field" in found


def test_a_missing_file_is_a_schema_error_that_says_where_it_was_looked_for() -> None:
    options = PortOptions(avro="schemas/None.avsc", module=__name__)

    with pytest.raises(SchemaError, match=r"schemas/None\.avsc cannot be read") as caught:
        port_codec(None, options, SchemaBook())

    assert "schemas/None.avsc" in str(caught.value.hint)


def test_a_port_without_type_and_file_is_a_schema_error() -> None:
    with pytest.raises(SchemaError, match="neither a type nor avro="):
        port_codec(None, PortOptions(), SchemaBook())


def test_instants_keep_the_digits_that_the_file_has() -> None:
    codec = codec_of(SensorData)
    finer = datetime(2017, 5, 23, 13, 20, 46, 279_123, tzinfo=UTC)
    value = SensorData(device_id=DEVICE, timestamp=finer, level=Level.LOW, price=Decimal(1))

    assert codec.decode(codec.encode(value)).timestamp == NOON
