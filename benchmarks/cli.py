"""How long the command line takes to answer, beside `python -c "import typer, rich"`.

Medians of processes that run in turn, so that a busy machine slows all alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
ROOT = Path(__file__).parents[1]
START = "from cloudflow_cli.main import main; main()"
BASE = "import typer, rich"
CASES = {
    BASE: [sys.executable, "-c", BASE],
    "kubectl-cloudflow version --client": [sys.executable, "-c", START, "version", "--client"],
    "kubectl-cloudflow --help": [sys.executable, "-c", START, "--help"],
    "kubectl-cloudflow verify --help": [sys.executable, "-c", START, "verify", "--help"],
    "kubectl-cloudflow verify EXAMPLE": [
        sys.executable,
        "-c",
        START,
        "verify",
        str(ROOT / "examples" / "sensor-data"),
    ],
}


def seconds(command: list[str]) -> float:
    """How long one process takes from start to end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print a line for each case."""
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(ROUNDS + 1):
        for name, command in CASES.items():
            taken[name].append(seconds(command))
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    for name, median in medians.items():
        print(f"{name:36} {median:6.3f} s {median / medians[BASE]:6.2f} x")


if __name__ == "__main__":
    main()
