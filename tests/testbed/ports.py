"""Ports for servers of a test bed, each given once on this machine while its process lives."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import random
import socket
from typing import TYPE_CHECKING

from testbed.keeping import cache

if TYPE_CHECKING:
    from io import BufferedRandom

# Below those that the system gives to clients: while a server is down none of its clients may be
# given its port, or connect to itself there.
PORTS = range(10_000, 32_000)
_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses on any address of this machine, all different.

    No other process of a test bed is given one of them before this one ends, whether something
    listens there or not.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.choice(PORTS)
        if port not in _given and _is_free(port) and _reserve(port):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as tried, contextlib.suppress(OSError):
        tried.bind(("", port))
        return True
    return False


def _reserve(port: int) -> bool:
    try:
        # It holds for this process, not for those that it starts.
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    _given.add(port)
    return True


@functools.cache
def _reservations() -> BufferedRandom:
    """A file of which each byte stands for a port; closed once, all its locks were gone."""
    path = cache() / "ports"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path.open("r+b")
