"""Writes the records of one body, many at a time, and knows which of them are acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from streamlet_sdk.errors import DeliveryError, EncodeError
from streamlet_sdk.ingress.answers import RequestError, findings_of, unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamlet_sdk.ingress.traffic import Window
    from streamlet_sdk.records import Emission, Written

    Write = Callable[[Emission[Any]], Awaitable[Written]]


class Writes:
    """The writes of one request, submitted in the order of its records.

    Attributes:
        acknowledged: how many records from the first one on are acknowledged, without a gap.
        failed_at: the position of the first record that could not be written.
    """

    def __init__(self, write: Write, window: Window) -> None:
        """Write by `write`, as many at a time as `window` has room for."""
        self.acknowledged = 0
        self.failed_at: int | None = None
        self._write = write
        self._window = window
        self._pending: deque[tuple[int, asyncio.Future[Written]]] = deque()

    async def submit(self, emission: Emission[Any], size: int, position: int) -> None:
        """Start to write a record of `size` bytes, once there is room for it.

        Raises:
            RequestError: when an earlier record could not be written.
        """
        await self._window.enter_in_turn(size)
        written = asyncio.ensure_future(self._write(emission))
        written.add_done_callback(partial(self._left, size))
        self._pending.append((position, written))
        self._collect()

    async def settle(self) -> None:
        """Wait for all that was submitted.

        Raises:
            RequestError: when a record could not be written; raised once, for the first of them.
        """
        if self._pending:
            await asyncio.wait([written for _, written in self._pending])
        self._collect()

    def abandon(self) -> None:
        """Give up what is not acknowledged yet; it may be written or not."""
        # Cancelling those that have failed says that their errors are not forgotten, but unwanted.
        for _, written in self._pending:
            written.cancel()

    def _collect(self) -> None:
        while self.failed_at is None and self._pending and self._pending[0][1].done():
            position, written = self._pending.popleft()
            try:
                written.result()
            except (DeliveryError, EncodeError) as error:
                self.failed_at = position
                raise write_refusal(error) from error
            self.acknowledged += 1

    def _left(self, size: int, _: asyncio.Future[Written]) -> None:
        self._window.leave(size)


def write_refusal(error: DeliveryError | EncodeError) -> RequestError:
    """What the sender of a record is told when its write failed."""
    if isinstance(error, EncodeError):
        return RequestError(HTTPStatus.BAD_REQUEST, findings_of(error))
    return unavailable("The record was not acknowledged; send it again.")
