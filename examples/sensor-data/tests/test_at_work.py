"""Streamlets at work: with codecs, topics, positions and time, in the test kit."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sensor_data import (
    MetricsValidation,
    RotorspeedWindowLogger,
    SensorDataFileIngress,
    SensorDataToMetrics,
    ValidMetricLogger,
)
from sensor_data.records import Metric, SensorData
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.testing import StreamletKit

TEST_DATA = Path(__file__).parents[1] / "test-data"
BREEZE = SensorData.model_validate_json((TEST_DATA / "04-moderate-breeze.json").read_bytes())


def metric(name: str, value: float) -> Metric:
    return Metric(device_id=BREEZE.device_id, timestamp=BREEZE.timestamp, name=name, value=value)


def test_metrics_have_the_time_of_their_record_and_no_key() -> None:
    with StreamletKit(SensorDataToMetrics) as kit:
        kit.feed("in", BREEZE, key="turbine", timestamp_ms=1495545646300)
        kit.run()
        received = kit.received("out")
    assert [(record.value, record.key, record.timestamp_ms) for record in received] == [
        (metric("power", 1.7), None, 1495545646300),
        (metric("rotorSpeed", 3.9), None, 1495545646300),
        (metric("windSpeed", 25.3), None, 1495545646300),
    ]


def test_good_and_bad_metrics_part() -> None:
    good, bad = metric("power", 0.0), metric("power", -0.1)
    with StreamletKit(MetricsValidation) as kit:
        kit.feed("in", good, bad)
        kit.run()
        assert kit.values("valid") == [good]
        (invalid,) = kit.received("invalid")
    assert (invalid.value.metric, invalid.key_text) == (bad, str(BREEZE.device_id))


def test_five_rotor_speeds_make_a_mean_and_fewer_do_after_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="streamlet")
    with StreamletKit(RotorspeedWindowLogger) as kit:
        kit.feed("in", *(metric("rotorSpeed", speed) for speed in (1, 2, 3, 4, 5, 10, 20)))
        kit.advance(timedelta(seconds=1))
        assert means(caplog) == ["average rotor speed of 5: 3.00"]
        kit.advance(timedelta(seconds=10))
    assert means(caplog) == ["average rotor speed of 5: 3.00", "average rotor speed of 2: 15.00"]


def means(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("average")]


def test_files_are_read_once_and_new_ones_some_seconds_later(tmp_path: Path) -> None:
    with StreamletKit(SensorDataFileIngress, source_data_mount=tmp_path) as kit:
        put(tmp_path / "first.json", modified=1)
        kit.advance(timedelta(seconds=12))
        assert kit.values("out") == [BREEZE]
        put(tmp_path / "second.json", modified=2)
        kit.advance(timedelta(seconds=5))
        assert kit.values("out") == [BREEZE, BREEZE]


def put(file: Path, *, modified: int) -> None:
    file.write_text(BREEZE.model_dump_json(by_alias=True))
    os.utime(file, ns=(modified, modified))


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_level_is_one_of_four_words(level: str) -> None:
    with StreamletKit(ValidMetricLogger, log_level=level) as kit:
        kit.feed("in", metric("power", 1.7))
        kit.run()
        assert kit.counters.received == 1


def test_another_level_is_a_problem() -> None:
    with pytest.raises(ConfigurationError, match="'loud' is not one of"):
        StreamletKit(ValidMetricLogger, log_level="loud")
