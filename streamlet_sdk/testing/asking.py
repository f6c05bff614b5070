"""Asks a server what a client would, without a socket: its ASGI application is called."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from streamlet_sdk.ingress.web import WebServer

Message = dict[str, Any]
HOST: Final = "streamlet.test"


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Attributes:
        path: with its query, such as `/devices?limit=3`.
        chunks: the body, in the pieces in which it arrives.
    """

    method: str
    path: str
    chunks: Sequence[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """What a server answered.

    Attributes:
        headers: by name in lower case.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Body(TypedDict, total=False):
    """What a request may carry besides its path.

    Keys:
        json: becomes the body, with its content type.
        body: bytes, or pieces of bytes in the order in which they arrive.
        headers: by name.
    """

    json: Any
    body: bytes | Sequence[bytes]
    headers: Mapping[str, str]


def question(method: str, path: str, body: Body) -> Question:
    """A request as it goes over the wire."""
    headers = dict(body.get("headers", {}))
    if "json" in body:
        data = json.dumps(body["json"]).encode()
        return Question(method, path, [data], {"content-type": "application/json"} | headers)
    given = body.get("body", b"")
    return Question(method, path, [given] if isinstance(given, bytes) else given, headers)


async def ask(server: WebServer, request: Question) -> Answer:
    """Send one request and wait for the whole answer."""
    answer = Answer()
    answered = asyncio.Event()
    waiting = [
        *({"type": "http.request", "body": one, "more_body": True} for one in request.chunks),
        {"type": "http.request", "body": b"", "more_body": False},
    ]

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")
            if not message.get("more_body", False):
                answered.set()

    await server.application(_scope(request), receive, send)
    return answer


def _scope(request: Question) -> Message:
    path, _, query = request.path.partition("?")
    headers = {"host": HOST} | {name.lower(): text for name, text in request.headers.items()}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": (HOST, 80),
    }
