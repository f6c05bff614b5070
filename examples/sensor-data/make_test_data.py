"""Writes the files of `test-data`: python make_test_data.py [FOLDER]."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DEVICE = "c75cb448-df0e-4692-8e06-0321b7703992"
NOW = 1495545646279
FUTURE = 3134584800000
MANY = 5062


def record(power: float, rotor: float, wind: float, timestamp: int = NOW) -> dict[str, Any]:
    """What a turbine sends, as JSON has it."""
    return {
        "deviceId": DEVICE,
        "timestamp": timestamp,
        "measurements": {"power": power, "rotorSpeed": rotor, "windSpeed": wind},
    }


def files() -> dict[str, str]:
    """The text of each file by its name."""
    usual = record(1.7, 3.9, 105.9)
    mixed = [
        usual,
        record(-1.7, 3.9, 105.9),
        record(1.7, 3.9, 105.9, FUTURE),
        record(1.7, 3.9, 105.9, FUTURE),
    ]
    return {
        "04-moderate-breeze.json": indented(record(1.7, 3.9, 25.3)),
        "10-storm.json": indented(record(1.7, 23.4, 100.1)),
        "11-violent-storm.json": indented(record(1.7, 45.7, 105.9)),
        "12-hurricane.json": indented(record(1.7, 78.3, 129.4)),
        "invalid-metric.json": indented(record(-1.7, 3.9, 105.9)),
        "future-data.json": indented(mixed),
        "medium.json": indented([usual] * MANY),
        "one-record-per-line.json": f"{json.dumps(usual)}\n" * MANY,
    }


def indented(value: object) -> str:
    """`value` as a JSON text for people."""
    return json.dumps(value, indent=2) + "\n"


def main() -> None:
    """Write every file."""
    given = sys.argv[1:]
    folder = Path(given[0]) if given else Path(__file__).parent / "test-data"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
