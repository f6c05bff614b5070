"""What people wait for who work on an application, and what its pods take, on a node.

Each figure is the median of some tries. Commands are whole processes, as people start them.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from cloudflow_operator.names import STREAMLET
from support.kube import eventually
from support.report import Finding, Target
from support.space import a_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.installation import Platform
    from support.kube import Document, Kube
    from support.report import Report
    from support.space import Space

FIVE = "sensor-data"
CHANGED = Path("src", "sensor_data", "metrics.py")
GREETING = "streamlet.printer"
"""The logger that writes a line for each record."""
MEGABYTE = 1_000_000
STATUS = "print(open('/proc/1/status').read())"


@dataclass(frozen=True)
class Bench:
    """Figures of a platform, one after the other.

    Attributes:
        folder: for projects.
        tries: of each figure.
        tell: hears of each figure when it is known.
    """

    platform: Platform
    kube: Kube
    folder: Path
    tries: int
    report: Report
    tell: Callable[[Finding], None]

    async def all(self) -> None:
        """All of them."""
        await self.builds()
        await self.five()
        await self.starts()

    async def builds(self) -> None:
        """An image after a change of one line; its dependencies and the base are there."""
        await self.platform.built(FIVE)
        project = self.platform.project(FIVE, self.folder)
        times = []
        for number in range(self.tries):
            with (project / CHANGED).open("a") as file:
                file.write(f"# change {number}\n")
            began = time.monotonic()
            await self.platform.build(project)
            times.append(time.monotonic() - began)
        self._seconds("`build --push` after a change of one line", times, 10)

    async def five(self) -> None:
        """Five streamlets from nothing to ready, and what each takes while nothing comes."""
        resource = await self.platform.built(FIVE)
        times, resident = [], []
        async with a_space(self.platform, self.kube) as space:
            for _ in range(1 + self.tries):
                await space.login(FIVE)
                began = time.monotonic()
                await space.done(f"deploy {resource} --wait")
                times.append(time.monotonic() - began)
                resident.append(max(await _resident(space)))
                await space.done(f"undeploy {FIVE} --delete-topics --yes --wait")
        del times[0]  # which has pulled the image
        self._seconds("`deploy --wait` of five streamlets, image on the node", times, 20)
        self._add(
            "resident memory of an idle streamlet, the largest of five",
            "the process in its pod",
            median(resident) / MEGABYTE,
            Target(sense="at most", value=80, unit="MB"),
        )

    async def starts(self) -> None:
        """A pod from when it is made to its first record; records wait for it."""
        resource = await self.platform.built("hello")
        async with a_space(self.platform, self.kube) as space:
            await space.deploy(resource)
            times = [await _start(space) for _ in range(self.tries)]
        self._seconds("a pod from its making to its first record", times, 5)

    def _seconds(self, what: str, times: list[float], limit: float) -> None:
        figure = f"{min(times):.1f} to {max(times):.1f} s in {len(times)}"
        self._add(what, figure, median(times), Target(sense="at most", value=limit, unit="s"))

    def _add(self, what: str, figure: str, value: float, target: Target) -> None:
        found = Finding(what=what, figure=figure, value=value, unit=target.unit, target=target)
        self.report.add(found)
        self.tell(found)


async def _resident(space: Space) -> list[int]:
    """Bytes that the first process of each pod holds."""
    found = []
    for pod in await space.pods():
        status = await space.in_pod(pod["metadata"]["labels"][STREAMLET], "python", "-c", STATUS)
        [row] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        found.append(int(row.split()[1]) * 1024)
    return found


async def _start(space: Space) -> float:
    """Seconds from when a pod of `printer` is seen to the time of its first record."""
    await space.done("scale hello printer=0")

    async def gone() -> bool:
        return not await _all_pods(space)

    await eventually(gone, "the end of the pods of printer")
    made, _ = await asyncio.gather(_made(space), space.done("scale hello printer=1"))

    async def records() -> list[datetime]:
        # Before its container has started it has no log, and kubectl fails.
        said = await space.platform.shell(
            f"kubectl logs {await space.pod('printer')} --namespace {space.namespace}"
        )
        lines = map(json.loads, said.out.splitlines())
        return [datetime.fromisoformat(one["time"]) for one in lines if one["logger"] == GREETING]

    [first, *_] = await eventually(records, "the first record of a new pod")
    return first.timestamp() - made


async def _made(space: Space) -> float:
    """When the first pod of `printer` is there."""
    await eventually(lambda: _all_pods(space), "a new pod of printer")
    return time.time()


async def _all_pods(space: Space) -> list[Document]:
    """Those of `printer`, also when they end."""
    listed = await space.kube.listed("v1", "Pod", space.namespace)
    return [one for one in listed if one["metadata"]["name"].startswith("hello-printer-")]
