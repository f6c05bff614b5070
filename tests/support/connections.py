"""Connections that a test leaves open; without this a later test would be told of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE_SECONDS: Final = 10.0
"""How long the other side may take to say goodbye, as TLS wants it."""


async def ended() -> None:
    """Wait until the running loop has none.

    Raises:
        AssertionError: when some stay.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_SECONDS
    while (left := _open(loop)) and loop.time() < until:
        await asyncio.sleep(0.01)
    assert not left, f"connections left behind: {[_described(one) for one in left]}"


def _open(loop: Any) -> Sequence[Any]:
    """The transports of sockets that nobody has closed."""
    return [one for one in dict(loop._transports).values() if not one.is_closing()]


def _described(transport: Any) -> str:
    here, there = map(transport.get_extra_info, ("sockname", "peername"))
    return f"{here} to {there} ({type(transport.get_protocol()).__name__})"
