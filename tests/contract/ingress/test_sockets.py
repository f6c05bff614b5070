"""The server behind a real socket: slow, broken, huge and leaving senders; start and stop."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response

from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.ingress import HttpServer, route
from streamlet_sdk.ingress.traffic import Timeouts
from support.ingress import Answer, HeldContext, ReadingIngress, a_reading, a_server, lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from streamlet_sdk.ingress.web import WebServer

HOST = "127.0.0.1"
# Short where a test waits for a limit, long everywhere else, so that no other limit interferes.
LONG = timedelta(minutes=5)
PATIENT = Timeouts(head=LONG, body=LONG, keep_alive=LONG, drain=LONG)
SOON = timedelta(milliseconds=50)
RECORD = json.dumps(a_reading()).encode()


def request(body: bytes, *, length: int | None = None, kind: str = "application/json") -> bytes:
    size = len(body) if length is None else length
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> Answer:
        """The next answer, which must have a length."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(head[0].split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Wait for the server to close; whether it did without another byte."""
        try:
            return await self.reader.read() == b""
        except ConnectionResetError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection(HOST, port))
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def listening(server: WebServer) -> AsyncIterator[int]:
    port = await server.start(0, HOST)
    try:
        yield port
    finally:
        await server.stop(in_time())


def in_time(seconds: float = 60) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_requests_are_answered_one_after_another_on_a_connection() -> None:
    streamlet = ReadingIngress()
    async with listening(a_server(streamlet, timeouts=PATIENT)) as port, connected(port) as client:
        for _ in range(3):
            client.send(request(RECORD))
            answer = await client.answer()
            assert (answer.status, answer.json()) == (202, {"records": 1})
        assert "date" in answer.headers
        assert "server" not in answer.headers
        client.send(request(RECORD) * 2)
        assert [(await client.answer()).status for _ in range(2)] == [202, 202]
    assert len(streamlet.context.written) == 5


async def test_a_slow_sender_does_not_hold_up_others() -> None:
    streamlet = ReadingIngress()
    async with listening(a_server(streamlet, timeouts=PATIENT)) as port, connected(port) as slow:
        slow.send(request(RECORD[:5], length=len(RECORD)))
        for _ in range(20):
            async with connected(port) as client:
                client.send(request(RECORD))
                assert (await client.answer()).status == 202
        slow.send(RECORD[5:])
        assert (await slow.answer()).status == 202


async def test_a_sender_that_stops_in_mid_body_is_told_and_cut_off() -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet, timeouts=replace(PATIENT, body=SOON))
    async with listening(server) as port, connected(port) as slow:
        slow.send(request(RECORD[:5], length=len(RECORD)))
        answer = await slow.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert await slow.is_closed()
    assert not streamlet.context.written


@pytest.mark.parametrize("sent", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nX: y\r\n"])
async def test_a_sender_without_a_whole_head_is_cut_off(sent: bytes) -> None:
    server = a_server(timeouts=replace(PATIENT, head=SOON))
    async with listening(server) as port, connected(port) as slow:
        slow.send(sent)
        assert await slow.is_closed()


async def test_a_head_that_drips_gets_no_more_time_for_each_byte() -> None:
    server = a_server(timeouts=replace(PATIENT, head=SOON))
    async with listening(server) as port, connected(port) as slow:
        closed = asyncio.ensure_future(slow.is_closed())
        while not closed.done():
            slow.send(b"X")
            await asyncio.sleep(0.005)
        assert closed.result()


async def test_a_kept_connection_is_cut_off_in_the_middle_of_its_next_head() -> None:
    server = a_server(timeouts=replace(PATIENT, head=SOON))
    async with listening(server) as port, connected(port) as slow:
        slow.send(request(RECORD))
        assert (await slow.answer()).status == 202
        slow.send(b"POST / HT")
        assert await slow.is_closed()


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000,
    ],
)
async def test_what_is_no_http_is_refused(sent: bytes) -> None:
    streamlet = ReadingIngress()
    async with listening(a_server(streamlet, timeouts=PATIENT)) as port, connected(port) as client:
        client.send(sent)
        answer = await client.answer()
        assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
        assert answer.json()["problems"]
    assert not streamlet.context.written


async def test_chunked_bodies_are_taken() -> None:
    streamlet = ReadingIngress()
    async with listening(a_server(streamlet, timeouts=PATIENT)) as port, connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in (RECORD[:9], RECORD[9:], b""):
            client.send(b"%x\r\n%s\r\n" % (len(part), part))
        assert (await client.answer()).status == 202


