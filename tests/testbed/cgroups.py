"""Control groups of a test bed by their name, in whatever hierarchies this machine has."""

from __future__ import annotations

import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
REMOVE_SECONDS = 30.0


def make(name: str) -> None:
    """Make the group, in each hierarchy of version 1 or in the one of version 2."""
    for folder in hierarchies():
        folder.joinpath(name).mkdir(exist_ok=True)


def remove(name: str) -> None:
    """Remove the group with all below, once their last processes are gone.

    Raises:
        OSError: when one has processes that do not end.
    """
    deadline = time.monotonic() + REMOVE_SECONDS
    for folder in found(name):
        below = (each for each in folder.rglob("*") if each.is_dir())
        for each in (*sorted(below, reverse=True), folder):
            _remove(each, deadline)


def found(name: str) -> list[Path]:
    """Where there is a group called `name`."""
    return [folder / name for folder in hierarchies() if folder.joinpath(name).is_dir()]


def hierarchies() -> list[Path]:
    """The folders of all hierarchies."""
    if ROOT.joinpath("cgroup.procs").exists():
        return [ROOT]
    folders = (each for each in ROOT.glob("*") if not each.is_symlink())
    return [each for each in folders if each.joinpath("cgroup.procs").exists()]


def _remove(folder: Path, deadline: float) -> None:
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
