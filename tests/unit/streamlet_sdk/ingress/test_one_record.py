"""A body that is one record."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest
from pydantic import TypeAdapter

from streamlet_sdk import Emission
from streamlet_sdk.contract import Settings
from streamlet_sdk.errors import DecodeError, DeliveryError, EncodeError
from streamlet_sdk.ingress.web import WebServer
from streamlet_sdk.serde import PortOptions, SchemaBook, json_value, port_codec
from support.ingress import (
    HeldContext,
    Reading,
    ReadingIngress,
    RefusingContext,
    a_reading,
    a_server,
    ask,
)


async def test_a_record_is_written_and_accepted() -> None:
    streamlet = ReadingIngress()
    answer = await ask(a_server(streamlet), json.dumps(a_reading()).encode())
    assert (answer.status, answer.json()) == (202, {"records": 1})
    expected: Emission[Any] = Emission("out", Reading(device="a", power=1.5), key=b"a")
    assert streamlet.context.written == [expected]


async def test_put_writes_as_post_does() -> None:
    streamlet = ReadingIngress()
    answer = await ask(a_server(streamlet), json.dumps(a_reading()).encode(), target="PUT /")
    assert answer.status == 202
    assert len(streamlet.context.written) == 1


async def test_nothing_is_accepted_before_it_is_acknowledged() -> None:
    streamlet = ReadingIngress()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet)
    asked = asyncio.ensure_future(ask(server, json.dumps(a_reading()).encode()))
    while not context.started:
        await asyncio.sleep(0)
    assert (server.in_flight, server.requests, asked.done()) == (1, 1, False)
    context.release()
    assert (await asked).status == 202
    assert (server.in_flight, server.requests) == (0, 0)


async def test_every_problem_of_a_record_is_told() -> None:
    streamlet = ReadingIngress()
    answer = await ask(a_server(streamlet), b'{"power": "much"}')
    assert answer.status == 400
    assert [problem["path"] for problem in answer.json()["problems"]] == ["device", "power"]
    assert all(problem["message"] for problem in answer.json()["problems"])
    assert "much" not in answer.body.decode()
    assert not streamlet.context.written


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"\xff\xfe{\x00}\x00", "byte order mark"),
        (b"{", "Invalid JSON"),
        (b'{"device": "a", "power": 1}x', "Invalid JSON"),
        (b'{"device": "\xff", "power": 1}', "Invalid JSON"),
        (b'{"device": "\\ud800", "power": 1}', "Invalid JSON"),
        (b'{"device":' * 10_000 + b"1" + b"}" * 10_000, "recursion"),
        (b"null", "should be an object"),
    ],
)
async def test_what_is_no_record_is_refused_with_a_reason(body: bytes, says: str) -> None:
    streamlet = ReadingIngress()
    answer = await ask(a_server(streamlet), body)
    assert answer.status == 400
    assert says in answer.json()["problems"][0]["message"]
    assert not streamlet.context.written


@pytest.mark.parametrize(
    "error",
    [
        RecursionError("deep"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        DecodeError("power: must be a number"),
    ],
)
async def test_errors_of_any_parser_are_the_senders(error: Exception) -> None:
    def read(data: bytes) -> Any:
        raise error

    server = WebServer(ReadingIngress(), Settings(), {"out": read})
    assert (await ask(server, b"{}")).status == 400


async def test_problems_of_the_platforms_own_parser_are_told_one_by_one() -> None:
    codec = port_codec(Reading, PortOptions(), SchemaBook())
    server = WebServer(ReadingIngress(), Settings(), {"out": partial(json_value, codec)})
    told = (await ask(server, b'{"power": "much"}')).json()["problems"]
    assert [problem["path"] for problem in told] == ["device", "power"]
    assert (await ask(server, json.dumps(a_reading()).encode())).status == 202


async def test_too_many_problems_are_counted_instead_of_listed() -> None:
    reader = TypeAdapter(dict[str, list[int]]).validate_json
    server = WebServer(ReadingIngress(), Settings(), {"out": reader})
    body = json.dumps({"numbers": ["x"] * 2000})
    problems = (await ask(server, body.encode())).json()["problems"]
    assert [problem["message"] for problem in problems] == [
        "2000 values do not fit, too many to list."
    ]


@pytest.mark.parametrize("declared", [{}, {"content-length": "2000"}])
async def test_a_body_beyond_the_limit_is_refused(declared: dict[str, str]) -> None:
    streamlet = ReadingIngress()
    body = json.dumps(a_reading("a" * 2000)).encode()
    chunks = [body[:500], body[500:1000], body[1000:]]
    answer = await ask(a_server(streamlet, http_max_body=1000), chunks, headers=declared)
    assert answer.status == 413
    assert "1000 bytes" in answer.json()["problems"][0]["message"]
    assert not streamlet.context.written


async def test_a_full_window_is_answered_with_when_to_come_again() -> None:
    streamlet = ReadingIngress()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet, http_max_in_flight=1)
    body = json.dumps(a_reading()).encode()
    first = asyncio.ensure_future(ask(server, body))
    while not context.started:
        await asyncio.sleep(0)
    refused = await ask(server, body)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    context.release()
    assert (await first).status == 202
    assert (await ask(server, body)).status == 202


async def test_a_write_that_is_not_acknowledged_may_be_tried_again() -> None:
    streamlet = ReadingIngress()
    streamlet.context = RefusingContext(DeliveryError("broker-7 is away"))
    server = a_server(streamlet)
    answer = await ask(server, json.dumps(a_reading("refused")).encode())
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "broker-7" not in answer.body.decode()
    assert server.in_flight == 0


async def test_a_value_that_does_not_fit_the_schema_is_the_senders_problem() -> None:
    streamlet = ReadingIngress()
    streamlet.context = RefusingContext(EncodeError("power: 300 is no byte"))
    answer = await ask(a_server(streamlet), json.dumps(a_reading("refused")).encode())
    assert answer.status == 400
    assert answer.json()["problems"][0]["message"] == "power: 300 is no byte"


async def test_a_sender_that_leaves_in_mid_body_writes_nothing() -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet)
    answer = await ask(server, json.dumps(a_reading()).encode(), is_cut_off=True)
    assert answer.status != 202
    assert not streamlet.context.written
    assert server.requests == 0


async def test_a_defect_of_the_streamlet_is_not_blamed_on_the_sender(
    caplog: pytest.LogCaptureFixture,
) -> None:
    streamlet = ReadingIngress()
    streamlet.context = RefusingContext(RuntimeError("password=hunter2"))
    answer = await ask(a_server(streamlet), json.dumps(a_reading("refused")).encode())
    assert answer.status == 500
    assert "hunter2" not in answer.body.decode()
    assert "hunter2" in caplog.text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"correlation-id": "c", "x-request-id": "r"}, {"correlation-id": b"c"}),
        ({"x-correlation-id": "x", "x-request-id": "r"}, {"correlation-id": b"x"}),
        ({"X-Request-Id": "r"}, {"correlation-id": b"r"}),
        (
            {"traceparent": "00-4bf9-00f0-01", "tracestate": "a=1"},
            {"traceparent": b"00-4bf9-00f0-01", "tracestate": b"a=1"},
        ),
        ({"authorization": "secret"}, {}),
    ],
)
async def test_correlation_goes_on_with_the_record(
    given: dict[str, str], expected: dict[str, bytes]
) -> None:
    streamlet = ReadingIngress()
    await ask(a_server(streamlet), json.dumps(a_reading()).encode(), headers=given)
    (written,) = streamlet.context.written
    assert dict(written.headers) == expected
