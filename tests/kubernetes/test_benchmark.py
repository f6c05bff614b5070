"""The benchmark of the operator still works; what it finds is for `make bench-operator` to say."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.sources import ROOT
from testbed.kafka import EXISTING

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_small_run_prints_every_line(kafka: str, kubectl: Path) -> None:
    assert kubectl.exists()  # so there can be a control plane here
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "cluster", "--quick"],
        env={**os.environ, EXISTING: kafka, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 12
    assert {row[-2].strip() for row in rows[2:]} <= {"met", "MISSED"}
