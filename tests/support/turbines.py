"""The wind turbines' models, as users would write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from streamlet_sdk import Avro

Millis = Annotated[datetime, Avro(logical="timestamp-millis")]
DEVICE = UUID("c75cb448-df0e-4692-8e06-0321b7703992")
NOON = datetime(2017, 5, 23, 13, 20, 46, 279_000, tzinfo=UTC)


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
    """One reading of a turbine."""

    device_id: UUID
    timestamp: Millis
    measurements: Measurements


class Metric(Base):
    """One number of a reading."""

    device_id: UUID
    timestamp: Millis
    name: str
    value: float


class InvalidMetric(Base):
    """A number that cannot be right."""

    metric: Metric
    error: str


def sensor_data(*, wind_speed: float = 105.9) -> SensorData:
    """A reading."""
    measured = Measurements(power=1.7, rotor_speed=3.9, wind_speed=wind_speed)
    return SensorData(device_id=DEVICE, timestamp=NOON, measurements=measured)


def metric(value: float = 1.7) -> Metric:
    """A number of a reading."""
    return Metric(device_id=DEVICE, timestamp=NOON, name="power", value=value)
