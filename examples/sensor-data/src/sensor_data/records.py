"""What flows between the streamlets. Avro schemas are made from these models.

Attributes have Python's names; in Avro and in JSON the same fields are called `deviceId`,
`rotorSpeed` and so on. A timestamp is a number there: milliseconds since the epoch.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from streamlet_sdk import Avro


class SensorModel(BaseModel):
    """What all records have in common: the Avro namespace and the form of names."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)
    __avro__: ClassVar[Avro] = Avro(namespace="sensordata")


Timestamp = Annotated[datetime, Avro(logical="timestamp-millis")]


class Measurements(SensorModel):
    """What a turbine measures at one time."""

    power: float
    rotor_speed: float
    wind_speed: float


class SensorData(SensorModel):
    """What a turbine sends."""

    device_id: UUID
    timestamp: Timestamp
    measurements: Measurements


class Metric(SensorModel):
    """One of the measurements of a turbine."""

    device_id: UUID
    timestamp: Timestamp
    name: str
    value: float

    def __str__(self) -> str:
        """As people read it in a log."""
        return f"{self.name} {self.value} of {self.device_id} at {self.timestamp:%F %T}"


class InvalidMetric(SensorModel):
    """A metric that did not pass validation, and why."""

    metric: Metric
    error: str

    def __str__(self) -> str:
        """As people read it in a log."""
        return f"{self.metric}: {self.error}"
