"""How long the sandbox takes to the first record out, and how much memory it needs.

Runs the wind turbines with their generator and taps what comes out at the end.
"""

from __future__ import annotations

import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 7
ROOT = Path(__file__).parents[1]
BLUEPRINT = ROOT / "examples" / "sensor-data" / "blueprint-generator.yaml"
START = "from cloudflow_cli.main import main; main()"
WORDS = ["sandbox", str(BLUEPRINT), "--port-base", "0", "--tap", "valid-metrics"]
RECORDS = 100


def main() -> None:
    """Print the median time and the highest memory of several runs."""
    runs = [one_run() for _ in range(ROUNDS)]
    seconds, mebibytes = zip(*runs, strict=True)
    print(f"first record out after {statistics.median(seconds):.2f} s")
    print(f"at most {max(mebibytes):.0f} MiB resident after {RECORDS} records")


def one_run() -> tuple[float, float]:
    """Seconds from the start of the process to the first record; peak memory in MiB."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", START, *WORDS],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        seconds = time.perf_counter() - start
        for _ in range(RECORDS):
            running.stdout.readline()
        status = Path(f"/proc/{running.pid}/status").read_text()
        running.send_signal(signal.SIGINT)
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return seconds, int(peak[1]) / 1024 if peak else float("nan")


if __name__ == "__main__":
    main()
