"""The pods of a run: real processes, started again as a kubelet does, and never left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from streamlet_sdk.contract import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.contract import StreamletConfig

PIPELINE = Path(__file__).with_name("pipeline")
ROOT = Path(__file__).resolve().parents[2]
LOOK_SECONDS = 0.05
# A kubelet's termination grace period: whoever needs longer after SIGTERM is killed.
GRACE_SECONDS = 30.0
LONGEST_BACKOFF_SECONDS = 8.0


@dataclass
class Pod:
    """One replica, whatever process it has now.

    Attributes:
        wanted: whether it is to be started again when it ends.
        delay: seconds that the next start waits.
        deaths: how its processes ended that nobody had asked to end, by status.
    """

    name: str
    streamlet: str
    folder: Path
    log: Path
    wanted: bool = True
    delay: float = 0.0
    asked: bool = False
    deaths: list[int] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start a process."""
        command = [sys.executable, "-m", "streamlet_sdk.runtime", "--config", str(self.folder)]
        words = ["--port", "0", "--log-format", "text"]
        paths = [str(PIPELINE), str(ROOT)]
        environment = {
            **os.environ,
            "CLOUDFLOW_REPLICA": self.name,
            "PYTHONPATH": os.pathsep.join(paths),
        }
        with self.log.open("ab") as log:
            log.write(f"--- {time.strftime('%H:%M:%S')} start of {self.name}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                [*command, *words], stdout=log, stderr=log, env=environment, cwd=self.folder
            )
        self.asked = False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its process, if it has one."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    @property
    def is_running(self) -> bool:
        """Whether it has a process."""
        return self.process is not None and self.process.poll() is None


class Kubelet:
    """Keeps pods running.

    Attributes:
        crashes: processes that ended without having given back what they had in hand.
        overdue: pods that had to be killed because they did not end in time after SIGTERM.
    """

    def __init__(self, folder: Path, properties: Mapping[str, str]) -> None:
        """Start nothing yet; `properties` are client properties of the pipeline."""
        self.pods: list[Pod] = []
        self.crashes = 0
        self.overdue: list[str] = []
        self._folder = folder
        self._properties = properties
        self._keeping: set[asyncio.Task[None]] = set()
        self._extra = 0

    def mount(self, config: StreamletConfig) -> None:
        """Write what pods of a streamlet are told."""
        folder = self._folder / config.streamlet
        folder.joinpath("kafka", "default").mkdir(parents=True)
        folder.joinpath("streamlet.json").write_text(json.dumps(to_json(config)))
        self._mount_properties(folder, self._properties)

    def change(self, properties: Mapping[str, str]) -> None:
        """Change client properties; processes that run read them when they are started again."""
        for streamlet in {pod.streamlet for pod in self.pods}:
            self._mount_properties(self._folder / streamlet, properties)

    @staticmethod
    def _mount_properties(folder: Path, properties: Mapping[str, str]) -> None:
        for name, value in properties.items():
            folder.joinpath("kafka", "default", name).write_text(value)

    def add(self, streamlet: str, name: str = "") -> Pod:
        """Start one more replica."""
        self._extra += 1
        name = name or f"{streamlet}-{self._extra}"
        log = self._folder / f"{name}.log"
        pod = Pod(name, streamlet, self._folder / streamlet, log)
        self.pods.append(pod)
        task = asyncio.create_task(self._keep(pod))
        self._keeping.add(task)
        return pod

    def of(self, streamlet: str) -> list[Pod]:
        """The replicas of a streamlet that are wanted."""
        return [pod for pod in self.pods if pod.streamlet == streamlet and pod.wanted]

    def kill(self, pod: Pod, delay: float = 0.0) -> None:
        """End it as a crash would; it is started again after `delay` seconds."""
        if pod.is_running:
            pod.asked = True
            pod.delay = delay
            self.crashes += 1
            pod.signal(signal.SIGKILL)

    async def terminate(self, pod: Pod, *, again: bool) -> None:
        """SIGTERM, and SIGKILL when the grace period is over; wait for its end."""
        pod.wanted = again
        pod.asked = True
        process = pod.process
        pod.signal(signal.SIGTERM)
        limit = time.monotonic() + GRACE_SECONDS
        while process is not None and process.poll() is None:
            if time.monotonic() > limit:
                self.overdue.append(pod.name)
                self.kill(pod)
            await asyncio.sleep(LOOK_SECONDS)
        if process is not None and process.returncode > 0:
            pod.deaths.append(process.returncode)
            self.crashes += 1

    async def drain(self) -> None:
        """End every pod in order."""
        pods = [pod for pod in self.pods if pod.wanted]
        await asyncio.gather(*(self.terminate(pod, again=False) for pod in pods))

    async def close(self) -> None:
        """Leave nothing behind."""
        for pod in self.pods:
            pod.wanted = False
            pod.signal(signal.SIGKILL)
            if pod.process is not None:
                await asyncio.to_thread(pod.process.wait)
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _keep(self, pod: Pod) -> None:
        """Start it, and again whenever it ends; what ends by itself waits longer each time."""
        backoff = 0.0
        while pod.wanted:
            pod.launch()
            while pod.is_running:
                await asyncio.sleep(LOOK_SECONDS)
            if pod.asked:
                await asyncio.sleep(pod.delay)
                continue
            assert pod.process is not None
            pod.deaths.append(pod.process.returncode)
            self.crashes += 1
            await asyncio.sleep(backoff)
            backoff = min(LONGEST_BACKOFF_SECONDS, 2 * backoff + 0.5)