async def test_a_sender_that_asks_first_is_told_to_go_on() -> None:
    async with listening(a_server(timeouts=PATIENT)) as port, connected(port) as client:
        head = request(b"", length=len(RECORD))
        client.send(head.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue"))
        assert (await client.answer()).status == 100
        client.send(RECORD)
        assert (await client.answer()).status == 202


async def test_a_huge_body_is_refused_before_it_has_been_sent() -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet, http_max_body=1000, timeouts=PATIENT)
    async with listening(server) as port, connected(port) as client:
        client.send(request(b'{"device": "', length=10**12))
        assert (await client.answer()).status == 413
    assert not streamlet.context.written


async def test_a_refused_body_that_never_ends_is_cut_off() -> None:
    server = a_server(http_max_body=1000, timeouts=replace(PATIENT, head=SOON))
    async with listening(server) as port, connected(port) as client:
        client.send(request(b"{" * 2000, length=10**12))
        assert (await client.answer()).status == 413
        closed = asyncio.ensure_future(client.is_closed())
        while not closed.done():
            client.send(b"{" * 100)
            await asyncio.sleep(0.005)


async def test_a_refused_body_that_turns_into_nonsense_is_cut_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = a_server(http_max_body=1000, timeouts=PATIENT)
    async with listening(server) as port, connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(b"7d0\r\n" + b"{" * 2000 + b"\r\n")
        assert (await client.answer()).status == 413
        client.send(b"nonsense\r\n")
        assert await client.is_closed()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_connection_is_used_again_after_the_rest_of_a_refused_body() -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet, http_max_body=1000, timeouts=PATIENT)
    async with listening(server) as port, connected(port) as client:
        body = b'"' + b"a" * 5000 + b'"'
        client.send(request(body[:2000], length=len(body)))
        assert (await client.answer()).status == 413
        client.send(body[2000:] + request(RECORD))
        assert (await client.answer()).status == 202
    assert len(streamlet.context.written) == 1


async def test_a_long_body_is_held_back_while_nothing_is_acknowledged() -> None:
    streamlet = ReadingIngress()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet, http_max_in_flight=20, timeouts=PATIENT)
    async with listening(server) as port, connected(port) as client:
        one = lines(a_reading("x" * 1000))
        count = 30_000
        client.send(request(b"", length=count * len(one), kind="application/x-ndjson"))
        client.send(one * count)
        while len(context.started) < 10:
            await asyncio.sleep(0)
        # Buffers of the kernel and of the server take a part; the rest has to wait here.
        unsent = client.writer.transport.get_write_buffer_size
        before = -1
        while unsent() != before:
            before = unsent()
            await asyncio.sleep(0.05)
        assert before > count * len(one) // 4
        assert len(context.started) == 10
        context.release()
        assert (await client.answer()).json() == {"records": count}


async def test_a_sender_that_leaves_in_mid_body_leaves_nothing_half_written() -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet, timeouts=PATIENT)
    async with listening(server) as port:
        async with connected(port) as client:
            body = lines(a_reading("a"), a_reading("b"), a_reading("c"))
            client.send(request(body[:-10], length=len(body), kind="application/x-ndjson"))
            while len(streamlet.context.written) < 2:
                await asyncio.sleep(0)
        while server.requests:
            await asyncio.sleep(0)
    assert [emission.value.device for emission in streamlet.context.written] == ["a", "b"]


async def test_a_route_may_wait_for_its_sender_to_leave_as_long_as_it_likes() -> None:
    events: asyncio.Queue[str] = asyncio.Queue()

    class Watching(HttpServer):
        @route("/watch", methods=("GET",))
        async def watch(self, request: Request) -> Response:
            await request.body()
            events.put_nowait("watching")
            events.put_nowait((await request.receive())["type"])
            return Response()

    server = a_server(Watching(), timeouts=replace(PATIENT, body=SOON))
    async with listening(server) as port:
        async with connected(port) as client:
            client.send(b"GET /watch HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await events.get() == "watching"
            await asyncio.sleep(3 * SOON.total_seconds())
        assert await events.get() == "http.disconnect"


async def test_a_port_in_use_is_named_with_what_to_do() -> None:
    async with listening(a_server()) as port:
        with pytest.raises(CloudflowError, match=f"port {port} is in use") as raised:
            await a_server().start(port, HOST)
    assert raised.value.hint is not None
    assert "another port" in raised.value.hint


async def test_a_host_that_is_not_here_is_an_error_of_ours() -> None:
    with pytest.raises(CloudflowError, match=r"cannot listen on 192\.0\.2\.1"):
        await a_server().start(0, "192.0.2.1")


async def test_a_stopped_server_answers_what_is_in_flight_and_frees_its_port() -> None:
    streamlet = ReadingIngress()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet, timeouts=PATIENT)
    port = await server.start(0, HOST)
    async with connected(port) as busy, connected(port) as idle:
        busy.send(request(RECORD))
        while not context.started:
            await asyncio.sleep(0)
        stopped = asyncio.ensure_future(server.stop(in_time()))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)
        idle.send(request(RECORD))
        assert (await idle.answer()).status == 503
        context.release()
        assert (await busy.answer()).status == 202
        assert await busy.is_closed()
        await stopped
    assert len(context.written) == 1


