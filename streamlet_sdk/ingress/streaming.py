"""One body of many records: cut, read and written while it arrives.

Called by `intake`. Back-pressure goes from the broker to the sender: without room in the window
nothing more is read, and TCP makes the sender wait.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import ClientDisconnect

from streamlet_sdk.ingress.answers import RequestError, draining, refusal, too_large
from streamlet_sdk.ingress.elements import ElementError, ElementTooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlet_sdk.ingress.elements import Splitter
    from streamlet_sdk.ingress.incoming import Incoming
    from streamlet_sdk.ingress.traffic import Traffic
    from streamlet_sdk.ingress.writing import Writes
    from streamlet_sdk.records import Emission

logger = logging.getLogger(__name__)

# Parsing never waits, so a long body has to let others in: about every 2 ms.
RECORDS_PER_TURN: Final = 100
ABOUT_AN_ELEMENT: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


class Stream:
    """The records of one body, from its first byte to the acknowledgement of the last one."""

    def __init__(
        self,
        splitter: Splitter,
        emission: Callable[[bytes], Emission[Any]],
        writes: Writes,
        traffic: Traffic,
    ) -> None:
        """Cut by `splitter`, read by `emission`, write by `writes`."""
        self._splitter = splitter
        self._emission = emission
        self._writes = writes
        self._traffic = traffic
        self._turns = 0

    async def run(self, first: bytes, rest: Incoming) -> int:
        """Write all records; how many there were, once all of them are acknowledged.

        Nothing after the first record that is refused is written, except what was under way.

        Raises:
            RequestError: with the refused element's position, and `records`: so many from the
                first one on are written.
            ClientDisconnect: when the sender left; what was complete is written nevertheless.
        """
        writes = self._writes
        try:
            await self._submit_all(first, rest)
            await writes.settle()
        except RequestError as error:
            raise await self._explained(error) from error.__cause__
        except ClientDisconnect:
            await self._log_departure()
            raise
        finally:
            writes.abandon()
        return writes.acknowledged

    async def _submit_all(self, first: bytes, rest: Incoming) -> None:
        splitter = self._splitter
        try:
            chunk: bytes | None = first
            while chunk is not None:
                for element in splitter.feed(chunk):
                    await self._submit(element)
                chunk = await rest.chunk()
            for element in splitter.finish():
                await self._submit(element)
        except ElementError as error:
            raise refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
        except ElementTooLargeError as error:
            limit = self._traffic.settings.http_max_body
            raise too_large(limit, "An element") from error

    async def _submit(self, element: bytes) -> None:
        if self._traffic.is_draining:
            raise draining()
        record = self._emission(element)
        await self._writes.submit(record, len(element), self._splitter.position)
        self._turns += 1
        if self._turns % RECORDS_PER_TURN == 0:
            await asyncio.sleep(0)

    async def _explained(self, error: RequestError) -> RequestError:
        try:
            await self._writes.settle()
        except RequestError as earlier:
            error = earlier
        failed_at = self._writes.failed_at
        if error.status in ABOUT_AN_ELEMENT:
            position = self._splitter.position if failed_at is None else failed_at
            error.facts[self._splitter.unit] = position
        error.facts["records"] = self._writes.acknowledged
        return error

    async def _log_departure(self) -> None:
        try:
            await self._writes.settle()
        except RequestError as error:
            logger.debug("A record of a sender that left was not written: %s", error)
        logger.debug("The sender left in mid-body, after %d records", self._writes.acknowledged)
