"""Sensor data becomes metrics, and metrics are valid or not."""

from __future__ import annotations

from collections.abc import Iterator

from sensor_data.records import InvalidMetric, Metric, SensorData
from streamlet_sdk import Emission, Inlet, Outlet, Streamlet

NOT_POSITIVE = "All measurements must be positive numbers!"


class SensorDataToMetrics(Streamlet):
    """Splits the measurements of a record into three metrics."""

    in_ = Inlet(SensorData)
    out = Outlet(Metric)

    @in_.each
    def split(self, data: SensorData) -> Iterator[Emission[Metric]]:
        measured = data.measurements
        for name, value in (
            ("power", measured.power),
            ("rotorSpeed", measured.rotor_speed),
            ("windSpeed", measured.wind_speed),
        ):
            yield self.out(
                Metric(device_id=data.device_id, timestamp=data.timestamp, name=name, value=value)
            )


class MetricsValidation(Streamlet):
    """Sends good metrics one way and bad ones another."""

    in_ = Inlet(Metric)
    valid = Outlet(Metric)
    invalid = Outlet(InvalidMetric, key=lambda bad: bad.metric.device_id)

    @in_.each
    def validate(self, metric: Metric) -> Emission:
        if metric.value >= 0:
            return self.valid(metric)
        return self.invalid(InvalidMetric(metric=metric, error=NOT_POSITIVE))


class RotorSpeedFilter(Streamlet):
    """Passes on the rotor speeds among the metrics."""

    in_ = Inlet(Metric)
    out = Outlet(Metric)

    @in_.each
    def sift(self, metric: Metric) -> Emission[Metric] | None:
        return self.out(metric) if metric.name == "rotorSpeed" else None
