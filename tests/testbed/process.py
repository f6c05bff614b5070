"""A process of a test bed that can be ended, frozen and started again.

It knows nothing of what it runs: its owner gives the command and says when it serves.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

START_SECONDS = 180.0
STOP_SECONDS = 15.0


class DidNotStartError(Exception):
    """A process ended or did not serve in time; the message has the end of its log."""


class Process:
    """One with a folder of its own for its log and its id; started again it has the same command.

    The command has to name the folder, as `end_recorded` knows its processes by that.
    """

    def __init__(self, folder: Path, command: Sequence[str], serves: Callable[[], bool]) -> None:
        """Start nothing yet; `serves` is asked again and again while it starts."""
        self.name = folder.name
        self.folder = folder
        self._command = command
        self._serves = serves
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it is there; a paused one is."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its number, or that of the last one."""
        assert self._process is not None
        return self._process.pid

    def launch(self) -> None:
        """Begin to start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.folder.joinpath("log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        self.folder.joinpath("pid").write_text(str(self._process.pid))

    def await_serving(self, serves: Callable[[], bool] | None = None) -> None:
        """Wait until it serves, or until something else is so that `serves` tells.

        Raises:
            DidNotStartError: when it ends, or does not serve in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while not (serves or self._serves)():
            if not self.is_alive or time.monotonic() > deadline:
                self.kill()
                raise DidNotStartError(f"{self.name} did not start: {self.log()[-1000:]}")
            time.sleep(0.05)

    def start(self) -> None:
        """Start it and wait until it serves; raises as `await_serving` does."""
        self.launch()
        self.await_serving()

    def restart(self) -> None:
        """Stop it and start it; raises as `await_serving` does."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Ask it to end, by force when that takes long; paused or not."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        self.resume()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a crash would; paused or not."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def pause(self) -> None:
        """Freeze it: its connections stay open, and nobody answers any more."""
        if self._process is not None and self.is_alive:
            self._signal(signal.SIGSTOP)
            # Its threads stop one after the other; here all have.
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """What it has written."""
        return self.folder.joinpath("log").read_text(errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Wrapped(Process):
    """One that another starts and waits for, as `unshare` and `nsenter` do; that ends with it."""

    @property
    def pid(self) -> int:
        """Its number, or that of who is about to start it."""
        return _started_by(super().pid)

    def resume(self) -> None:
        """Let it go on after a pause; who waits for it was paused with it, and passes this on."""
        if self.is_alive:
            os.kill(super().pid, signal.SIGCONT)


def end_recorded(folder: Path) -> None:
    """End the processes whose folders are in `folder`, and not a stranger that has their number."""
    for record in folder.glob("*/pid"):
        pid = int(record.read_text())
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            while os.fsencode(folder) in Path("/proc", str(pid), "cmdline").read_bytes():
                # Who waits for another one buries it, and ends then.
                os.kill(_started_by(pid), signal.SIGKILL)
                time.sleep(0.05)


def _started_by(pid: int) -> int:
    """The process that `pid` waits for, or `pid` itself."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid
    return pid
