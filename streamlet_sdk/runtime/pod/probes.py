"""What a pod answers on its port: `/livez`, `/readyz`, `/metrics`.

Threads of their own answer, so that a blocked event loop is seen and named instead of running
into a probe's time-out. They only read what the loop left for them.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

PORT: Final = 8090
_REQUEST_SECONDS: Final = 10.0
_PLAIN: Final = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))


class Vitals(Protocol):
    """What probes ask; called from any thread. No reason means yes."""

    def why_not_alive(self) -> Iterable[str]:
        """Why a restart would help, one line each."""
        ...

    def why_not_ready(self) -> Iterable[str]:
        """Why it cannot do its work now, one line each."""
        ...


class Probes:
    """Listens from `start` to `stop`.

    Attributes:
        port: where it listens.
    """

    def __init__(self, vitals: Vitals, metrics: WSGIApplication, port: int) -> None:
        """Bind `port` on all interfaces; 0 chooses a free one.

        Raises:
            OSError: when the port is taken.
        """
        self._server = _Server(_bound(port), _Answers(vitals, metrics))
        self.port: int = self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        serve: Callable[[], None] = self._server.serve_forever
        threading.Thread(target=serve, daemon=True, name="probes").start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _Answers:
    """The WSGI application behind the port."""

    def __init__(self, vitals: Vitals, metrics: WSGIApplication) -> None:
        self._vitals = vitals
        self._metrics = metrics

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return self._metrics(environ, start)
        if path == "/livez":
            return _verdict(self._vitals.why_not_alive(), start)
        if path == "/readyz":
            return _verdict(self._vitals.why_not_ready(), start)
        start(_status(HTTPStatus.NOT_FOUND), list(_PLAIN))
        return [b"here are /livez, /readyz and /metrics\n"]


def _verdict(reasons: Iterable[str], start: StartResponse) -> Iterable[bytes]:
    lines = list(reasons)
    status = HTTPStatus.SERVICE_UNAVAILABLE if lines else HTTPStatus.OK
    start(_status(status), list(_PLAIN))  # the server adds to the list
    return ["".join(f"{line}\n" for line in lines or ["ok"]).encode()]


def _status(status: HTTPStatus) -> str:
    return f"{status.value} {status.phrase}"


class _Handler(WSGIRequestHandler):
    # A client that says nothing must not keep a thread for ever.
    timeout = _REQUEST_SECONDS

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds; they are no news."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # Ending does not wait for a scraper that reads slowly.
    block_on_close = False

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who says nothing, or hangs up, is no news; by default the log would have a traceback."""
        logger.debug("A client of the probes' port went away: %r", sys.exception())

    def __init__(self, bound: socket.socket, application: _Answers) -> None:
        super().__init__(bound.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.server_name, self.server_port = "", bound.getsockname()[1]
        self.setup_environ()
        self.set_app(application)


def _bound(port: int) -> socket.socket:
    """A socket on all interfaces, of IPv6 too where the machine has it."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
