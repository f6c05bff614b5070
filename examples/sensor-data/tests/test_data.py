"""The files of `test-data` are what the script makes, and what the script says they are."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sensor_data.ingress import json_objects
from sensor_data.records import SensorData

PROJECT = Path(__file__).parents[1]
FOLDER = PROJECT / "test-data"
TOO_LARGE_TO_KEEP = {"medium.json", "one-record-per-line.json"}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    made: dict[str, str] = runpy.run_path(str(PROJECT / "make_test_data.py"))["files"]()
    return made


def test_the_small_files_are_those_that_the_script_makes(files: dict[str, str]) -> None:
    kept = {file.name: file.read_text("utf-8") for file in FOLDER.glob("*.json")}
    assert files.keys() - TOO_LARGE_TO_KEEP <= kept.keys()
    assert {name: files[name] for name in kept} == kept


def test_every_record_is_sensor_data(files: dict[str, str]) -> None:
    counts = {name: len(list(map(read, json_objects(text)))) for name, text in files.items()}
    assert counts == {
        "04-moderate-breeze.json": 1,
        "10-storm.json": 1,
        "11-violent-storm.json": 1,
        "12-hurricane.json": 1,
        "invalid-metric.json": 1,
        "future-data.json": 4,
        "medium.json": 5062,
        "one-record-per-line.json": 5062,
    }


def read(value: dict[str, Any]) -> SensorData:
    return SensorData.model_validate(value)


def test_a_record_keeps_its_form_in_json(files: dict[str, str]) -> None:
    text = files["04-moderate-breeze.json"]
    data = SensorData.model_validate_json(text)
    assert (data.timestamp.timestamp() * 1000, str(data.device_id)) == (
        1495545646279,
        "c75cb448-df0e-4692-8e06-0321b7703992",
    )
    assert json.loads(data.model_dump_json(by_alias=True))["measurements"] == {
        "power": 1.7,
        "rotorSpeed": 3.9,
        "windSpeed": 25.3,
    }


@pytest.mark.parametrize(
    ("change", "wrong"),
    [({"deviceId": "turbine"}, ("deviceId",)), ({"measurements": {}}, ("measurements", "power"))],
)
def test_a_wrong_id_and_a_missing_field_are_refused(
    change: dict[str, Any], wrong: tuple[str, ...], files: dict[str, str]
) -> None:
    with pytest.raises(ValidationError) as refused:
        read(json.loads(files["04-moderate-breeze.json"]) | change)
    assert refused.value.errors()[0]["loc"] == wrong
