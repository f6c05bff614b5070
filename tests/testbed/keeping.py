"""Where the test bed keeps what takes long to make, and how only one process makes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache() -> Path:
    """The folder, outside of the clone: it serves all clones, and outlives them."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "cloudflow-testbed"


@contextlib.contextmanager
def making(kept: Path) -> Iterator[bool]:
    """Whether `kept` is still to be made; nobody else makes it meanwhile, and who waited has it."""
    if kept.exists():
        yield False
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_name(f".{kept.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not kept.exists()
