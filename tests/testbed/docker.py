"""A daemon of Docker on a machine of its own: rules of its firewall and its mounts end with it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
from typing import TYPE_CHECKING

from testbed.claims import claimed
from testbed.machine import Machine
from testbed.packages import NodeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAEMON = "dockerd"


class Docker:
    """One that is started with its machine.

    Attributes:
        machine: what it is on; `machine.host` is an address of this machine that it reaches.
        address: for DOCKER_HOST.
    """

    def __init__(self, machine: Machine) -> None:
        """Start nothing yet; registries on this machine are trusted without a certificate."""
        self.machine = machine
        folder = machine.folder / "docker"
        self._socket = folder / "socket"
        self.address = f"unix://{self._socket}"
        settings = {
            "data-root": str(folder / "data"),
            "exec-root": str(folder / "exec"),
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "cgroup-parent": machine.cgroup,
            "hosts": [self.address],
            "insecure-registries": [f"{machine.host}/32"],
            "pidfile": str(folder / "daemon.pid"),
        }
        file = _written(folder, json.dumps(settings))
        command = (DAEMON, "--config-file", str(file))
        self._process = machine.process("docker", command, self._listens)

    def start(self) -> None:
        """Start it and wait until it serves.

        Raises:
            DidNotStartError: when it ends, or does not serve in time.
        """
        self._process.start()

    def stop(self) -> None:
        """End it with its machine."""
        self._process.stop()

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as one, contextlib.suppress(OSError):
            one.connect(str(self._socket))
            return True
        return False


@contextlib.contextmanager
def docker() -> Iterator[Docker]:
    """One that serves.

    Raises:
        DidNotStartError: when it ends, or does not serve in time.
        NodeUnavailableError: when it is not installed, or may not be started here.
    """
    if shutil.which(DAEMON) is None:
        raise NodeUnavailableError("there is no docker (apt-get install docker.io)")
    with claimed() as claim:
        machine = Machine(claim)
        try:
            machine.start()
            made = Docker(machine)
            try:
                made.start()
                yield made
            finally:
                made.stop()
        finally:
            machine.stop()


def _written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    file = folder / "daemon.json"
    file.write_text(text)
    return file
