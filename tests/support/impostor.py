"""Servers that are no Kafka, or not the one that is needed; for what clients say of them."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

API_VERSIONS = 18
# Kafka 2.4, as far as a client of ours asks.
KAFKA_2_4 = {0: (0, 8), 1: (0, 11), 3: (0, 9), 9: (0, 6), API_VERSIONS: (0, 3), 22: (0, 1)}


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """The `host:port` of a server that does `serve` with each connection."""
    connections: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take everything, answer nothing."""
    while await reader.read(4096):
        pass


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a web server does to what it does not understand."""
    await reader.read(4)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    await writer.drain()


def kafka_of(versions: Mapping[int, tuple[int, int]]) -> Serve:
    """A broker that says which versions of requests it knows, and no more."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        key, _, correlation = struct.unpack(">hhi", (await reader.readexactly(size))[:8])
        assert key == API_VERSIONS
        rows = b"".join(struct.pack(">hhh", name, *known) for name, known in versions.items())
        body = struct.pack(">ihi", correlation, 0, len(versions)) + rows
        writer.write(struct.pack(">i", len(body)) + body)
        await writer.drain()

    return serve
