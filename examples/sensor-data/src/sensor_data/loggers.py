"""Where metrics end: in the log."""

from __future__ import annotations

import logging
from datetime import timedelta
from enum import Enum
from statistics import fmean

from sensor_data.records import InvalidMetric, Metric
from streamlet_sdk import Inlet, Parameter, Streamlet


class LogLevel(Enum):
    """How important a line is; named as in configuration."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """What `logging` calls it."""
        return logging.getLevelNamesMapping()[self.name]


class ValidMetricLogger(Streamlet):
    """Logs each metric."""

    in_ = Inlet(Metric)

    log_level = Parameter(
        LogLevel, default=LogLevel.DEBUG, description="The level at which metrics are logged."
    )
    msg_prefix = Parameter(str, default="valid-logger", description="What each line begins with.")

    @in_.each
    def log(self, metric: Metric) -> None:
        self.context.logger.log(self.log_level.number, "%s %s", self.msg_prefix, metric)


class InvalidMetricLogger(Streamlet):
    """Warns of each invalid metric."""

    in_ = Inlet(InvalidMetric)

    @in_.each
    def log(self, invalid: InvalidMetric) -> None:
        self.context.logger.warning("%s", invalid)


class RotorspeedWindowLogger(Streamlet):
    """Logs the mean of each five rotor speeds, or of fewer if no fifth comes for some seconds."""

    in_ = Inlet(Metric)

    @in_.batches(max_records=5, max_wait=timedelta(seconds=10))
    def log(self, speeds: list[Metric]) -> None:
        mean = fmean(speed.value for speed in speeds)
        self.context.logger.info("average rotor speed of %d: %.2f", len(speeds), mean)
