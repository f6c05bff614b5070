"""A process that stands for election and does nothing else: `python -m support.candidate`.

While it leads it writes the time to a file, as the operator writes to the API server. The clock is
that of the machine, so the files of several processes can be compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cloudflow_operator.election import PATIENCE, Candidate, Election
from cloudflow_operator.requests import connected
from testbed.process import Process

if TYPE_CHECKING:
    from typing import BinaryIO

TESTS = Path(__file__).parent.parent
BEAT_SECONDS = 0.02


class Now:
    """The time as it is."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Replica:
    """A candidate's process, and when it led."""

    def __init__(self, folder: Path, kubeconfig: Path, namespace: str, identity: str) -> None:
        """Start nothing yet."""
        self.identity = identity
        self._beats = folder / f"{identity}.beats"
        self._beats.touch()
        self.process = Process(
            folder / identity,
            (
                *("/usr/bin/env", f"PYTHONPATH={TESTS}", sys.executable, "-m", "support.candidate"),
                *(str(kubeconfig), namespace, identity, str(self._beats)),
            ),
            lambda: True,
        )

    def beats(self) -> list[float]:
        """When it led, in seconds of the machine's clock."""
        # The last line may be half written.
        return [float(line) for line in self._beats.read_text().split("\n")[:-1]]


async def _stand(kubeconfig: Path, candidate: Candidate, beats: BinaryIO) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with connected(kubeconfig, PATIENCE) as requests:
        election = Election(requests, candidate, Now())
        running = asyncio.create_task(election.run())
        working = asyncio.create_task(_work(election, beats))
        await stopped.wait()
        for task in (working, running):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await election.release()


async def _work(election: Election, beats: BinaryIO) -> None:
    await election.leading.wait()
    while True:
        os.write(beats.fileno(), f"{time.monotonic()}\n".encode())
        await asyncio.sleep(BEAT_SECONDS)


if __name__ == "__main__":
    _, file, namespace, identity, log = sys.argv
    logging.basicConfig(level=logging.INFO)
    with Path(log).open("ab") as opened:
        asyncio.run(_stand(Path(file), Candidate(identity=identity, namespace=namespace), opened))
