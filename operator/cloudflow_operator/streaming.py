"""Answers of the API server that go on, line by line; whoever has enough of one breaks it off.

It knows nothing of what the lines say.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    import aiohttp


@contextlib.asynccontextmanager
async def broken_off(response: aiohttp.ClientResponse) -> AsyncIterator[None]:
    """End an answer with the block, whether the server has ended it or not.

    What goes on is cut at once: closed politely, a TLS connection would stay until the server has
    said goodbye too, which one that is busy or out of reach takes its time for.
    """
    async with response:
        try:
            yield
        finally:
            connection = response.connection
            if connection is not None and connection.transport is not None:
                connection.transport.abort()


async def lines(content: aiohttp.StreamReader, silence: timedelta) -> AsyncIterator[bytes]:
    """What comes, line by line with their ends, however long one is.

    Raises:
        TimeoutError: when nothing comes for as long as `silence`.
    """
    rest = b""
    while True:
        async with asyncio.timeout(silence.total_seconds()):
            chunk = await content.readany()
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
        if not chunk:
            break
    if rest:
        yield rest
