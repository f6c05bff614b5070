"""Servers to ask and contexts to write to, for the tests of `streamlet_sdk.ingress`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

from streamlet_sdk import Context, Emission, Outlet
from streamlet_sdk.contract import Settings
from streamlet_sdk.ingress import HttpIngress
from streamlet_sdk.ingress.web import WebServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from starlette.types import Message

    from streamlet_sdk import Written
    from streamlet_sdk.ingress import HttpServer
    from streamlet_sdk.ingress.traffic import Timeouts

NDJSON = {"content-type": "application/x-ndjson"}


class Reading(BaseModel):
    """What the servers of these tests take."""

    device: str
    power: float


class ReadingIngress(HttpIngress):
    """Takes readings."""

    out = Outlet(Reading, key=lambda reading: reading.device)


class HeldContext(Context):
    """Acknowledges nothing until `release`; `started` are the writes in order."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Emission[Any]] = []
        self._released = asyncio.Event()

    def release(self) -> None:
        """Acknowledge what waits and what comes."""
        self._released.set()

    async def write(self, emission: Emission[Any], timeout: timedelta | None = None) -> Written:
        """Write once released."""
        self.started.append(emission)
        await self._released.wait()
        return await super().write(emission, timeout)


class RefusingContext(Context):
    """Raises `error` for every reading of the device `refused`; the others are acknowledged."""

    def __init__(self, error: Exception, device: str = "refused") -> None:
        super().__init__()
        self._error = error
        self._device = device

    async def write(self, emission: Emission[Any], timeout: timedelta | None = None) -> Written:
        """Write, unless it is refused."""
        if emission.value.device == self._device:
            await asyncio.sleep(0)
            raise self._error
        return await super().write(emission, timeout)


@dataclass
class Answer:
    """What an ASGI application answered; `status` is 0 when it did not."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def a_reading(device: str = "a", power: float = 1.5) -> dict[str, Any]:
    """A reading as JSON."""
    return {"device": device, "power": power}


def lines(*records: Any) -> bytes:
    """Records one per line."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def a_server(
    streamlet: HttpServer | None = None, *, timeouts: Timeouts | None = None, **settings: Any
) -> WebServer:
    """A server of `streamlet`, by default of a `ReadingIngress`, that does not listen."""
    reader = TypeAdapter(Reading).validate_json
    served = streamlet or ReadingIngress()
    return WebServer(served, Settings(**settings), {"out": reader}, timeouts)


async def ask(
    server: WebServer,
    chunks: Iterable[bytes] | bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    is_cut_off: bool = False,
    target: str = "POST /",
) -> Answer:
    """Send a body piece by piece and return the answer; `is_cut_off` leaves before its end."""
    method, path = target.split()
    pieces = [chunks] if isinstance(chunks, bytes) else list(chunks)
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    if not is_cut_off:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    messages.append({"type": "http.disconnect"})
    answer = Answer()

    async def receive() -> Message:
        await asyncio.sleep(0)
        return messages.pop(0)

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            pairs = [(name.decode(), value.decode()) for name, value in message["headers"]]
            answer.headers = dict(pairs)
        else:
            answer.body += message["body"]

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in (headers or {}).items()
        ],
    }
    await server.application(scope, receive, send)
    return answer
