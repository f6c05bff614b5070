"""How fast values are encoded and decoded, beside bare fastavro and pydantic.

Run with `.venv/bin/python benchmarks/serde.py`. `bare` is what one would write by hand:
`schemaless_writer` of `model_dump(by_alias=True)`, and `model_validate` of `schemaless_reader`,
without a header. Best of seven rounds; ratios below 1 mean faster than by hand.
"""

from __future__ import annotations

import json
import timeit
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from uuid import UUID

import fastavro
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from streamlet_sdk import Avro
from streamlet_sdk.serde import PortOptions, SchemaBook, port_codec
from streamlet_sdk.serde.avro import AvroCodec
from streamlet_sdk.serde.parsing import parse_schema

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, CALLS = 7, 20_000


class Base(BaseModel):
    """What the models share."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)
    __avro__: ClassVar[Avro] = Avro(namespace="sensordata")


class Measurements(Base):
    """What a turbine measures."""

    power: float
    rotor_speed: float
    wind_speed: float


class SensorData(Base):
    """A small nested record."""

    device_id: UUID
    timestamp: Annotated[datetime, Avro(logical="timestamp-millis")]
    measurements: Measurements


class Series(Base):
    """A record of long lists."""

    name: str
    values: list[float]
    counts: list[int]
    labels: dict[str, str]


READING = SensorData(
    device_id=UUID("c75cb448-df0e-4692-8e06-0321b7703992"),
    timestamp=datetime(2017, 5, 23, 13, 20, 46, 279_000, tzinfo=UTC),
    measurements=Measurements(power=1.7, rotor_speed=3.9, wind_speed=105.9),
)
SERIES = Series(
    name="series",
    values=[number / 3 for number in range(100)],
    counts=list(range(100)),
    labels={f"label-{number}": f"value-{number}" for number in range(10)},
)


def microseconds(function: Callable[[], Any]) -> float:
    best = min(timeit.repeat(function, number=CALLS, repeat=ROUNDS))
    return best / CALLS * 1_000_000


def report(what: str, ours: Callable[[], Any], bare: Callable[[], Any]) -> None:
    mine, theirs = microseconds(ours), microseconds(bare)
    print(f"{what:28} {mine:7.2f} µs   bare {theirs:7.2f} µs   ratio {mine / theirs:.2f}")


def written(schema: Any, datum: Any) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, schema, datum)
    return stream.getvalue()


def models(value: BaseModel) -> None:
    type_, name = type(value), type(value).__name__
    codec = port_codec(type_, PortOptions(), SchemaBook())
    schema: Any = fastavro.parse_schema(json.loads(codec.schema.text))
    data = codec.encode(value)
    bare = data[10:]
    report(
        f"encode {name}",
        lambda: codec.encode(value),
        lambda: written(schema, value.model_dump(by_alias=True)),
    )
    report(
        f"decode {name}",
        lambda: codec.decode(data),
        lambda: type_.model_validate(fastavro.schemaless_reader(BytesIO(bare), schema, None)),
    )


def dicts(value: BaseModel) -> None:
    name, text = type(value).__name__, port_codec(type(value), PortOptions(), SchemaBook()).schema
    codec: AvroCodec[Any] = AvroCodec(parse_schema(text.text, name), None, SchemaBook())
    schema: Any = fastavro.parse_schema(json.loads(text.text))
    datum = value.model_dump(by_alias=True)
    data = codec.encode(datum)
    bare = data[10:]
    report(f"encode {name} as dict", lambda: codec.encode(datum), lambda: written(schema, datum))
    report(
        f"decode {name} as dict",
        lambda: codec.decode(data),
        lambda: fastavro.schemaless_reader(BytesIO(bare), schema, None),
    )


if __name__ == "__main__":
    for sample in (READING, SERIES):
        CALLS = 20_000 if sample is READING else 1_000
        models(sample)
        dicts(sample)
