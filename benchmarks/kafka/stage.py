"""The stage that everybody plays: read a SensorData, make a Metric of it, write that.

Imported by the benchmark, by our streamlets and by the peers in environments of their own, so it
needs nothing but fastavro. Records differ: a thousand devices, and numbers with full mantissas.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Row = dict[str, Any]

NAME = "power"
PARTITIONS = 4
BEGAN = "CLOUDFLOW_BENCH_BEGAN"
"""The variable with the file into which whoever runs the stage writes when it saw a record."""

HERE = Path(__file__).parent
READS = json.loads(HERE.with_name("sensor-data.avsc").read_text())
WRITES = json.loads(HERE.with_name("metric.avsc").read_text())
READ_SCHEMA, WRITE_SCHEMA = fastavro.parse_schema(READS), fastavro.parse_schema(WRITES)
DEVICES = [
    str(uuid.UUID(int=(0x9E3779B97F4A7C15F39CC060 * n) % (1 << 128))) for n in range(1, 1001)
]
FIRST_MILLIS = 1_495_545_646_279


@dataclass(frozen=True, slots=True)
class Job:
    """What a peer is told, as JSON in its only argument."""

    bootstrap: str
    source: str
    target: str
    group: str
    count: int

    def text(self) -> str:
        """The argument."""
        return json.dumps(asdict(self))


def job() -> Job:
    """What this process is told."""
    return Job(**json.loads(sys.argv[1]))


def began() -> None:
    """Tell that the first record is here: the time, and the processor time used before."""
    Path(os.environ[BEGAN]).write_text(json.dumps([time.time(), time.process_time()]))


def reading(number: int) -> Row:
    """Record `number` of the input."""
    return {
        "deviceId": DEVICES[number * 2_654_435_761 % len(DEVICES)],
        "timestamp": FIRST_MILLIS + number,
        "measurements": {
            "power": round(1000 + 900 * math.sin(number), 3),
            "rotorSpeed": round(8 + 4 * math.sin(0.7 * number), 3),
            "windSpeed": round(12 + 9 * math.sin(0.3 * number), 3),
        },
    }


def readings(count: int) -> Iterator[Row]:
    """The input."""
    return map(reading, range(count))


def metric(row: Mapping[str, Any]) -> Row:
    """What the stage makes of a record."""
    return {
        "deviceId": row["deviceId"],
        "timestamp": row["timestamp"],
        "name": NAME,
        "value": row["measurements"]["power"],
    }


def decode(data: bytes) -> Any:
    """A SensorData from bytes without header, as peers do it."""
    return fastavro.schemaless_reader(io.BytesIO(data), READ_SCHEMA, None)


def reading_bytes(row: Row) -> bytes:
    """A SensorData as bytes without header."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, READ_SCHEMA, row)
    return out.getvalue()


def encode(row: Row) -> bytes:
    """A Metric as bytes without header, as peers do it."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, WRITE_SCHEMA, row)
    return out.getvalue()


def read_metric(data: bytes) -> Any:
    """A Metric from bytes without header, to check what came out."""
    return fastavro.schemaless_reader(io.BytesIO(data), WRITE_SCHEMA, None)
