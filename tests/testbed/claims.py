"""Numbers of test beds on this machine, each with a folder and a range of addresses of its own.

Whoever claims one holds a lock until it ends, however it ends; so a bed without a lock is one that
nobody uses any more, unless it was left to stay.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testbed import cgroups
from testbed.keeping import cache
from testbed.packages import NodeUnavailableError
from testbed.process import end_recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = range(200, 250)
# For all of this machine, wherever they keep their files.
LOCKS = Path("/run/cloudflow-nodes")
STAYS = "stays"
CLONE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Claim:
    """A number, and all that is called by it.

    Attributes:
        folder: for files and the records of processes, in it or one below.
        link: the network interface of this machine that leads to the bed.
        cgroup: name of what the bed's containers are counted in.
    """

    number: int

    @property
    def folder(self) -> Path:
        return _beds() / str(self.number)

    @property
    def link(self) -> str:
        return f"cloudflow{self.number}"

    @property
    def cgroup(self) -> str:
        return f"cloudflow-{self.number}"

    @property
    def network(self) -> str:
        """All addresses of the bed: 10.n.0.0/24 for machines, .1 for pods, .128 on for Services."""
        return f"10.{self.number}.0.0/16"

    def stay(self) -> None:
        """Let the bed live on when its claim ends; `sweep(stayed=True)` from this clone ends it."""
        self.folder.joinpath(STAYS).write_text(str(CLONE))

    def stays(self, clone: Path | None = None) -> bool:
        """Whether it was left to stay; by whoever runs in `clone`, if that is named."""
        if not self.folder.joinpath(STAYS).exists():
            return False
        return clone is None or self.folder.joinpath(STAYS).read_text() == str(clone)

    def clear(self) -> None:
        """End what was recorded, and remove all that has the bed's number."""
        for folder in (self.folder, self.folder / "control-plane", self.folder / "kafka"):
            end_recorded(folder)
        cgroups.remove(self.cgroup)
        shutil.rmtree(self.folder, ignore_errors=True)
        # It goes with its other end too, but some time after the last process there.
        _ip("link", "delete", self.link)


@contextlib.contextmanager
def claimed() -> Iterator[Claim]:
    """A number that nobody has; what is called by it is removed at the end, unless it stays.

    Raises:
        NodeUnavailableError: when there is none.
    """
    sweep()
    with contextlib.ExitStack() as stack:
        # In no order: one that has just ended is not taken again while somebody looks after it.
        for number in random.sample(NUMBERS, len(NUMBERS)):
            claim = Claim(number)
            if stack.enter_context(_lock(number)) and not _is_taken(claim):
                claim.folder.mkdir(parents=True)
                break
        else:
            raise NodeUnavailableError(
                f"all of {NUMBERS} are taken; `make cluster-down` ends those of this clone"
            )
        try:
            yield claim
        finally:
            if not claim.stays():
                claim.clear()


def sweep(*, stayed: bool = False) -> None:
    """Remove beds whose owners have ended; with `stayed` also those that this clone let stay."""
    for claim in map(Claim, NUMBERS):
        if not claim.folder.exists():
            continue
        with _lock(claim.number) as mine:
            if mine and (not claim.stays() or (stayed and claim.stays(CLONE))):
                claim.clear()


def _beds() -> Path:
    return cache() / "nodes"


@contextlib.contextmanager
def _lock(number: int) -> Iterator[bool]:
    """Whether the number is now this process's own; it is until the end, if so."""
    LOCKS.mkdir(exist_ok=True)
    file = os.open(LOCKS / str(number), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        yield False
        return
    try:
        yield True
    finally:
        os.close(file)


def _is_taken(claim: Claim) -> bool:
    """Whether a bed that stays, or the machine itself, has the addresses."""
    routes = _ip("-4", "route", "show", "root", claim.network)
    return claim.folder.exists() or Path("/sys/class/net", claim.link).exists() or bool(routes)


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    return done.stdout
