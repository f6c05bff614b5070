"""Bodies of many records: lines and arrays, while they arrive."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk import Outlet
from streamlet_sdk.errors import DeliveryError, EncodeError
from streamlet_sdk.ingress import HttpIngress
from support.ingress import (
    NDJSON,
    Answer,
    HeldContext,
    Reading,
    ReadingIngress,
    RefusingContext,
    a_reading,
    a_server,
    ask,
    lines,
)

if TYPE_CHECKING:
    from streamlet_sdk import Streamlet
    from streamlet_sdk.ingress.web import WebServer

THREE = [a_reading("a"), a_reading("b"), a_reading("c")]
FORMS = pytest.mark.parametrize("form", ["array", "lines"])


def devices(streamlet: Streamlet) -> list[str]:
    return [emission.value.device for emission in streamlet.context.written]


async def send(
    server: WebServer, form: str, records: list[Any], *, cut_after: int | None = None
) -> Answer:
    """Send records as an array or lines, a few bytes at a time."""
    body = lines(*records) if form == "lines" else json.dumps(records).encode()
    headers = NDJSON if form == "lines" else {}
    sent = body[:cut_after]
    chunks = [sent[at : at + 7] for at in range(0, len(sent), 7)]
    return await ask(server, chunks, headers=headers, is_cut_off=cut_after is not None)


@FORMS
async def test_all_records_are_written_in_their_order(form: str) -> None:
    streamlet = ReadingIngress()
    answer = await send(a_server(streamlet), form, THREE)
    assert (answer.status, answer.json()) == (202, {"records": 3})
    assert devices(streamlet) == ["a", "b", "c"]


async def test_an_empty_array_has_no_records() -> None:
    answer = await ask(a_server(), b" [ ] ")
    assert (answer.status, answer.json()) == (202, {"records": 0})


async def test_an_empty_body_of_lines_is_refused() -> None:
    answer = await ask(a_server(), b"", headers=NDJSON)
    assert answer.status == 400


async def test_a_last_line_needs_no_end() -> None:
    streamlet = ReadingIngress()
    answer = await ask(a_server(streamlet), lines(*THREE).rstrip(), headers=NDJSON)
    assert answer.json() == {"records": 3}


@pytest.mark.parametrize(("form", "where"), [("array", {"index": 2}), ("lines", {"line": 3})])
async def test_the_first_wrong_record_ends_the_body(form: str, where: dict[str, int]) -> None:
    streamlet = ReadingIngress()
    records = [*THREE[:2], {"power": "x"}, THREE[2]]
    answer = await send(a_server(streamlet), form, records)
    assert answer.status == 400
    told = answer.json()
    assert [problem["path"] for problem in told.pop("problems")] == ["device", "power"]
    assert told == {**where, "records": 2}
    assert devices(streamlet) == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "index"),
    [(b"[1", 0), (b"[", 0), (b'[{"device":"a","power":1},]', 1), (b"[]x", 0), (b"[}", 0)],
)
async def test_a_broken_array_is_refused(body: bytes, index: int) -> None:
    answer = await ask(a_server(), body)
    assert answer.status == 400
    assert answer.json()["index"] == index


@FORMS
async def test_the_limit_holds_for_each_record_and_not_for_the_body(form: str) -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet, http_max_body=100)
    assert (await send(server, form, THREE * 20)).json() == {"records": 60}
    answer = await send(server, form, [THREE[0], a_reading("x" * 100)])
    assert (answer.status, answer.json()["records"]) == (413, 1)


@FORMS
async def test_records_are_in_flight_together_within_the_limit(form: str) -> None:
    streamlet = ReadingIngress()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet, http_max_in_flight=8)
    sent = asyncio.ensure_future(send(server, form, THREE * 5))
    for _ in range(500):
        await asyncio.sleep(0)
    # Half of eight: the other half is for those who send one record each.
    assert (len(context.started), server.in_flight, sent.done()) == (4, 4, False)
    single = asyncio.ensure_future(ask(server, json.dumps(a_reading("single")).encode()))
    while len(context.started) < 5:
        await asyncio.sleep(0)
    context.release()
    assert (await sent).json() == {"records": 15}
    assert (await single).status == 202
    assert server.in_flight == 0


@pytest.mark.parametrize(
    ("error", "status"), [(DeliveryError("away"), 503), (EncodeError("does not fit"), 400)]
)
@FORMS
async def test_a_failed_write_tells_how_many_before_it_are_written(
    form: str, error: Exception, status: int
) -> None:
    streamlet = ReadingIngress()
    streamlet.context = RefusingContext(error)
    server = a_server(streamlet)
    answer = await send(server, form, [*THREE, a_reading("refused"), *THREE])
    assert (answer.status, answer.json()["records"]) == (status, 3)
    where = {"array": {"index": 3}, "lines": {"line": 4}}[form]
    assert {key: answer.json().get(key) for key in where} == (
        where if status == 400 else dict.fromkeys(where)
    )
    assert ("retry-after" in answer.headers) == (status == 503)
    assert server.in_flight == 0


async def test_the_first_failure_is_told_when_a_later_record_is_wrong_too() -> None:
    streamlet = ReadingIngress()
    streamlet.context = RefusingContext(DeliveryError("away"))
    body = lines(a_reading(), a_reading("refused"), {"power": 1})
    answer = await ask(a_server(streamlet), body, headers=NDJSON)
    assert (answer.status, answer.json()["records"]) == (503, 1)


@FORMS
async def test_complete_records_of_a_sender_that_leaves_are_written(form: str) -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet)
    size = len(json.dumps(THREE[0])) + 2
    answer = await send(server, form, THREE, cut_after=2 * size + 10)
    assert answer.status != 202
    assert devices(streamlet) == ["a", "b"]
    assert (server.in_flight, server.requests) == (0, 0)


async def test_later_failures_are_not_reported_as_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    streamlet = ReadingIngress()
    streamlet.context = RefusingContext(DeliveryError("away"))
    body = lines(*[a_reading("refused")] * 3)
    assert (await ask(a_server(streamlet), body, headers=NDJSON)).status == 503
    gc.collect()
    assert not caplog.records


async def test_a_defect_in_mid_body_leaves_no_write_behind() -> None:
    class Keyed(HttpIngress):
        out = Outlet(Reading, key=lambda reading: {"a": "1"}[reading.device])

    streamlet = Keyed()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet)
    sent = asyncio.ensure_future(send(server, "lines", THREE))
    assert (await sent).status == 500
    assert len(context.started) == 1
    await asyncio.sleep(0)
    assert server.in_flight == 0
    assert not context.written


async def test_a_stream_is_refused_at_once_when_the_window_is_full() -> None:
    streamlet = ReadingIngress()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet, http_max_in_flight=1)
    single = asyncio.ensure_future(ask(server, json.dumps(a_reading()).encode()))
    while not context.started:
        await asyncio.sleep(0)
    assert (await send(server, "lines", THREE)).status == 503
    context.release()
    assert (await single).status == 202


async def test_a_long_body_lets_others_in() -> None:
    streamlet = ReadingIngress()
    server = a_server(streamlet, http_max_in_flight=100_000)
    long = asyncio.ensure_future(ask(server, lines(*[a_reading("long")] * 10_000), headers=NDJSON))
    single = json.dumps(a_reading("single")).encode()
    await ask(server, [single[at : at + 1] for at in range(len(single))])
    assert (await long).json() == {"records": 10_000}
    assert devices(streamlet).index("single") < 10_000


async def test_a_stream_ends_at_a_record_when_the_server_drains() -> None:
    streamlet = ReadingIngress()
    streamlet.context = context = HeldContext()
    server = a_server(streamlet, http_max_in_flight=4)
    sent = asyncio.ensure_future(send(server, "lines", THREE))
    while len(context.started) < 2:
        await asyncio.sleep(0)
    drained = asyncio.ensure_future(server.drain(asyncio.get_running_loop().time() + 1000))
    await asyncio.sleep(0)
    context.release()
    answer = await sent
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["records"] == len(streamlet.context.written)
    assert await drained
