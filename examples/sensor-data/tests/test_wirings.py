"""Each wiring as a whole, in the test kit: every record that comes out of every topic."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sensor_data.ingress import json_objects
from sensor_data.metrics import NOT_POSITIVE
from sensor_data.records import InvalidMetric, Metric, SensorData
from streamlet_sdk.testing import ApplicationKit

PROJECT = Path(__file__).parents[1]
TEST_DATA = PROJECT / "test-data"


def data(name: str) -> list[SensorData]:
    text = (TEST_DATA / name).read_text("utf-8")
    return [SensorData.model_validate(value) for value in json_objects(text)]


def metrics(*records: SensorData) -> list[Metric]:
    """The metrics of records, in order."""
    return [
        Metric(device_id=record.device_id, timestamp=record.timestamp, name=name, value=value)
        for record in records
        for name, value in (
            ("power", record.measurements.power),
            ("rotorSpeed", record.measurements.rotor_speed),
            ("windSpeed", record.measurements.wind_speed),
        )
    ]


def refused(metric: Metric) -> InvalidMetric:
    return InvalidMetric(metric=metric, error=NOT_POSITIVE)


@pytest.fixture
def small() -> Iterator[ApplicationKit]:
    with ApplicationKit(PROJECT / "blueprint.yaml") as kit:
        yield kit


@pytest.mark.parametrize(
    "name", sorted(file.name for file in TEST_DATA.glob("*.json") if file.stat().st_size < 10_000)
)
def test_every_record_of_the_test_data_ends_where_it_belongs(
    name: str, small: ApplicationKit
) -> None:
    records = data(name)
    small.feed("sensor-data", *records)
    small.run()
    made = metrics(*records)
    assert small.values("metrics") == made
    assert small.values("valid-metrics") == [metric for metric in made if metric.value >= 0]
    assert small.values("invalid-metrics") == [refused(one) for one in made if one.value < 0]
    assert small.counters["valid-logger"].received == len(small.values("valid-metrics"))
    assert small.counters["invalid-logger"].received == len(small.values("invalid-metrics"))


GOOD = {
    "deviceId": "c75cb448-df0e-4692-8e06-0321b7703992",
    "timestamp": 1495545646279,
    "measurements": {"power": 1.7, "rotorSpeed": 3.9, "windSpeed": 105.9},
}


def test_what_is_posted_is_accepted_and_goes_its_way(small: ApplicationKit) -> None:
    negative = GOOD | {"measurements": {"power": 1.7, "rotorSpeed": 3.9, "windSpeed": -105.9}}
    assert small.request("http-ingress", "POST", "/", json=GOOD).status == 202
    assert small.request("http-ingress", "POST", "/", json=negative).status == 202
    small.run()
    made = metrics(SensorData.model_validate(GOOD), SensorData.model_validate(negative))
    assert small.values("valid-metrics") == made[:5]
    assert small.values("invalid-metrics") == [refused(made[5])]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"deviceId": "turbine"}, ["deviceId"]),
        ({"timestamp": "yesterday"}, ["timestamp"]),
        ({"measurements": {"power": 1.7, "rotorSpeed": "fast"}}, ["rotorSpeed", "windSpeed"]),
    ],
)
def test_what_is_no_sensor_data_is_refused_with_every_problem(
    change: dict[str, Any], wrong: list[str], small: ApplicationKit
) -> None:
    answer = small.request("http-ingress", "POST", "/", json=GOOD | change)
    assert answer.status == 400
    assert [problem["path"].rpartition(".")[2] for problem in answer.json()["problems"]] == wrong
    small.run()
    assert small.values("sensor-data") == []


def put(folder: Path, name: str, modified: int) -> list[SensorData]:
    """Copy a file of the test data; its records."""
    (folder / name).write_bytes((TEST_DATA / name).read_bytes())
    os.utime(folder / name, ns=(modified, modified))
    return data(name)


def test_the_large_wiring_fans_in_and_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with ApplicationKit(PROJECT / "blueprint-large.yaml") as kit:
        mount = kit.mount("file-ingress", "source-data-mount")
        read = put(mount, "04-moderate-breeze.json", 1)
        read += put(mount, "10-storm.json", 2)
        read += put(mount, "invalid-metric.json", 3)
        kit.advance(timedelta(seconds=1))
        assert kit.request("http-ingress", "POST", "/", json=GOOD).status == 202
        (violent,) = put(mount, "11-violent-storm.json", 4)
        kit.advance(timedelta(seconds=6))
        records = [*read, SensorData.model_validate(GOOD), violent]

        assert kit.values("sensor-data") == records
        valid = [metric for metric in metrics(*records) if metric.value >= 0]
        assert kit.values("valid-metrics") == valid
        assert kit.counters["valid-logger"].received == len(valid)
        assert kit.counters["rotorizer"].received == len(valid)
        speeds = [metric for metric in valid if metric.name == "rotorSpeed"]
        assert kit.values("rotor-speeds") == speeds
    mean = (3.9 + 23.4 + 3.9 + 3.9 + 45.7) / 5
    assert f"average rotor speed of 5: {mean:.2f}" in caplog.messages


def test_a_crash_of_the_file_ingress_repeats_no_file_that_was_done() -> None:
    with ApplicationKit(PROJECT / "blueprint-large.yaml") as kit:
        mount = kit.mount("file-ingress", "source-data-mount")
        first = put(mount, "04-moderate-breeze.json", 1)
        kit.advance(timedelta(seconds=1))
        kit.crash("file-ingress")
        second = put(mount, "10-storm.json", 2)
        kit.advance(timedelta(seconds=10))
        assert kit.values("sensor-data") == [*first, *second]
        assert kit.checkpoint("file-ingress", "read").name == "10-storm.json"


def test_the_generator_makes_something_flow() -> None:
    config = {"turbines": 3, "wrong-every": 4}
    values = {"cloudflow": {"streamlets": {"generator": {"config-parameters": config}}}}
    with ApplicationKit(PROJECT / "blueprint-generator.yaml", config=values) as kit:
        kit.advance(timedelta(seconds=3.5))
        records = kit.values("sensor-data")
        assert [record.measurements.power < 0 for record in records] == [
            number % 4 == 0 for number in range(1, 13)
        ]
        assert len({record.device_id for record in records}) == 3
        assert len(kit.values("valid-metrics")) == 12 * 3 - 3
        assert len(kit.values("invalid-metrics")) == 3