async def test_a_stop_gives_up_at_its_deadline(caplog: pytest.LogCaptureFixture) -> None:
    streamlet = ReadingIngress()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet, timeouts=PATIENT)
    port = await server.start(0, HOST)
    async with connected(port) as client:
        client.send(request(RECORD))
        while not context.started:
            await asyncio.sleep(0)
        with caplog.at_level(logging.INFO):
            await server.stop(in_time(0))
        assert await client.is_closed()
    assert server.in_flight == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Gave up 1 requests" in caplog.text


async def test_a_stop_does_not_wait_for_senders_who_fell_silent() -> None:
    server = a_server(timeouts=replace(PATIENT, drain=SOON))
    port = await server.start(0, HOST)
    async with connected(port) as silent:
        silent.send(request(RECORD[:5], length=len(RECORD)))
        while not server.requests:
            await asyncio.sleep(0)
        await server.stop(in_time(10_000))
        assert not server._connections.connections
        assert (await silent.answer()).status == 503


async def test_a_sender_that_drips_does_not_hold_up_a_stop() -> None:
    server = a_server(timeouts=replace(PATIENT, drain=SOON))
    port = await server.start(0, HOST)
    async with connected(port) as slow:
        slow.send(request(RECORD[:5], length=len(RECORD)))
        while not server.requests:
            await asyncio.sleep(0)
        stopped = asyncio.ensure_future(server.stop(in_time(10_000)))
        await asyncio.sleep(0)
        slow.send(RECORD[5:6])
        await stopped
        assert (await slow.answer()).status == 503


async def test_an_answer_at_a_stop_reaches_a_sender_that_goes_on_sending() -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet, timeouts=PATIENT)
    port = await server.start(0, HOST)
    async with connected(port) as client:
        client.send(request(lines(a_reading()), length=10**9, kind="application/x-ndjson"))
        while not streamlet.context.written:
            await asyncio.sleep(0)
        stopped = asyncio.ensure_future(server.stop(in_time()))
        for _ in range(20):
            client.send(lines(a_reading()))
            await asyncio.sleep(0.005)
        assert (await client.answer()).json()["records"] == 1
        await client.close()
        await stopped


async def test_a_streaming_sender_learns_at_a_stop_how_far_it_came() -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet, timeouts=replace(PATIENT, drain=timedelta(seconds=2)))
    port = await server.start(0, HOST)
    async with connected(port) as client:
        client.send(request(lines(a_reading()), length=10**9, kind="application/x-ndjson"))
        while not streamlet.context.written:
            await asyncio.sleep(0)
        stopped = asyncio.ensure_future(server.stop(in_time()))
        await asyncio.sleep(0)
        client.send(lines(a_reading()))
        answer = await client.answer()
        assert (answer.status, answer.json()["records"]) == (503, 1)
        await client.close()
        await stopped


async def test_signals_and_logging_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    def state() -> list[Any]:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.access", "")]
        return [handlers, [(logger.handlers[:], logger.propagate) for logger in loggers]]

    before = state()
    with caplog.at_level(logging.INFO):
        async with listening(a_server(HttpServer())) as port, connected(port) as client:
            assert state() == before
            client.send(b"GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n")
            client.send(b"Connection: upgrade\r\n\r\n")
            assert (await client.answer()).status == 200
    assert state() == before
    assert not caplog.records


async def test_it_listens_on_every_interface_by_default() -> None:
    server = a_server()
    await server.start(0)
    assert server._listener is not None
    assert [bound.getsockname()[0] for bound in server._listener.sockets] == ["0.0.0.0"]
    await server.stop(in_time())
