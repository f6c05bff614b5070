"""Runs the HTTP side of a streamlet: listens, answers, drains, stops.

The engine makes one `WebServer` for each streamlet whose class has `__server__`. It runs in the
engine's event loop and leaves signals and logging alone. How records are written is the
context's matter.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from uvicorn.config import Config

from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.ingress.application import Application
from streamlet_sdk.ingress.connection import Connection, Connections
from streamlet_sdk.ingress.traffic import Timeouts, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.contract import Settings
    from streamlet_sdk.ingress.intake import JsonReader
    from streamlet_sdk.ingress.servers import HttpServer

logger = logging.getLogger(__name__)

EVERY_INTERFACE: Final = str(IPv4Address(0))


class WebServer:
    """The HTTP server of one streamlet.

    Attributes:
        application: answers requests, as ASGI has it; tests may call it without a socket.
    """

    def __init__(
        self,
        streamlet: HttpServer,
        settings: Settings,
        readers: Mapping[str, JsonReader],
        timeouts: Timeouts | None = None,
    ) -> None:
        """Serve `streamlet`.

        Args:
            streamlet: its context is asked for with each request, it may be set later.
            settings: limits of bodies and of what is in flight.
            readers: for each outlet that takes JSON, by name: makes a value of bytes, raising
                `pydantic.ValidationError`, `SerdeError` or another `ValueError`.
            timeouts: how long senders may take.

        Raises:
            TypeError: when the class declares what cannot be served; `verify` finds it before.
        """
        self._traffic = Traffic(settings, timeouts or Timeouts())
        self.application = Application(streamlet, readers, self._traffic)
        self._connections = Connections()
        self._listener: asyncio.Server | None = None

    @property
    def in_flight(self) -> int:
        """Records that are being written and not acknowledged, without those of own routes."""
        return self._traffic.window.records

    @property
    def requests(self) -> int:
        """Requests that are being answered."""
        return self._traffic.requests

    async def start(self, port: int, host: str = EVERY_INTERFACE) -> int:
        """Listen; the port, which is a free one when `port` is 0.

        Raises:
            CloudflowError: when the port cannot be had.
        """
        keep_alive = self._traffic.timeouts.keep_alive
        config = Config(
            self.application,
            http=Connection,
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=round(keep_alive.total_seconds()),
        )
        config.load()
        head = self._traffic.timeouts.head
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(
                lambda: Connection(config, self._connections, head), host, port
            )
        except OSError as error:
            raise _not_bound(error, host, port) from error
        bound: int = self._listener.sockets[0].getsockname()[1]
        logger.debug("Listening on %s port %d", host, bound)
        return bound

    async def drain(self, deadline: float) -> bool:
        """Answer what is in flight, refuse what comes; whether all was answered in time.

        It goes on listening: who comes now is told to come again (503).

        Args:
            deadline: when to stop waiting, by the loop's clock.
        """
        return await self._traffic.drain(deadline)

    async def stop(self, deadline: float) -> None:
        """Stop listening, answer what is in flight, close all connections.

        What is not answered at `deadline`, by the loop's clock, is given up: its records may be
        written or not, and its senders see a closed connection.
        """
        if self._listener is None:
            return
        self._listener.close()
        if not await self._traffic.drain(deadline):
            await self._give_up()
        for connection in list(self._connections.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self._traffic.timeouts.drain.total_seconds()):
                await self._connections.wait_closed()
        except TimeoutError:
            self._cut_connections()
            await self._connections.wait_closed()
        self._listener = None

    async def _give_up(self) -> None:
        logger.warning(
            "Gave up %d requests that were not answered in time; raise `drain-timeout` if they "
            "need longer",
            self._traffic.requests,
        )
        self._traffic.is_cut = True
        # First the connections: uvicorn reports a request that ends unanswered on a live one.
        self._cut_connections()
        if tasks := list(self._connections.tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=self._traffic.timeouts.drain.total_seconds())

    def _cut_connections(self) -> None:
        for connection in list(self._connections.connections):
            if isinstance(connection, Connection):
                connection.cut()


def _not_bound(error: OSError, host: str, port: int) -> CloudflowError:
    if error.errno == errno.EADDRINUSE:
        return CloudflowError(
            f"port {port} is in use by another process",
            hint="Stop that process, or choose another port.",
        )
    if error.errno == errno.EACCES:
        return CloudflowError(
            f"port {port} may not be listened on",
            hint="Ports below 1024 need privileges; choose a higher one.",
        )
    return CloudflowError(f"cannot listen on {host} port {port}: {error.strerror or error}")
