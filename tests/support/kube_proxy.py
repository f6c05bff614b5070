"""A proxy before an API server that answers some requests itself, as an overloaded one would."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import aiohttp
from aiohttp import web

from testbed import kubeconfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

PassOn: TypeAlias = "Callable[[], Awaitable[web.StreamResponse]]"
Fault: TypeAlias = "Callable[[web.BaseRequest, PassOn], Awaitable[web.StreamResponse]]"
"""What becomes of a request; awaiting the second argument passes it on."""


@dataclass(frozen=True, eq=False)
class _Watch:
    """One that is open: towards who asked, and towards the server."""

    request: web.BaseRequest
    answer: web.StreamResponse
    response: aiohttp.ClientResponse


class Proxy:
    """Passes on what no refusal is left for.

    Attributes:
        fault: what is done instead of passing requests on.
        refusals: what to answer to the next requests.
        is_forgetful: whether the next request for the rest of a list comes too late.
        is_lossy: whether answers are thrown away once the server has done what was asked.
        muted: resources whose watches bring nothing any more, though they stay open.
        seen: method and path of each request, with its query.
        answered: the same, with the status that the server gave.
    """

    def __init__(self, server: str, session: aiohttp.ClientSession) -> None:
        self.fault: Fault | None = None
        self.refusals: list[web.Response] = []
        self.is_forgetful = False
        self.is_lossy = False
        self.muted: set[str] = set()
        self.seen: list[tuple[str, str]] = []
        self.answered: list[tuple[str, str, int]] = []
        self._server = server
        self._session = session
        self._watches: set[_Watch] = set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """What aiohttp's server calls."""
        self.seen.append((request.method, request.path_qs))
        if self.refusals:
            return self.refusals.pop(0)
        if self.is_forgetful and "continue" in request.query:
            self.is_forgetful = False
            return refusal(410, "the provided continue parameter is too old")
        if self.fault is not None:
            return await self.fault(request, lambda: self._passed_on(request))
        return await self._passed_on(request)

    async def cut_watches(self, rest: bytes, how: Literal["drop", "end"]) -> int:
        """End all watches that are open after `rest` of a line; how many there were.

        `drop` ends the connection, `end` only the answer, as if that were all.
        """
        watches = tuple(self._watches)
        for watch in watches:
            with contextlib.suppress(OSError):
                await watch.answer.write(rest)
                if how == "end":
                    await watch.answer.write_eof()
            if how == "drop" and watch.request.transport is not None:
                watch.request.transport.abort()
            watch.response.close()
        return len(watches)

    async def _passed_on(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {
            name: value
            for name in ("Authorization", "Content-Type", "Accept")
            if (value := request.headers.get(name)) is not None
        }
        async with self._session.request(
            request.method,
            self._server + request.path_qs,
            data=await request.read() or None,
            headers=headers,
        ) as response:
            self.answered.append((request.method, request.path_qs, response.status))
            if "watch" in request.query:
                return await self._streamed(request, response)
            body = await response.read()
        if self.is_lossy:
            self.is_lossy = False
            transport = request.transport
            assert transport is not None
            transport.close()
        return web.Response(status=response.status, body=body, content_type=response.content_type)

    async def _streamed(
        self, request: web.BaseRequest, response: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        """An answer that goes on until one of the two sides has enough of it."""
        answer = web.StreamResponse(status=response.status)
        answer.content_type = response.content_type
        resource = request.path.rpartition("/")[2]
        watch = _Watch(request, answer, response)
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await answer.prepare(request)
            self._watches.add(watch)
            try:
                async for chunk in response.content.iter_any():
                    if resource not in self.muted:
                        await answer.write(chunk)
            finally:
                self._watches.discard(watch)
        return answer


@contextlib.asynccontextmanager
async def a_proxy(original: Path, folder: Path) -> AsyncIterator[tuple[Proxy, Path]]:
    """One before the server of `original`, and a kubeconfig in `folder` that leads to it."""
    found = _document(original)
    cluster = found["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    tls = ssl.create_default_context(cadata=authority)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tls), timeout=aiohttp.ClientTimeout()
    ) as session:
        proxy = Proxy(cluster["server"], session)
        runner = web.ServerRunner(web.Server(proxy.answer, handler_cancellation=True))
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            cluster["server"] = f"http://{host}:{port}"
            yield proxy, kubeconfig.write(folder / "proxied.kubeconfig", found)
        finally:
            await runner.cleanup()


def _document(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def refusal(status: int, message: str = "not now", **headers: str) -> web.Response:
    """As an API server refuses; underscores in the names of headers are dashes."""
    body = {"kind": "Status", "status": "Failure", "code": status, "message": message}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)
