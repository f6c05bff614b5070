"""Operators as processes that start in a moment: copies of one that has everything imported.

A test that kills and starts many would otherwise wait for imports most of its time. Each copy is a
process of its own, with an environment and a log of its own, that runs the operator's `main`.

    with a_nursery() as nursery:
        operator = nursery.operator(kubeconfig, folder, namespace=namespace)
        await operator.start()
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from typing_extensions import override

from cloudflow_operator.main import main
from support.operator_process import prepared
from testbed.process import STOP_SECONDS, Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from support.operator_process import OperatorProcess

TESTS = Path(__file__).parents[1]


class Nursery:
    """Has copies made of the process that has everything imported."""

    def __init__(self, mother: subprocess.Popen[str]) -> None:
        self._mother = mother
        self._turn = threading.Lock()

    def operator(
        self, kubeconfig: Path, folder: Path, *, namespace: str, **settings: str
    ) -> OperatorProcess:
        """One that is not started yet; takes what `operator_process.prepared` does."""
        make = functools.partial(_Copy, self)
        return prepared(kubeconfig, folder, make, namespace=namespace, **settings)

    def born(self, command: Sequence[str], log: Path) -> int:
        """The number of a new copy, whose environment is what `command` says."""
        environment = dict(word.split("=", 1) for word in command if "=" in word)
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        with self._turn:
            self._mother.stdin.write(json.dumps([environment, str(log)]) + "\n")
            self._mother.stdin.flush()
            return int(self._mother.stdout.readline())


class _Copy(Process):
    """An operator's process that another one made, and buries."""

    def __init__(
        self, nursery: Nursery, folder: Path, command: Sequence[str], serves: Callable[[], bool]
    ) -> None:
        super().__init__(folder, command, serves)
        self._nursery = nursery
        self._pid = 0

    @property
    @override
    def is_alive(self) -> bool:
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, 0)
                return True
        return False

    @property
    @override
    def pid(self) -> int:
        return self._pid

    @override
    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._pid = self._nursery.born(self._command, self.folder / "log")

    @override
    def stop(self) -> None:
        self._signal(signal.SIGTERM)
        if not self._ends():
            self.kill()

    @override
    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        assert self._ends()

    def _ends(self) -> bool:
        deadline = time.monotonic() + STOP_SECONDS
        while self.is_alive and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self.is_alive


@contextlib.contextmanager
def a_nursery() -> Iterator[Nursery]:
    """One that can have copies made; those that are left end with it."""
    with subprocess.Popen(
        (sys.executable, "-m", "support.operator_nursery"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), *sys.path))},
        start_new_session=True,
    ) as mother:
        yield Nursery(mother)


def _be_mother() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries them
    for line in sys.stdin:
        environment, log = json.loads(line)
        child = os.fork()
        if not child:
            _be_operator(environment, log)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    os.killpg(0, signal.SIGKILL)


def _be_operator(environment: dict[str, str], log: str) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(environment)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(target, stream)
    os._exit(main())


if __name__ == "__main__":
    _be_mother()
