"""What an `HttpIngress` takes in: requests of one record, and bodies of many.

    python benchmarks/ingress.py [REQUESTS]

The senders are another process, over real sockets, with 16 kept connections. Writes are
acknowledged in the next turn of the event loop, so this is the server's own cost. Beside it, in
the same run: a bare Starlette route under uvicorn's own server that validates and answers 202.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from pydantic import BaseModel, TypeAdapter
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from streamlet_sdk import Context, Emission, Outlet, Written
from streamlet_sdk.contract import Settings
from streamlet_sdk.ingress import HttpIngress
from streamlet_sdk.ingress.web import WebServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from datetime import timedelta

    from starlette.requests import Request

HOST = "127.0.0.1"
CONNECTIONS = 16
RECORDS_PER_BODY = 10_000
BODIES = 10


class Measurements(BaseModel):
    """A turbine's."""

    power: float
    rotor_speed: float
    wind_speed: float


class Sensed(BaseModel):
    """A record of 170 bytes."""

    device_id: str
    timestamp: int
    measurements: Measurements


READER = TypeAdapter(Sensed)
RECORD = {
    "device_id": "c75cb448-df0e-4692-8e06-0321b7703992",
    "timestamp": 1495545646279,
    "measurements": {"power": 1.7, "rotor_speed": 3.9, "wind_speed": 105.9},
}


class Ingress(HttpIngress):
    """Takes records."""

    out = Outlet(Sensed, key=lambda sensed: sensed.device_id)


class Counting(Context):
    """Acknowledges everything in the next turn, keeps nothing."""

    async def write(self, emission: Emission[Any], timeout: timedelta | None = None) -> Written:
        """Acknowledge."""
        del timeout
        await asyncio.sleep(0)
        return Written(emission.port, 0, 0)


async def bare(request: Request) -> Response:
    READER.validate_json(await request.body())
    return Response('{"records":1}', 202, media_type="application/json")


class Unsignalled(uvicorn.Server):
    """Leaves the signals of the process alone, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def body(kind: str) -> bytes:
    if kind == "one":
        return json.dumps(RECORD).encode()
    records = [RECORD] * RECORDS_PER_BODY
    if kind == "array":
        return json.dumps(records).encode()
    return b"\n".join(json.dumps(record).encode() for record in records)


async def sender(port: int, request: bytes, count: int) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    for _ in range(count):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 202 " not in head.split(b"\r\n", 1)[0]:
            raise SystemExit(f"refused: {head!r}")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()


async def send(port: int, kind: str, connections: int, count: int) -> None:
    """The other process: print the seconds that the requests took."""
    content = body(kind)
    media = "application/x-ndjson" if kind == "lines" else "application/json"
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\n"
    request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    await sender(port, request, 1)
    start = time.perf_counter()
    await asyncio.gather(*(sender(port, request, count) for _ in range(connections)))
    print(time.perf_counter() - start)


async def seconds(port: int, kind: str, connections: int, count: int) -> float:
    words = [str(word) for word in ("send", port, kind, connections, count)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, *words, stdout=subprocess.PIPE
    )
    printed, _ = await process.communicate()
    return float(printed)


async def measure(requests: int) -> None:
    config = uvicorn.Config(
        Starlette(routes=[Route("/", bare, methods=["POST"])]),
        host=HOST,
        port=0,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
    )
    plain = Unsignalled(config)
    serving = asyncio.ensure_future(plain.serve())
    await plain.listening.wait()
    each = requests // CONNECTIONS
    base_port = plain.servers[0].sockets[0].getsockname()[1]
    base = CONNECTIONS * each / await seconds(base_port, "one", CONNECTIONS, each)
    plain.should_exit = True
    await serving
    print(f"{'bare Starlette on uvicorn':28} {base:10,.0f} requests/s")

    streamlet = Ingress()
    streamlet.context = Counting()
    server = WebServer(streamlet, Settings(), {"out": READER.validate_json})
    port = await server.start(0, HOST)
    rate = CONNECTIONS * each / await seconds(port, "one", CONNECTIONS, each)
    print(f"{'HttpIngress, one record':28} {rate:10,.0f} requests/s {rate / base:8.2f} x")
    for kind in ("lines", "array"):
        records = BODIES * RECORDS_PER_BODY / await seconds(port, kind, 1, BODIES)
        print(f"{'HttpIngress, ' + kind:28} {records:10,.0f} records/s")
    await server.stop(asyncio.get_running_loop().time() + 10)


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        asyncio.run(send(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
    else:
        asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else 10_000))
