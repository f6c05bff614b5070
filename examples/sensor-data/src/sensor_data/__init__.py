"""Wind turbines: measurements come in, are split into metrics, checked and logged."""

from sensor_data.generator import SensorDataGenerator
from sensor_data.ingress import (
    SensorDataFileIngress,
    SensorDataHttpIngress,
    SensorDataStreamingIngress,
)
from sensor_data.loggers import InvalidMetricLogger, RotorspeedWindowLogger, ValidMetricLogger
from sensor_data.metrics import MetricsValidation, RotorSpeedFilter, SensorDataToMetrics

__all__ = [
    "InvalidMetricLogger",
    "MetricsValidation",
    "RotorSpeedFilter",
    "RotorspeedWindowLogger",
    "SensorDataFileIngress",
    "SensorDataGenerator",
    "SensorDataHttpIngress",
    "SensorDataStreamingIngress",
    "SensorDataToMetrics",
    "ValidMetricLogger",
]
