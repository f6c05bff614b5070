"""Servers in the kit: asked without a socket, written for real."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel
from starlette.responses import JSONResponse

from streamlet_sdk import Inlet, Outlet, Streamlet
from streamlet_sdk.ingress import HttpIngress, route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from streamlet_sdk.testing import StreamletKits


class Reading(BaseModel):
    """What the server takes."""

    device: str
    power: float


class Ingress(HttpIngress):
    """Takes readings, and tells what it was asked."""

    out = Outlet(Reading, key=lambda reading: reading.device)

    @route("/devices/{device}", methods=("GET", "PUT"))
    async def device(self, request: Request) -> Response:
        body = (await request.body()).decode()
        if body:
            await self.out.write(Reading(device=request.path_params["device"], power=float(body)))
        return JSONResponse(
            {
                "device": request.path_params["device"],
                "limit": request.query_params.get("limit"),
                "agent": request.headers.get("User-Agent"),
            }
        )


READING = Reading(device="a", power=1.5)


def test_what_is_posted_is_written_before_it_is_answered(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Ingress)
    answer = kit.request("POST", "/", json=READING.model_dump())
    assert answer.status == 202
    (record,) = kit.received("out")
    assert (record.value, record.key) == (READING, b"a")


def test_a_wrong_record_is_answered_with_its_problems(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Ingress)
    answer = kit.request("POST", "/", json={"device": "a"})
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert [problem["path"] for problem in answer.json()["problems"]] == ["power"]
    assert "power" in answer.text
    assert kit.values("out") == []


def test_a_body_may_come_in_pieces(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Ingress)
    line = READING.model_dump_json().encode()
    answer = kit.request(
        "POST",
        "/",
        body=[line[:5], line[5:] + b"\n", line + b"\n"],
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.status == 202
    assert kit.values("out") == [READING, READING]


def test_own_routes_see_path_query_headers_and_body(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Ingress)
    answer = kit.request("GET", "/devices/a%20b?limit=3", headers={"User-Agent": "test"})
    assert answer.json() == {"device": "a b", "limit": "3", "agent": "test"}
    assert kit.request("PUT", "/devices/c", body=b"2.5").status == 200
    assert kit.values("out") == [Reading(device="c", power=2.5)]


def test_no_socket_is_opened(streamlet_kit: StreamletKits, monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[object] = []
    monkeypatch.setattr(socket.socket, "bind", lambda _, address: bound.append(address))
    kit = streamlet_kit(Ingress)
    assert kit.request("GET", "/health").status == 200
    assert bound == []


def test_a_streamlet_that_is_no_server_cannot_be_asked(streamlet_kit: StreamletKits) -> None:
    class Sink(Streamlet):
        in_ = Inlet(bytes)

        @in_.each
        def take(self, data: bytes) -> None:
            """Take it."""

    with pytest.raises(TypeError, match="streamlet-under-test is no server"):
        streamlet_kit(Sink).request("GET", "/")
