"""A network between clients and one broker that can be cut: a TCP proxy on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal, Self

Cut = Literal["refuse", "hole", "drop"]
"""`refuse`: nobody gets in. `hole`: nothing gets through, and arrives when it is over.
`drop`: every connection ends, new ones work."""

CHUNK_BYTES = 64 * 1024


class Proxy:
    """Forwards connections to `port` of the broker at `target`."""

    def __init__(self, port: int, target: int) -> None:
        """Forward nothing before `start`."""
        self.port = port
        self._target = target
        self._server: asyncio.Server | None = None
        self._through = asyncio.Event()
        self._through.set()
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every connection and listen no more."""
        await self.cut("refuse")

    async def cut(self, how: Cut) -> None:
        """Cut the connections; `mend` ends it."""
        if how == "hole":
            self._through.clear()
            return
        if how == "refuse" and self._server is not None:
            self._server.close()
            self._server = None
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def mend(self) -> None:
        """Let everything through again."""
        self._through.set()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._linked, "127.0.0.1", self.port)

    async def _linked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client, to its end."""
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        # What cancels it is a cut, and it has to end as quietly as a wire does.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._joined(reader, writer)
        self._links.discard(link)
        writer.transport.abort()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        ways = [
            asyncio.create_task(self._pumped(reader, forth)),
            asyncio.create_task(self._pumped(back, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forth.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pumped(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK_BYTES):
            await self._through.wait()
            sink.write(data)
            await sink.drain()
