"""What users derive their servers from. Declares only; `web` runs what is declared here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, TypeVar

from streamlet_sdk.handlers import Route, mark
from streamlet_sdk.streamlet import Streamlet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

Method = Literal["DELETE", "GET", "PATCH", "POST", "PUT"]

S = TypeVar("S", bound="HttpServer")
Handler: TypeAlias = "Callable[[S, Request], Awaitable[Response]]"


class HttpServer(Streamlet):
    """A streamlet that answers HTTP requests by its own routes.

    `__server__` tells a server from other streamlets without importing a web server: `routes`
    has its own routes only, `ingress` takes records besides.
    """

    __server__: ClassVar[Literal["routes", "ingress"]] = "routes"


class HttpIngress(HttpServer):
    """A server with exactly one outlet: what is sent to `/` by POST or PUT is written there.

    A request is answered 202 once its records are acknowledged. Own routes may be added.
    """

    __server__ = "ingress"


def route(
    path: str, *, methods: tuple[Method, ...] = ("POST",)
) -> Callable[[Handler[S]], Handler[S]]:
    """Mark an async method as the handler of the requests to a path.

    It is given the request and returns the response; records are written with
    `await self.outlet.write(value)`, which returns once they are acknowledged.

    Args:
        path: as Starlette has it; `/devices/{device}` gives `request.path_params["device"]`.
        methods: what the route answers; GET answers HEAD too.
    """
    return lambda handler: mark(handler, Route(path=path, methods=methods))
