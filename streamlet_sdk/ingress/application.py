"""The ASGI application of one server: its paths, and what becomes of errors.

Made by `web.WebServer`. It has no sockets; tests call it directly.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from functools import partial
from http import HTTPStatus
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route, Router

from streamlet_sdk.errors import DeliveryError, EncodeError
from streamlet_sdk.handlers import Route as RouteRole
from streamlet_sdk.handlers import roles
from streamlet_sdk.ingress.answers import (
    RETRY_AFTER,
    Finding,
    RequestError,
    draining,
    findings_of,
    json_response,
    problems_response,
    refusal,
)
from streamlet_sdk.ingress.incoming import Incoming
from streamlet_sdk.ingress.intake import Intake
from streamlet_sdk.ingress.writing import write_refusal
from streamlet_sdk.ports import Outlet
from streamlet_sdk.streamlet import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from streamlet_sdk.ingress.intake import JsonReader
    from streamlet_sdk.ingress.servers import HttpServer
    from streamlet_sdk.ingress.traffic import Traffic

logger = logging.getLogger(__name__)

HEALTH = "/health"


class Application:
    """Answers the requests to one streamlet."""

    def __init__(
        self, streamlet: HttpServer, readers: Mapping[str, JsonReader], traffic: Traffic
    ) -> None:
        """Take the routes of `streamlet`; see `web.WebServer`."""
        self._streamlet = streamlet
        self._traffic = traffic
        routes = [*self._own_routes(), *self._ingress_routes(readers)]
        routes.append(Route(HEALTH, self._health, methods=["GET"]))
        everything_else = Route("/{path:path}", _Unmatched(routes))
        router = Router([*routes, everything_else])
        self._answer: ASGIApp = ExceptionMiddleware(
            router,
            {HTTPException: self._raised, Exception: self._raised},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._traffic.is_draining and scope["path"] != HEALTH:
            await draining().response()(scope, receive, send)
            return
        try:
            with self._traffic.request():
                await self._answer(scope, receive, send)
        except asyncio.CancelledError:
            # The connection is gone already; the web server would log this as its own defect.
            if not self._traffic.is_cut:
                raise

    def _own_routes(self) -> Iterator[Route]:
        for name, role in roles(type(self._streamlet)).items():
            if isinstance(role, RouteRole):
                method = getattr(self._streamlet, name)
                if not inspect.iscoroutinefunction(method):
                    raise TypeError(f"{method.__qualname__} is a route: make it `async def`")
                try:
                    yield Route(role.path, partial(self._own, method), methods=role.methods)
                except (AssertionError, ValueError) as error:
                    raise TypeError(f"{method.__qualname__} is no route: {error}") from error

    def _ingress_routes(self, readers: Mapping[str, JsonReader]) -> Iterator[Route]:
        cls = type(self._streamlet)
        if cls.__server__ == "ingress":
            outlets = [item for _, item in attributes(cls) if isinstance(item, Outlet)]
            if len(outlets) != 1:
                raise TypeError(f"{cls.__name__} must have one outlet, it has {len(outlets)}")
            outlet = outlets[0].__get__(self._streamlet, cls)
            intake = Intake(self._streamlet, outlet, readers[outlets[0].name], self._traffic)
            yield Route("/", intake.take, methods=["POST", "PUT"])

    async def _own(self, method: Any, request: Request) -> Response:
        limit: int = self._traffic.settings.http_max_body
        body = Incoming(request.receive, self._traffic, limit)
        response = await method(Request(request.scope, body.receive))
        if not isinstance(response, Response):
            made = type(response).__name__
            raise TypeError(f"{method.__qualname__} must return a Response, it returned {made}")
        return response

    async def _health(self, request: Request) -> Response:
        del request
        if self._traffic.is_draining:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return json_response(status, {"status": "stopping"}, RETRY_AFTER)
        return json_response(HTTPStatus.OK, {"status": "ok"})

    async def _raised(self, request: Request, error: Exception) -> Response:
        if (response := _answer_to_sender(error)) is not None:
            return response
        if isinstance(error, ClientDisconnect):
            logger.debug("The sender of %s %s left", request.method, request.url.path)
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        log = self._streamlet.context.logger
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        message = "The server failed; its log says why."
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, message).response()


class _Unmatched:
    """Refuses what no route takes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        allowed: set[str] = set()
        for route in self._routes:
            if route.matches(scope)[0] is not Match.NONE:
                allowed |= route.methods or set()
        if not allowed:
            raise refusal(HTTPStatus.NOT_FOUND, "There is nothing at this path.")
        methods = ", ".join(sorted(allowed))
        message = f"{scope['method']} is not possible here; use {methods}."
        raise refusal(HTTPStatus.METHOD_NOT_ALLOWED, message, {"Allow": methods})


def _answer_to_sender(error: Exception) -> Response | None:
    """The answer to what is the sender's to know; None when it is the server's own matter."""
    match error:
        case RequestError():
            return error.response()
        case DeliveryError() | EncodeError():
            logger.debug("A write of a route failed", exc_info=error)
            return write_refusal(error).response()
        case ValidationError():
            # What an own route validates is what it was sent, as in the frameworks users know.
            return problems_response(HTTPStatus.BAD_REQUEST, findings_of(error))
        case JSONDecodeError() | UnicodeDecodeError():
            return refusal(HTTPStatus.BAD_REQUEST, f"The body is no JSON: {error}").response()
        case HTTPException():
            return _raised_by_route(error)
    return None


def _raised_by_route(error: HTTPException) -> Response:
    if error.status_code < HTTPStatus.BAD_REQUEST:
        return Response(status_code=error.status_code, headers=dict(error.headers or {}))
    finding = Finding(path="", message=error.detail)
    return problems_response(error.status_code, [finding], headers=error.headers)
