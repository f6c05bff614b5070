"""What is asked for: methods, paths, media types, health."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from streamlet_sdk.ingress import HttpServer
from support.ingress import NDJSON, ReadingIngress, a_reading, a_server, ask


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "BREW"])
async def test_other_methods_are_refused_with_those_that_are_allowed(method: str) -> None:
    answer = await ask(a_server(), target=f"{method} /")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, PUT")


@pytest.mark.parametrize("path", ["/nothing", "/health/", "//"])
async def test_other_paths_are_not_found(path: str) -> None:
    answer = await ask(a_server(), b"{}", target=f"POST {path}")
    assert answer.status == 404
    assert answer.json()["problems"]


async def test_a_server_without_ingress_takes_nothing_at_its_root() -> None:
    assert (await ask(a_server(HttpServer()), b"{}")).status == 404


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/x-ndjson",
        "application/jsonl",
    ],
)
async def test_json_is_taken_by_each_of_its_names(content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    body = json.dumps(a_reading()).encode()
    assert (await ask(a_server(), body, headers=headers)).json() == {"records": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "nonsense"},
        {"content-encoding": "gzip"},
    ],
)
async def test_other_media_are_refused_with_what_is_possible(headers: dict[str, str]) -> None:
    answer = await ask(a_server(), json.dumps(a_reading()).encode(), headers=headers)
    assert answer.status == 415
    assert "send" in answer.json()["problems"][0]["message"]


async def test_who_sends_json_as_curl_does_by_itself_is_told_what_to_add() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await ask(a_server(), json.dumps(a_reading()).encode(), headers=headers)
    message = answer.json()["problems"][0]["message"]
    assert message.endswith("With curl, add: -H 'Content-Type: application/json'")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_is_good_while_the_server_runs(method: str) -> None:
    assert (await ask(a_server(), target=f"{method} /health")).status == 200


async def test_a_draining_server_refuses_and_says_so_to_health_checks() -> None:
    server = a_server()
    assert await server.drain(asyncio.get_running_loop().time() + 1000)
    body = json.dumps(a_reading()).encode()
    refused = await ask(server, body)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert (await ask(server, target="GET /health")).status == 503


async def test_a_client_library_is_understood() -> None:
    streamlet = ReadingIngress()
    transport = httpx.ASGITransport(a_server(streamlet).application)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        one = await client.post("/", json=a_reading())
        many = await client.post("/", json=[a_reading(), a_reading()])
        streamed = await client.post("/", content=b'{"device":"a","power":1}', headers=NDJSON)
    assert [one.json(), many.json(), streamed.json()] == [
        {"records": 1},
        {"records": 2},
        {"records": 1},
    ]
    assert len(streamlet.context.written) == 4


async def test_a_stopped_server_that_never_listened_is_no_error() -> None:
    await a_server().stop(asyncio.get_running_loop().time())
