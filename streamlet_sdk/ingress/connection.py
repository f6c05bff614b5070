"""One TCP connection: uvicorn's HTTP/1.1 protocol, with the time limits that it lacks.

Made by `web.WebServer` for each client. A request's head must be complete in time, and the rest
of a body that nobody wants any more is listened to for a while, so that the sender gets to read
its answer (a closed socket would reset the connection under it), but not for ever.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from streamlet_sdk.ingress.answers import Finding

if TYPE_CHECKING:
    from datetime import timedelta

    from uvicorn.config import Config

logger = logging.getLogger(__name__)


class Connections(ServerState):
    """All connections of a server, and the headers that every answer has."""

    def __init__(self) -> None:
        """Start without any."""
        super().__init__()
        self._none = asyncio.Event()
        self._none.set()
        self._dated = 0

    def opened(self) -> None:
        """Note that there is a connection."""
        self._none.clear()

    def closed(self) -> None:
        """Note that a connection was closed."""
        if not self.connections:
            self._none.set()

    async def wait_closed(self) -> None:
        """Wait until all connections are closed."""
        await self._none.wait()

    def refresh_date(self) -> None:
        """Bring the Date header up to the present second."""
        now = int(time.time())
        if now != self._dated:
            self._dated = now
            self.default_headers = [(b"date", formatdate(now, usegmt=True).encode())]


class Connection(H11Protocol):
    """A client's connection."""

    def __init__(self, config: Config, connections: Connections, head: timedelta) -> None:
        """Give each request's head so much time."""
        super().__init__(config, connections, {})
        self.access_log = False
        self._connections = connections
        self._head_seconds = head.total_seconds()
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Wait for the first request."""
        super().connection_made(transport)
        self._connections.opened()
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection."""
        super().connection_lost(exc)
        self._stop_expecting()
        self._connections.closed()

    def data_received(self, data: bytes) -> None:
        """Take bytes in; time runs while they are no whole head, and are not wanted."""
        self._connections.refresh_date()
        super().data_received(data)
        if self.conn.our_state in {h11.SEND_RESPONSE, h11.SEND_BODY}:
            self._stop_expecting()
        elif self._head_timer is None:
            self._expect_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()
            return
        body = json.dumps({"problems": [Finding(path="", message=msg)]}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        reason = HTTPStatus.BAD_REQUEST.phrase.encode()
        for event in (
            h11.Response(status_code=HTTPStatus.BAD_REQUEST, headers=headers, reason=reason),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def shutdown(self) -> None:
        """Close; a sender that is still in mid-body gets to read its answer first."""
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            self.transport.write_eof()
        else:
            self.transport.close()

    def cut(self) -> None:
        """Close at once."""
        self.transport.abort()

    def _should_upgrade(self) -> bool:
        # Clients offer h2c with every request; uvicorn would warn of each.
        return False

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self._head_seconds, self._too_slow)

    def _stop_expecting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        logger.debug("Closed the connection of %s: no whole request came in time", self.client)
        self.cut()
