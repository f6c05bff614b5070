"""Starts the process that a pod runs, as the platform does: the contract's files, a name."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stage import BEGAN

from streamlet_sdk.contract import (
    Binding,
    DeliveryOverride,
    StreamletConfig,
    dead_letter_port,
    to_json,
)
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from cluster import Cluster

    from streamlet_sdk.delivery import Guarantee

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INLET = "in"
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
PROBE_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A streamlet to run.

    Attributes:
        name: of the class in `streamlets.py`.
        application: a name that no other run has, for the groups.
        source: the topic that it reads.
        target: the topic that it writes.
    """

    name: str
    application: str
    source: str
    target: str
    guarantee: Guarantee = "at-least-once"
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> StreamletConfig:
        """What the platform would tell it; everything else is as it comes."""
        letters = dead_letter_port(INLET)
        topics = {INLET: self.source, "out": self.target, letters: self.letters}
        return StreamletConfig(
            application=self.application,
            streamlet=self.name.lower(),
            class_name=f"streamlets:{self.name}",
            ports={port: Binding(topic=name, kafka_name=name) for port, name in topics.items()},
            delivery={INLET: DeliveryOverride(guarantee=self.guarantee)},
        )

    @property
    def letters(self) -> str:
        """The topic of its dead letters."""
        return f"{self.target}-dead-letters"

    @property
    def group(self) -> str:
        """The consumer group."""
        return self.config.group(INLET)

    def write(self, folder: Path, bootstrap: str) -> None:
        """Write the files that the platform mounts."""
        kafka = folder / "kafka" / "default"
        kafka.mkdir(parents=True)
        for name, value in {"bootstrap.servers": bootstrap, **self.properties}.items():
            kafka.joinpath(name).write_text(value)
        folder.joinpath("streamlet.json").write_text(json.dumps(to_json(self.config)))


class Pod:
    """One replica; it may be ended and started again under its name."""

    def __init__(self, folder: Path, replica: str) -> None:
        """Start nothing yet; `folder` has the files of the contract."""
        self._folder = folder
        self._replica = replica
        self.began = folder / f"{replica}.began"
        self._log = folder / f"{replica}.log"
        self.started = 0.0
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        (self._port,) = free_ports(1)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (HERE, ROOT))),
            "CLOUDFLOW_REPLICA": self._replica,
            BEGAN: str(self.began),
        }
        self.started = time.monotonic()
        words = ("-m", "streamlet_sdk.runtime", "--config", str(self._folder))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *words, "--port", str(self._port)],
                cwd=HERE,
                env=environment,
                stdout=log,
                stderr=log,
            )

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> Mapping[str, int]:
        """Its memory now and at most, in KiB, by the kernel's names."""
        assert self._process is not None
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}

    @property
    def cpu_seconds(self) -> float:
        """The processor time that it has used."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log(self) -> str:
        """The end of what it has written."""
        return self._log.read_text()[-2000:]

    async def ready(self) -> None:
        """Wait until it says that it is."""
        async with asyncio.timeout(READY_SECONDS):
            while not await asyncio.to_thread(self._answers):
                if not self.is_alive:
                    raise SystemExit(f"{self._replica} ended:\n{self.log()}")
                await asyncio.sleep(PROBE_SECONDS)

    async def stop(self) -> None:
        """End it as Kubernetes does, by force when it takes too long."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a crash does."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(number)
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=1) as got:
                return bool(got.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextlib.asynccontextmanager
async def at_work(cluster: Cluster, order: Order, replicas: int = 1) -> AsyncIterator[list[Pod]]:
    """Replicas of a streamlet, started and stopped; its topic of dead letters is made."""
    await cluster.create(order.letters, 1)
    with tempfile.TemporaryDirectory(prefix="cloudflow-bench-") as folder:
        order.write(Path(folder), cluster.bootstrap)
        names = [f"{order.application}-{order.name.lower()}-{number}" for number in range(replicas)]
        pods = [Pod(Path(folder), name) for name in names]
        try:
            for pod in pods:
                pod.start()
            yield pods
        finally:
            await asyncio.gather(*(pod.stop() for pod in pods))
    await cluster.delete(order.letters)
