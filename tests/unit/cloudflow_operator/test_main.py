"""The operator begins when the API server answers, and says why it cannot begin at all."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_operator.errors import ClusterUnavailableError, ForbiddenError, RefusedError
from cloudflow_operator.main import _await_server
from cloudflow_operator.requests import Answer
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from cloudflow_operator.requests import Request


class Server:
    """Answers with each status in turn, the last one for ever; 0 is silence."""

    def __init__(self, *statuses: int) -> None:
        self.left = list(statuses)

    async def answer(self, request: Request) -> Answer:
        status = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if not status:
            raise ClusterUnavailableError(request.doing, "no answer in time")
        return Answer(request, status, {})


async def waited(server: Any, stop: asyncio.Event | None = None) -> None:
    await _await_server(server, None, stop or asyncio.Event())


@virtual_time
async def test_a_server_that_is_away_is_waited_for() -> None:
    server = Server(0, HTTPStatus.SERVICE_UNAVAILABLE, 0, HTTPStatus.OK)
    await waited(server)
    assert server.left == [HTTPStatus.OK]


@pytest.mark.parametrize(
    ("status", "error"),
    [(HTTPStatus.NOT_FOUND, RefusedError), (HTTPStatus.FORBIDDEN, ForbiddenError)],
)
async def test_what_waiting_does_not_mend_is_raised(
    status: int, error: type[RefusedError | ForbiddenError]
) -> None:
    with pytest.raises(error):
        await waited(Server(status))


@virtual_time
async def test_who_is_asked_to_stop_waits_no_longer() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(waited(Server(0), stop))
    await asyncio.sleep(100)
    assert not waiting.done()
    stop.set()
    await waiting
