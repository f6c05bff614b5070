"""The whole application in the sandbox, as its README starts it: what goes in, what comes out."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

import pytest

PROJECT = Path(__file__).parents[1]
TEST_DATA = PROJECT / "test-data"
COMMAND = Path(sys.executable).parent / "kubectl-cloudflow"
DEVICE = "c75cb448-df0e-4692-8e06-0321b7703992"
NOW = "2017-05-23T13:20:46.279000+00:00"
FUTURE = "2069-04-30T22:00:00+00:00"
ERROR = "All measurements must be positive numbers!"


def metric(name: str, value: float, timestamp: str = NOW) -> dict[str, Any]:
    return {"deviceId": DEVICE, "timestamp": timestamp, "name": name, "value": value}


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def run(*words: str | Path) -> dict[str, Any]:
    """What the sandbox says at its end; it must end well."""
    done = subprocess.run(
        [COMMAND, "sandbox", *words, "--until", "idle", "--port-base", "0", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def test_each_record_of_a_file_ends_where_it_belongs(tmp_path: Path) -> None:
    valid, invalid = tmp_path / "valid.json", tmp_path / "invalid.json"
    summary = run(
        PROJECT,
        *("--feed", f"sensor-data={TEST_DATA / 'future-data.json'}"),
        *("--tap", f"valid-metrics={valid}", "--tap", f"invalid-metrics={invalid}"),
    )
    assert lines(valid) == [
        metric("power", 1.7),
        metric("rotorSpeed", 3.9),
        metric("windSpeed", 105.9),
        metric("rotorSpeed", 3.9),
        metric("windSpeed", 105.9),
        metric("power", 1.7, FUTURE),
        metric("rotorSpeed", 3.9, FUTURE),
        metric("windSpeed", 105.9, FUTURE),
        metric("power", 1.7, FUTURE),
        metric("rotorSpeed", 3.9, FUTURE),
        metric("windSpeed", 105.9, FUTURE),
    ]
    assert lines(invalid) == [{"metric": metric("power", -1.7), "error": ERROR}]
    assert {name: counts["received"] for name, counts in summary["streamlets"].items()} == {
        "http-ingress": 0,
        "metrics": 4,
        "validation": 12,
        "valid-logger": 11,
        "invalid-logger": 1,
    }


def test_several_instances_share_the_records(tmp_path: Path) -> None:
    invalid = tmp_path / "invalid.json"
    records = [json.loads((TEST_DATA / "invalid-metric.json").read_text())] * 50
    (tmp_path / "data.json").write_text(json.dumps(records))
    summary = run(
        PROJECT,
        *("--feed", f"sensor-data={tmp_path / 'data.json'}", "--tap", f"invalid-metrics={invalid}"),
        *("--replicas", "validation=3", "--partitions", "metrics=6"),
    )
    assert summary["streamlets"]["validation"]["received"] == 150
    assert lines(invalid) == [{"metric": metric("power", -1.7), "error": ERROR}] * 50


# Over HTTP


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Address of the HTTP ingress of a running application that taps into `tmp_path`."""
    taps = [f"--tap={topic}={tmp_path / topic}" for topic in ("valid-metrics", "invalid-metrics")]
    process = subprocess.Popen(
        [COMMAND, "sandbox", PROJECT, *taps, "--port-base", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        yield address(process.stderr)
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait() == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def address(said: IO[str]) -> str:
    """Where the server listens, once everything runs."""
    found = ""
    for line in said:
        if match := re.search(r"http://(\S+)", line):
            found = match[1]
        if "Running" in line:
            return found
    raise AssertionError("the sandbox ended")


def post(server: str, body: str, content_type: str = "application/json") -> tuple[int, Any]:
    connection = HTTPConnection(server)
    connection.request("POST", "/", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def test_posted_records_are_answered_and_come_out(server: str, tmp_path: Path) -> None:
    breeze = json.loads((TEST_DATA / "04-moderate-breeze.json").read_text())
    invalid = json.loads((TEST_DATA / "invalid-metric.json").read_text())
    assert post(server, json.dumps(breeze))[0] == 202
    assert post(server, json.dumps(invalid))[0] == 202
    lined = f"{json.dumps(breeze)}\n" * 2
    assert post(server, lined, "application/x-ndjson")[0] == 202

    status, answer = post(server, json.dumps(breeze | {"deviceId": "turbine", "timestamp": None}))
    assert (status, {problem["path"] for problem in answer["problems"]}) == (
        400,
        {"deviceId", "timestamp"},
    )
    assert post(server, "{")[0] == 400
    assert post(server, "power: 1", "text/yaml")[0] == 415

    sent = subprocess.run(
        [
            *(sys.executable, PROJECT / "send.py", "--url", f"http://{server}/"),
            *(TEST_DATA / "10-storm.json", TEST_DATA / "future-data.json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (sent.returncode, sent.stdout) == (0, "202: 5\n")

    of_breeze = [metric("power", 1.7), metric("rotorSpeed", 3.9), metric("windSpeed", 25.3)]
    of_invalid = [metric("rotorSpeed", 3.9), metric("windSpeed", 105.9)]
    of_storm = [metric("power", 1.7), metric("rotorSpeed", 23.4), metric("windSpeed", 100.1)]
    expected = [*of_breeze, *of_invalid, *of_breeze, *of_breeze, *of_storm]
    seen = wait_for(tmp_path / "valid-metrics", len(expected) + 11)
    assert seen[: len(expected)] == expected
    bad = {"metric": metric("power", -1.7), "error": ERROR}
    assert wait_for(tmp_path / "invalid-metrics", 2) == [bad, bad]


def wait_for(file: Path, count: int) -> list[Any]:
    """The records of a tap, once there are `count` of them; the test's time limit ends the wait."""
    while file.read_text("utf-8").count("\n") < count:
        time.sleep(0.01)
    return lines(file)
