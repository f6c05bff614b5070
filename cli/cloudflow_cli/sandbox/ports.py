"""Ports of servers: they count up from a base, and are looked at before anything starts."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from cloudflow_cli.errors import UsageError
from streamlet_sdk.errors import CloudflowError

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST: Final = "127.0.0.1"
HIGHEST_PORT: Final = 65_535
FREE: Final = 0


def choose(replicas: Mapping[str, int], base: int) -> dict[str, int]:
    """The first port of each server, by streamlet; its replicas have the ones after it.

    Args:
        replicas: how many of each server run.
        base: the first port of all; `FREE` takes free ones.

    Raises:
        UsageError: when there are not so many ports.
        CloudflowError: when one of them is in use.
    """
    chosen: dict[str, int] = {}
    following = base
    with ExitStack() as held:  # what is looked at stays taken until all are found
        for name, count in replicas.items():
            chosen[name] = first = _free(count) if base == FREE else following
            for port in range(first, first + count):
                held.enter_context(_bound(port, name))
            following = first + count
    return chosen


def _bound(port: int, streamlet: str) -> socket.socket:
    if port > HIGHEST_PORT:
        raise UsageError(
            f"There is no port {port} for {streamlet!r}.", hint="Choose a lower --port-base."
        )
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As servers do: connections that a former one has closed are no reason to refuse.
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((HOST, port))
        server.listen(1)  # with SO_REUSEADDR only this fails beside another that listens
    except OSError as error:
        server.close()
        taken = error.errno == errno.EADDRINUSE
        reason = "is in use" if taken else f"cannot be had: {error.strerror}"
        raise CloudflowError(
            f"Port {port}, for {streamlet!r}, {reason}.",
            hint="Stop what uses it, or count from another one with --port-base.",
        ) from error
    return server


def _free(count: int) -> int:
    """The first of `count` ports in a row that are free now."""
    while True:
        with ExitStack() as held:
            first = held.enter_context(socket.create_server((HOST, 0))).getsockname()[1]
            try:
                for port in range(first + 1, first + count):
                    held.enter_context(socket.create_server((HOST, port)))
            except OSError:
                continue
            return int(first)
