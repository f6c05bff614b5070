"""The benchmark on Kafka still works; what it finds is for `make bench-kafka` to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.kafka import EXISTING

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_small_run_of_our_own_parts_checks_its_output_and_prints_every_line(kafka: str) -> None:
    parts = ("waiting", "memory", "startup")
    words = [word for part in parts for word in ("--only", part)]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "kafka", "--records", "10000", "--quick", *words],
        env={**os.environ, EXISTING: kafka, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].split(",")[0].strip() for line in lines[2:]] == [
        "async each",
        "memory of a pod at most",
        "its growth",
        "start of a pod to ready",
    ]
