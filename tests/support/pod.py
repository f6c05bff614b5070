"""Pods as processes, without Kubernetes: the contract's files and the real command."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import httpx

from streamlet_sdk.contract import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from streamlet_sdk.contract import StreamletConfig

PORT = re.compile(r"Probes and metrics are on port (\d+)")
START_SECONDS = 180.0


def contract_folder(
    folder: Path, config: StreamletConfig, clusters: Mapping[str, Mapping[str, str]]
) -> Path:
    """Write the files that a pod of `config` is told by; `clusters` are client properties."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("streamlet.json").write_text(json.dumps(to_json(config)))
    for name, properties in clusters.items():
        below = folder / "kafka" / name
        below.mkdir(parents=True, exist_ok=True)
        for key, value in properties.items():
            below.joinpath(key).write_text(value)
    return folder


@dataclass(slots=True, kw_only=True)
class PodProcess:
    """`python -m streamlet_sdk.runtime` for a contract folder; `source` holds user code."""

    folder: Path
    replica: str
    source: Path
    words: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _port: int | None = None
    _begin: int = 0

    def start(self) -> Self:
        """Start it, or start it again as a kubelet would; does not wait."""
        command = [sys.executable, "-m", "streamlet_sdk.runtime", "--config", str(self.folder)]
        command += ["--port", "0", "--log-format", "text", *self.words]
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.source),
            "CLOUDFLOW_REPLICA": self.replica,
        }
        self._port = None
        self._begin = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.source,
                env={**environment, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    @property
    def log_file(self) -> Path:
        """What all its starts have logged."""
        return self.folder.parent / f"{self.replica}.log"

    @property
    def log(self) -> str:
        """What it has logged since its last start."""
        with self.log_file.open("rb") as file:
            file.seek(self._begin)
            return file.read().decode(errors="replace")

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    async def ready(self) -> Self:
        """Wait until `/readyz` says yes.

        Raises:
            AssertionError: when the process ends, or is not ready in time; with its log.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                while (await self.ask("/readyz"))[0] != 200:
                    assert self.is_running, self.log[-3000:]
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not ready in time: {self.log[-3000:]}") from None
        return self

    async def ask(self, path: str) -> tuple[int, str]:
        """Status and body of a path on its port; 0 while it does not answer."""
        if self._port is None and (found := PORT.search(self.log)):
            self._port = int(found.group(1))
        if self._port is None:
            return 0, ""
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self._port}{path}", timeout=5)
            except httpx.TransportError:
                return 0, ""
        return answer.status_code, answer.text

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this very process."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, within: float = 60.0) -> int:
        """Wait for its end; its exit status.

        Raises:
            AssertionError: when it goes on; with its log.
        """
        assert self._process is not None
        try:
            return await asyncio.to_thread(self._process.wait, within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end: {self.log[-3000:]}") from None

    async def stopped(self) -> int:
        """Ask it to stop as Kubernetes does, and wait."""
        self.send(signal.SIGTERM)
        return await self.ended()

    async def killed(self) -> None:
        """End it as a crash would."""
        self.send(signal.SIGKILL)
        await self.ended()

    async def __aenter__(self) -> Self:
        """Start it."""
        return self.start()

    async def __aexit__(self, *error: object) -> None:
        """Leave nothing behind."""
        if self.is_running:
            await self.killed()
