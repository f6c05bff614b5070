"""`POST /` of an `HttpIngress`: bodies become records of its one outlet.

Called by `application`. Answers 202 only when every record is acknowledged. What a sender must
know after a refusal is in the answer: which element, and how many before it are written.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from streamlet_sdk.errors import DeliveryError, EncodeError, SerdeError
from streamlet_sdk.ingress.answers import (
    RequestError,
    accepted,
    findings_of,
    refusal,
    too_large,
    unavailable,
)
from streamlet_sdk.ingress.correlation import correlation_headers
from streamlet_sdk.ingress.elements import OPENING_ARRAY, WHITESPACE, ArrayElements, Lines
from streamlet_sdk.ingress.incoming import Incoming
from streamlet_sdk.ingress.media import Media, media_of
from streamlet_sdk.ingress.streaming import Stream
from streamlet_sdk.ingress.writing import Writes, write_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from streamlet_sdk.ingress.elements import Splitter
    from streamlet_sdk.ingress.servers import HttpServer
    from streamlet_sdk.ingress.traffic import Traffic
    from streamlet_sdk.ports import BoundOutlet
    from streamlet_sdk.records import Emission, Written

    JsonReader = Callable[[bytes], Any]

# First bytes of the byte order marks of UTF-8 and UTF-16; no JSON begins with one of them.
BYTE_ORDER_MARKS: Final = frozenset({0xEF, 0xFE, 0xFF})


class Intake:
    """Takes the records of requests in, for one streamlet."""

    def __init__(
        self, streamlet: HttpServer, outlet: BoundOutlet[Any], read: JsonReader, traffic: Traffic
    ) -> None:
        """Write to `outlet` what `read` makes of JSON."""
        self._streamlet = streamlet
        self._outlet = outlet
        self._read = read
        self._traffic = traffic
        self._max_bytes: int = traffic.settings.http_max_body

    async def take(self, request: Request) -> Response:
        """Write the records of a request; the answer once all are acknowledged.

        Raises:
            RequestError: when the body, or the server's state, does not allow it.
            ClientDisconnect: when the sender leaves before the end of the body.
        """
        media = media_of(request.headers)
        if self._traffic.window.is_full:
            raise _full()
        body = Incoming(request.receive, self._traffic)
        first = await _first(body, drop_blanks=media is Media.JSON)
        emission = partial(self._emission, correlation_headers(request))
        splitter: Splitter
        if media is Media.LINES:
            splitter = Lines(self._max_bytes)
        elif first[0] == OPENING_ARRAY:
            splitter = ArrayElements(self._max_bytes)
        else:
            if _declared_size(request) > self._max_bytes:
                raise too_large(self._max_bytes, "The body")
            return await self._one(await self._whole(first, body), emission)
        writes = Writes(self._write, self._traffic.window)
        return accepted(await Stream(splitter, emission, writes, self._traffic).run(first, body))

    async def _whole(self, first: bytes, rest: Incoming) -> bytes:
        body = bytearray(first)
        while len(body) <= self._max_bytes:
            chunk = await rest.chunk()
            if chunk is None:
                return bytes(body)
            body += chunk
        raise too_large(self._max_bytes, "The body")

    async def _one(self, body: bytes, emission: Callable[[bytes], Emission[Any]]) -> Response:
        record = emission(body)
        window = self._traffic.window
        if not window.enter(len(body)):
            raise _full()
        try:
            await self._write(record)
        except (DeliveryError, EncodeError) as error:
            raise write_refusal(error) from error
        finally:
            window.leave(len(body))
        return accepted(1)

    async def _write(self, record: Emission[Any]) -> Written:
        # Asked for here, because the engine gives the streamlet its context after it made us.
        context = self._streamlet.context
        return await context.write(record, self._traffic.settings.write_timeout)

    def _emission(self, headers: Mapping[str, bytes], element: bytes) -> Emission[Any]:
        try:
            value = self._read(element)
        except RecursionError as error:
            raise refusal(HTTPStatus.BAD_REQUEST, "The JSON is nested too deeply.") from error
        except (ValidationError, SerdeError, ValueError) as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, findings_of(error)) from error
        return self._outlet(value, headers=headers)


async def _first(body: Incoming, *, drop_blanks: bool) -> bytes:
    """The first bytes of a body; those of JSON begin with its first character."""
    chunk = await body.chunk()
    if chunk is not None and chunk[0] in BYTE_ORDER_MARKS:
        message = "The body starts with a byte order mark; send UTF-8 without one."
        raise refusal(HTTPStatus.BAD_REQUEST, message)
    while chunk is not None and drop_blanks and not (chunk := chunk.lstrip(WHITESPACE)):
        chunk = await body.chunk()
    if chunk is None:
        raise refusal(HTTPStatus.BAD_REQUEST, "The body is empty; send a JSON value.")
    return chunk


def _declared_size(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else 0


def _full() -> RequestError:
    return unavailable("Too many records are being written; send it again.")
