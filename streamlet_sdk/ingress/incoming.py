"""The body of one request while it arrives, with the limits that keep senders apart."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from streamlet_sdk.ingress.answers import CLOSE, draining, refusal, too_large

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from streamlet_sdk.ingress.traffic import Traffic


class Incoming:
    """Reads a body piece by piece."""

    def __init__(self, receive: Receive, traffic: Traffic, limit: int | None = None) -> None:
        """Read at most `limit` bytes from `receive`; None: no limit in all."""
        self._receive = receive
        self._traffic = traffic
        self._limit = limit
        self._size = 0
        self._is_complete = False

    async def receive(self) -> Message:
        """The next message, as ASGI has it; without a time limit once the body is complete.

        Raises:
            RequestError: 408 when the sender is too slow, 413 when the body is too large,
                503 when the server stops meanwhile.
        """
        if self._is_complete:
            return await self._receive()
        message = await self._in_time()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)
            if self._limit is not None and self._size > self._limit:
                raise too_large(self._limit, "The body")
        return message

    async def chunk(self) -> bytes | None:
        """The next piece of the body, never empty; None at its end.

        Raises:
            RequestError: as `receive` does.
            ClientDisconnect: when the sender leaves before the end.
        """
        while not self._is_complete:
            message = await self.receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            if chunk := message.get("body", b""):
                return bytes(chunk)
        return None

    async def _in_time(self) -> Message:
        patience = self._traffic.patience
        try:
            async with asyncio.timeout(patience.total_seconds()) as limit:
                with self._traffic.reading(limit):
                    return await self._receive()
        except TimeoutError:
            if self._traffic.is_draining:
                raise draining() from None
            message = f"No more of the body came within {patience.total_seconds():g} seconds."
            raise refusal(HTTPStatus.REQUEST_TIMEOUT, message, CLOSE) from None
