"""The wind turbines on a cluster: their test data sent, and what has to come of it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from support.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.space import Space

Metrics = Counter[tuple[str, float]]
"""Metrics by name and value."""

EXAMPLE = ROOT / "examples" / "sensor-data"
DATA = sorted((EXAMPLE / "test-data").glob("*.json"))


def _measured() -> Iterator[tuple[str, float]]:
    for file in DATA:
        found = json.loads(file.read_text())
        for record in found if isinstance(found, list) else [found]:
            yield from record["measurements"].items()


VALID: Metrics = Counter(one for one in _measured() if one[1] >= 0)
INVALID: Metrics = Counter(one for one in _measured() if one[1] < 0)


def often(found: Metrics, times: int) -> Metrics:
    """What comes of data that is sent several times."""
    return Counter({one: count * times for one, count in found.items()})


async def post(space: Space) -> None:
    """Send all test data to the only Service of a namespace, as README.md tells."""
    [found] = await space.kube.listed("v1", "Service", space.namespace)
    url = f"http://{found['spec']['clusterIP']}:{found['spec']['ports'][0]['port']}/"
    command = map(str, (sys.executable, EXAMPLE / "send.py", "--url", url, *DATA))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    count = (VALID.total() + INVALID.total()) // 3
    assert (process.returncode, said.decode()) == (0, f"202: {count}\n")


def recorded(found: list[Any]) -> Metrics:
    """Those of records."""
    return Counter((one["name"], one["value"]) for one in found)


def logged(lines: list[str]) -> Metrics:
    """Those in lines of a pod's log, in which stands `[prefix] name value of device …`."""
    said = [json.loads(line)["message"] for line in lines if " of " in line]
    words = [one.partition(" of ")[0].split() for one in said]
    return Counter((one[-2], float(one[-1])) for one in words)
