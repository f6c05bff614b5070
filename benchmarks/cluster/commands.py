"""How long commands of `kubectl cloudflow` take, as whole processes, on a full cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import yaml
from applications import application, named

TRIES = 5


def seconds(kubeconfig: Path, *words: str) -> float:
    """The median time of one command; it has to succeed."""
    times = []
    for _ in range(TRIES):
        began = time.monotonic()
        subprocess.run(
            [Path(sys.executable).with_name("kubectl-cloudflow"), *words],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        times.append(time.monotonic() - began)
    return median(times)


def usual(kubeconfig: Path) -> dict[str, float]:
    """Seconds of the commands that people wait for."""
    metadata = application(0)["metadata"]
    where = ("-n", metadata["namespace"])
    name = metadata["name"]
    return {
        "status": seconds(kubeconfig, "status", name, *where),
        "list": seconds(kubeconfig, "list", *where),
        "scale": seconds(kubeconfig, "scale", name, "step-1=1", *where),
    }


def plan_of_many(kubeconfig: Path, streamlets: int = 200) -> float:
    """Seconds of `plan` for an application of that size."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "large.yaml")
        file.write_text(yaml.safe_dump(named("large", "bench-0", steps=streamlets - 1)))
        return seconds(kubeconfig, "plan", str(file), "-n", "bench-0")
