"""Own routes of a server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from streamlet_sdk import Outlet
from streamlet_sdk.errors import DeliveryError
from streamlet_sdk.handlers import roles
from streamlet_sdk.ingress import HttpIngress, HttpServer, correlation_headers, route
from support.ingress import Reading, ReadingIngress, RefusingContext, a_server, ask

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamlet_sdk import Streamlet


class Devices(HttpServer):
    """Has routes only."""

    out = Outlet(Reading)

    @route("/devices/{device}", methods=("PUT",))
    async def change(self, request: Request) -> Response:
        power = float(await request.body())
        reading = Reading(device=request.path_params["device"], power=power)
        headers = correlation_headers(request)
        where = await self.out.write(reading, headers=headers, timeout=timedelta(seconds=5))
        return JSONResponse({"offset": where.offset}, 201)

    @route("/devices/{device}", methods=("GET",))
    async def show(self, request: Request) -> Response:
        return JSONResponse({"device": request.path_params["device"]})

    @route("/devices", methods=("POST",))
    async def add(self, request: Request) -> Response:
        await self.out.write(Reading.model_validate_json(await request.body()))
        return Response(status_code=201)

    @route("/anything")
    async def anything(self, request: Request) -> Response:
        return JSONResponse(await request.json())

    @route("/broken", methods=("GET",))
    async def broken(self, request: Request) -> Response:
        raise RuntimeError("password=hunter2")

    @route("/forgetful", methods=("GET",))
    async def forgetful(self, request: Request) -> Response:
        return None  # type: ignore[return-value] # what users forget

    @route("/forbidden", methods=("GET",))
    async def forbidden(self, request: Request) -> Response:
        raise HTTPException(401, "Who are you?", {"WWW-Authenticate": "Bearer"})

    @route("/same", methods=("GET",))
    async def same(self, request: Request) -> Response:
        raise HTTPException(304)


def written(streamlet: Streamlet) -> list[Reading]:
    return [emission.value for emission in streamlet.context.written]


async def test_a_route_writes_and_answers_by_itself() -> None:
    streamlet = Devices()
    answer = await ask(
        a_server(streamlet), b"2.5", target="PUT /devices/7", headers={"x-request-id": "r"}
    )
    assert (answer.status, answer.json()) == (201, {"offset": 0})
    assert written(streamlet) == [Reading(device="7", power=2.5)]
    assert dict(streamlet.context.written[0].headers) == {"correlation-id": b"r"}


async def test_routes_of_one_path_are_told_apart_by_method() -> None:
    server = a_server(Devices())
    assert (await ask(server, target="GET /devices/7")).json() == {"device": "7"}
    assert (await ask(server, target="HEAD /devices/7")).status == 200
    answer = await ask(server, target="DELETE /devices/7")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, PUT")


@pytest.mark.parametrize("path", ["/broken", "/forgetful"])
async def test_an_error_of_a_route_is_logged_and_not_told(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(a_server(Devices()), target=f"GET {path}")
    assert answer.status == 500
    assert "hunter2" not in answer.body.decode()
    assert "Traceback" in caplog.text


async def test_a_route_that_returns_no_response_is_named(caplog: pytest.LogCaptureFixture) -> None:
    await ask(a_server(Devices()), target="GET /forgetful")
    assert "Devices.forgetful must return a Response, it returned NoneType" in caplog.text


async def test_a_route_may_refuse_by_itself() -> None:
    server = a_server(Devices())
    answer = await ask(server, target="GET /forbidden")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json() == {"problems": [{"path": "", "message": "Who are you?"}]}
    same = await ask(server, target="GET /same")
    assert (same.status, same.body) == (304, b"")


async def test_what_a_route_finds_invalid_is_told_with_all_problems() -> None:
    answer = await ask(a_server(Devices()), b'{"power": "x"}', target="POST /devices")
    assert answer.status == 400
    assert [problem["path"] for problem in answer.json()["problems"]] == ["device", "power"]


@pytest.mark.parametrize("body", [b"", b"{", b'"\xff"'])
async def test_a_body_that_is_no_json_is_the_senders_problem(body: bytes) -> None:
    answer = await ask(a_server(Devices()), body, target="POST /anything")
    assert answer.status == 400
    assert "no JSON" in answer.json()["problems"][0]["message"]


async def test_an_unacknowledged_write_of_a_route_may_be_tried_again() -> None:
    streamlet = Devices()
    streamlet.context = RefusingContext(DeliveryError("away"), "7")
    answer = await ask(a_server(streamlet), b"1", target="PUT /devices/7")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_bodies_of_routes_are_limited() -> None:
    streamlet = Devices()
    server = a_server(streamlet, http_max_body=10)
    answer = await ask(server, [b"1" * 6, b"1" * 6], target="PUT /devices/7")
    assert answer.status == 413
    assert not written(streamlet)


async def test_a_sender_that_leaves_a_route_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    server = a_server(Devices())
    await ask(server, b"1", target="PUT /devices/7", is_cut_off=True)
    assert server.requests == 0
    assert "Traceback" not in caplog.text


async def test_an_ingress_may_have_routes_besides() -> None:
    class Both(ReadingIngress):
        @route("/", methods=("GET",))
        async def hello(self, request: Request) -> Response:
            return JSONResponse("hello")

        @route("/health", methods=("GET",))
        async def health(self, request: Request) -> Response:
            return JSONResponse("well")

    server = a_server(Both())
    assert (await ask(server, target="GET /")).json() == "hello"
    assert (await ask(server, target="GET /health")).json() == "well"
    assert (await ask(server, b'{"device":"a","power":1}')).status == 202
    assert (await ask(server, target="DELETE /")).headers["allow"] == "GET, HEAD, POST, PUT"


async def test_an_overridden_route_keeps_its_path() -> None:
    class Loud(Devices):
        async def show(self, request: Request) -> Response:
            return JSONResponse("LOUD")

    assert (await ask(a_server(Loud()), target="GET /devices/7")).json() == "LOUD"


def test_a_route_that_is_not_async_is_refused() -> None:
    class Sync(HttpServer):
        @route("/sync")  # type: ignore[arg-type] # what users try
        def sync(self, request: Request) -> Response:
            return Response()

    with pytest.raises(TypeError, match=r"Sync\.sync is a route: make it `async def`"):
        a_server(Sync())


@pytest.mark.parametrize("path", ["no-slash", "/{x:nonsense}", "/{x}/{x}"])
def test_a_path_that_cannot_be_matched_is_refused(path: str) -> None:
    class Odd(HttpServer):
        @route(path)
        async def odd(self, request: Request) -> Response:
            return Response()

    with pytest.raises(TypeError, match=r"Odd\.odd is no route: .+"):
        a_server(Odd())


def test_an_ingress_without_exactly_one_outlet_is_refused() -> None:
    class Two(HttpIngress):
        out = Outlet(Reading)
        other = Outlet(Reading)

    with pytest.raises(TypeError, match="Two must have one outlet, it has 2"):
        a_server(Two())


def test_classes_say_what_kind_of_server_they_are() -> None:
    assert (Devices.__server__, ReadingIngress.__server__) == ("routes", "ingress")
    assert set(roles(Devices)) >= {"change", "show"}
