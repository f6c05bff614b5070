"""Answers that go on come line by line, and end with the server, an error, or silence."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from cloudflow_operator.errors import ClusterUnavailableError, RefusedError
from cloudflow_operator.requests import Request, Requests
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from cloudflow_operator.interfaces import Manifest

WATCH = Request("watch Pod in plant", "GET", "/api/v1/namespaces/plant/pods", {"watch": "true"})
SILENCE = timedelta(seconds=90)


class Connection:
    """A connection, and its transport."""

    def __init__(self) -> None:
        self.is_cut = False

    @property
    def transport(self) -> Connection:
        return self

    def abort(self) -> None:
        self.is_cut = True


class Body:
    """What comes, piece by piece: bytes, an error, or seconds to wait; it may be closed.

    Attributes:
        connection: None once everything has come.
        way: the same, also afterwards.
    """

    def __init__(self, *pieces: bytes | Exception | float) -> None:
        self._pieces = list(pieces)
        self.is_closed = False
        self.way = Connection()
        self.connection: Connection | None = self.way

    @property
    def content(self) -> Body:
        return self

    async def readany(self) -> bytes:
        while self._pieces:
            piece = self._pieces.pop(0)
            if isinstance(piece, bytes):
                return piece
            if isinstance(piece, Exception):
                raise piece
            await asyncio.sleep(piece)
        self.connection = None
        return b""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        self.is_closed = True


class Response:
    """One as the client gives it."""

    def __init__(self, body: Body, status: int = 200) -> None:
        self.response = body
        self.status = status
        self.takes = 0.0

    async def read(self) -> bytes:
        await asyncio.sleep(self.takes)
        return json.dumps({"message": "too old resource version"}).encode()

    def getheader(self, name: str) -> None:
        return None


class Client:
    """Gives one response."""

    def __init__(self, response: Response) -> None:
        self._response = response

    async def param_serialize(self, *words: object, **more: object) -> tuple[object, ...]:
        return words

    async def call_api(self, *_words: object, **more: Any) -> Response:
        # The whole of a watch takes as long as it takes.
        assert more["_request_timeout"].total is None
        return self._response


async def streamed(response: Response) -> list[Manifest]:
    twin: Any = Client(response)
    async with contextlib.aclosing(Requests(twin).stream(WATCH, SILENCE)) as events:
        return [event async for event in events]


@virtual_time
async def test_lines_may_come_in_any_pieces() -> None:
    body = Body(b'{"n', b'": 1}\n{"n": 2}', b"\n", b'{"n": 3}\n{"n":')
    assert await streamed(Response(body)) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert body.is_closed
    assert not body.way.is_cut


@virtual_time
async def test_what_takes_long_is_waited_for_as_long_as_something_comes() -> None:
    body = Body(b'{"n": 1}\n', 80.0, b'{"n": 2}\n', 80.0, b'{"n": 3}\n')
    assert len(await streamed(Response(body))) == 3


@virtual_time
async def test_silence_ends_it() -> None:
    body = Body(b'{"n": 1}\n', 100.0, b'{"n": 2}\n')
    with pytest.raises(ClusterUnavailableError, match="watch Pod in plant"):
        await streamed(Response(body))
    assert body.is_closed


@virtual_time
async def test_a_lost_connection_is_said_to_be_one() -> None:
    body = Body(b'{"n": 1}\n', aiohttp.ClientPayloadError("cut"))
    with pytest.raises(ClusterUnavailableError, match="cut"):
        await streamed(Response(body))
    assert body.is_closed


@virtual_time
async def test_a_refusal_is_not_tried_again() -> None:
    body = Body()
    with pytest.raises(RefusedError, match="too old"):
        await streamed(Response(body, 410))
    assert body.is_closed


@virtual_time
async def test_a_refusal_that_does_not_come_whole_is_not_waited_for() -> None:
    response = Response(Body(), 500)
    response.takes = 1e6
    with pytest.raises(ClusterUnavailableError, match="no answer in time"):
        await streamed(response)


@virtual_time
async def test_who_stops_listening_closes_it() -> None:
    body = Body(b'{"n": 1}\n', 80.0, b'{"n": 2}\n')
    twin: Any = Client(Response(body))
    async with contextlib.aclosing(Requests(twin).stream(WATCH, SILENCE)) as events:
        assert await anext(events) == {"n": 1}
    assert body.is_closed
    assert body.way.is_cut


@virtual_time
async def test_being_cancelled_closes_it() -> None:
    body = Body(80.0)
    task = asyncio.create_task(streamed(Response(body)))
    await asyncio.sleep(1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert body.is_closed
