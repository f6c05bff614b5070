"""What a node is on: processes, mounts and a network that end with the first process there.

They are namespaces of the kernel, as a container has them, on the files of this machine. Whatever
starts there, mounts something, or writes rules into the firewall, leaves nothing behind: killing
the first process, which reaps orphans, ends all others, and the kernel forgets the rest.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from testbed import cgroups
from testbed.packages import NodeUnavailableError
from testbed.process import Wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from testbed.claims import Claim

FIRST = "catatonit"
# Programs write there whatever they are told; what they find there is the machine's own.
OWN = ("run", "var/lib", "var/log")
OWN_TABLE = "100"
NAMESPACES = ("--mount", "--net", "--pid", "--ipc")
RUN_SECONDS = 120
BEGIN = """
set -e
mount --make-rshared /
for each in {own}; do
    mkdir -p "{folder}/$each"
    mount --bind "{folder}/$each" "/$each"
done
test -d "{folder}" || {{ echo "{folder} must not be below one of: {own}" >&2; exit 1; }}
echo 1 > /proc/sys/net/ipv4/ip_forward
exec {first} -P
"""


class Machine:
    """One with an address that this machine reaches; nothing beyond this machine is reached there.

    Attributes:
        host: this machine's address, for all that is to be reached from there.
        address: its own.
        pods: addresses for pods; this machine reaches them.
        services: addresses for Services; this machine reaches them.
    """

    def __init__(self, claim: Claim) -> None:
        """Start nothing yet."""
        first = f"10.{claim.number}"
        self.host, self.address = f"{first}.0.1", f"{first}.0.2"
        self.pods, self.services = f"{first}.1.0/24", f"{first}.128.0/17"
        self.cgroup = claim.cgroup
        self.folder = claim.folder
        self._link = claim.link
        begin = BEGIN.format(folder=claim.folder, own=" ".join(OWN), first=FIRST)
        command = ("unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc")
        self.first = Wrapped(
            claim.folder / "machine", (*command, "sh", "-c", begin), self._has_begun
        )

    def start(self) -> None:
        """Start it, with nothing on it yet.

        Raises:
            DidNotStartError: when the first process ends.
            NodeUnavailableError: when the kernel refuses the network.
        """
        cgroups.make(self.cgroup)
        self.first.start()
        peer = ("peer", "name", "eth0", "netns", str(self.first.pid))
        run("ip", "link", "add", self._link, "type", "veth", *peer)
        run("ip", "address", "add", f"{self.host}/24", "dev", self._link)
        run("ip", "link", "set", self._link, "up")
        for network in (self.pods, self.services):
            run("ip", "route", "add", network, "via", self.address)
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        # What starts there needs a way to Services before rules change it; what comes by with none
        # of these rules is told so at once.
        self.run("ip", "rule", "add", "dev", "lo", "table", OWN_TABLE)
        self.run("ip", "route", "add", self.services, "dev", "eth0", "table", OWN_TABLE)
        self.run("ip", "route", "add", "unreachable", self.services)

    def process(self, name: str, command: Sequence[str], serves: Callable[[], bool]) -> Wrapped:
        """A process on it, not started yet; it ends with the machine."""
        return Wrapped(self.folder / name, (*self._enter(), *command), serves)

    def run(self, *command: str) -> str:
        """What a command says that runs on it to its end.

        Raises:
            NodeUnavailableError: when it fails.
        """
        return run(*self._enter(), *command)

    def stop(self) -> None:
        """End all that runs on it, at once."""
        self.first.kill()
        cgroups.remove(self.cgroup)

    def _enter(self) -> tuple[str, ...]:
        return ("nsenter", "--target", str(self.first.pid), *NAMESPACES, "--")

    def _has_begun(self) -> bool:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return Path("/proc", str(self.first.pid), "comm").read_text().strip() == FIRST
        return False


def run(*command: str) -> str:
    """What a command says.

    Raises:
        NodeUnavailableError: when it fails; with what it has said.
    """
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"[-1000:]
        raise NodeUnavailableError(f"{' '.join(command)} failed: {said}")
    return done.stdout
