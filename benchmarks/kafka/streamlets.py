"""The stage as streamlets, in the ways that users write them; pods run them by name."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from stage import NAME, began, metric

from streamlet_sdk import Avro, Emission, Inlet, Outlet, Streamlet

WAIT_SECONDS = 0.005
CONCURRENCY = 64


class Model(BaseModel):
    """What the models share."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    __avro__: ClassVar[Avro] = Avro(namespace="bench")


class Measurements(Model):
    """What a turbine measures."""

    power: float
    rotor_speed: float
    wind_speed: float


class SensorData(Model):
    """One reading, in the types that peers are given."""

    device_id: str
    timestamp: int
    measurements: Measurements


class Metric(Model):
    """One value of a reading."""

    device_id: str
    timestamp: int
    name: str
    value: float


class RichSensorData(Model):
    """One reading, in the types that one would like to have."""

    __avro__: ClassVar[Avro] = Avro(name="SensorData", namespace="rich")
    device_id: UUID
    timestamp: Annotated[datetime, Avro(logical="timestamp-millis")]
    measurements: Measurements


class RichMetric(Model):
    """One value of such a reading."""

    __avro__: ClassVar[Avro] = Avro(name="Metric", namespace="rich")
    device_id: UUID
    timestamp: Annotated[datetime, Avro(logical="timestamp-millis")]
    name: str
    value: float


def metric_of(data: SensorData) -> Metric:
    """The power of a reading."""
    return Metric(
        device_id=data.device_id,
        timestamp=data.timestamp,
        name=NAME,
        value=data.measurements.power,
    )


class Timed(Streamlet):
    """Tells when its first record came."""

    waiting = True

    def first(self) -> None:
        """Called with the first record."""
        self.waiting = False
        began()


class Models(Timed):
    """A pydantic model at a time."""

    in_ = Inlet(SensorData)
    out = Outlet(Metric)

    @in_.each
    def split(self, data: SensorData) -> Emission[Metric]:
        """One metric of a reading."""
        if self.waiting:
            self.first()
        return self.out(metric_of(data))


class Keyed(Timed):
    """The same, with the device as key."""

    in_ = Inlet(SensorData)
    out = Outlet(Metric, key=lambda metric: metric.device_id)

    @in_.each
    def split(self, data: SensorData) -> Emission[Metric]:
        """One metric of a reading."""
        if self.waiting:
            self.first()
        return self.out(metric_of(data))


class RichModels(Timed):
    """The same with UUIDs and times with time zones."""

    in_ = Inlet(RichSensorData)
    out = Outlet(RichMetric)

    @in_.each
    def split(self, data: RichSensorData) -> Emission[RichMetric]:
        """One metric of a reading."""
        if self.waiting:
            self.first()
        return self.out(
            RichMetric(
                device_id=data.device_id,
                timestamp=data.timestamp,
                name=NAME,
                value=data.measurements.power,
            )
        )


class Dicts(Timed):
    """A dict at a time."""

    in_ = Inlet(avro="../sensor-data.avsc")
    out = Outlet(avro="../metric.avsc")

    @in_.each
    def split(self, row: dict[str, Any]) -> Emission[dict[str, Any]]:
        """One metric of a reading."""
        if self.waiting:
            self.first()
        return self.out(metric(row))


class DictLists(Timed):
    """Lists of dicts."""

    in_ = Inlet(avro="../sensor-data.avsc")
    out = Outlet(avro="../metric.avsc")

    @in_.batches(max_records=500)
    def split(self, rows: list[dict[str, Any]]) -> list[Emission[dict[str, Any]]]:
        """One metric of each reading."""
        if self.waiting:
            self.first()
        out = self.out
        return [out(metric(row)) for row in rows]


class Waiting(Timed):
    """Asks something that takes five milliseconds to answer."""

    in_ = Inlet(SensorData)
    out = Outlet(Metric)

    @in_.each(concurrency=CONCURRENCY, ordered_by="key")
    async def split(self, data: SensorData) -> Emission[Metric]:
        """One metric of a reading."""
        if self.waiting:
            self.first()
        await asyncio.sleep(WAIT_SECONDS)
        return self.out(metric_of(data))


class Forward(Streamlet):
    """The first of two."""

    in_ = Inlet(SensorData)
    out = Outlet(SensorData)

    @in_.each
    def forward(self, data: SensorData) -> Emission[SensorData]:
        """The reading as it is."""
        return self.out(data)


class Mark(Streamlet):
    """The second of two, and what is replicated."""

    in_ = Inlet(SensorData)
    out = Outlet(Metric)

    @in_.each
    def mark(self, data: SensorData) -> Emission[Metric]:
        """One metric of a reading."""
        return self.out(metric_of(data))
