"""Handlers are functions from a record to emissions, so tests call them and compare."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from pathlib import Path

import pytest
from sensor_data import (
    InvalidMetricLogger,
    MetricsValidation,
    RotorSpeedFilter,
    RotorspeedWindowLogger,
    SensorDataFileIngress,
    SensorDataGenerator,
    SensorDataToMetrics,
    ValidMetricLogger,
)
from sensor_data.ingress import LastFile
from sensor_data.loggers import LogLevel
from sensor_data.metrics import NOT_POSITIVE
from sensor_data.records import InvalidMetric, Metric, SensorData
from streamlet_sdk import Checkpoint, Emission

POSTED = {
    "deviceId": "c75cb448-df0e-4692-8e06-0321b7703992",
    "timestamp": 1495545646279,
    "measurements": {"power": 1.7, "rotorSpeed": 3.9, "windSpeed": 105.9},
}
DATA = SensorData.model_validate(POSTED)


def metric(name: str = "power", value: float = 1.7) -> Metric:
    return Metric(device_id=DATA.device_id, timestamp=DATA.timestamp, name=name, value=value)


def test_one_record_becomes_three_metrics_in_order() -> None:
    streamlet = SensorDataToMetrics()
    assert list(streamlet.split(DATA)) == [
        streamlet.out(metric("power", 1.7)),
        streamlet.out(metric("rotorSpeed", 3.9)),
        streamlet.out(metric("windSpeed", 105.9)),
    ]


@pytest.mark.parametrize("value", [0.0, 1.7])
def test_a_metric_that_is_not_negative_is_valid_and_has_no_key(value: float) -> None:
    streamlet = MetricsValidation()
    assert streamlet.validate(metric(value=value)) == Emission("valid", metric(value=value))


def test_a_negative_metric_is_invalid_and_keyed_by_its_device() -> None:
    bad = metric(value=-1.7)
    assert MetricsValidation().validate(bad) == Emission(
        "invalid",
        InvalidMetric(metric=bad, error=NOT_POSITIVE),
        key=b"c75cb448-df0e-4692-8e06-0321b7703992",
    )


def test_what_is_no_number_is_invalid() -> None:
    assert MetricsValidation().validate(metric(value=float("nan"))).port == "invalid"


def test_only_rotor_speeds_are_passed_on() -> None:
    streamlet = RotorSpeedFilter()
    assert streamlet.sift(metric("rotorSpeed")) == streamlet.out(metric("rotorSpeed"))
    assert streamlet.sift(metric("windSpeed")) is None


def test_valid_metrics_are_logged_as_the_parameters_say(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    ValidMetricLogger().log(metric())
    ValidMetricLogger(log_level=LogLevel.ERROR, msg_prefix="turbine").log(metric())
    line = "power 1.7 of c75cb448-df0e-4692-8e06-0321b7703992 at 2017-05-23 13:20:46"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", f"valid-logger {line}"),
        ("ERROR", f"turbine {line}"),
    ]


def test_an_invalid_metric_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    InvalidMetricLogger().log(InvalidMetric(metric=metric(value=-1.7), error=NOT_POSITIVE))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().endswith(f"13:20:46: {NOT_POSITIVE}")


def test_the_mean_of_rotor_speeds_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    speeds = [metric("rotorSpeed", value) for value in (1.0, 2.0, 3.0, 4.0, 6.0)]
    RotorspeedWindowLogger().log(speeds)
    assert caplog.messages == ["average rotor speed of 5: 3.20"]


def test_the_generator_makes_each_so_many_record_invalid() -> None:
    generator = SensorDataGenerator(turbines=3, wrong_every=2)
    asyncio.run(generator.start())
    sent = [emission.value.measurements.power for _ in range(2) for emission in generator.send()]
    assert [power < 0 for power in sent] == [False, True, False, True, False, True]


# Files


def write(file: Path, text: str, modified: int) -> LastFile:
    file.write_text(text, "utf-8")
    os.utime(file, ns=(modified, modified))
    return LastFile(modified_ns=modified, name=file.name)


def test_files_are_read_oldest_first_each_with_a_checkpoint_behind_it(tmp_path: Path) -> None:
    one = json.dumps(POSTED)
    second = write(tmp_path / "a.json", f"[{one},\n{one}]", 2)
    first = write(tmp_path / "b.json", f"{one}\n", 1)
    streamlet = SensorDataFileIngress(source_data_mount=tmp_path)
    out = streamlet.out(DATA)
    assert list(streamlet.read(None)) == [
        out,
        Checkpoint(first),
        out,
        out,
        Checkpoint(second),
    ]
    assert list(streamlet.read(first)) == [out, out, Checkpoint(second)]
    assert list(streamlet.read(second)) == []


def test_what_follows_a_broken_record_is_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = write(tmp_path / "half.json", json.dumps(POSTED) + '\n{"deviceId": "c75', 1)
    streamlet = SensorDataFileIngress(source_data_mount=tmp_path)
    assert list(streamlet.read(None)) == [streamlet.out(DATA), Checkpoint(place)]
    assert "half.json is not read to its end" in caplog.text
