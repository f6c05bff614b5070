"""What the operator answers on its port: `/healthz`, `/readyz` and `/metrics`.

It runs on the event loop, so that no answer comes when the loop does not turn: the kubelet then
starts the container again. It knows nothing of what it tells.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Ask = Callable[[], Iterable[str]]

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_STOP_SECONDS: Final = 1.0
_FRESH: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Who knows the answers; each is asked at each request and returns at once.

    Attributes:
        why_unhealthy: why a restart would help, a line each. A standby is healthy, and so is one
            whose API server is away.
        why_unready: what has not been seen yet, a line each; the same for a standby.
        metrics: in the text format of Prometheus.
    """

    why_unhealthy: Ask
    why_unready: Ask
    metrics: Callable[[], bytes]


@contextlib.asynccontextmanager
async def serving(answers: Answers, port: int, host: str | None = None) -> AsyncIterator[int]:
    """Answer on `port`, 0 for a free one, until the end of the block; the port.

    Args:
        answers: what to say.
        port: of TCP.
        host: to listen on; None is all interfaces.

    Raises:
        OSError: when the port cannot be had.
    """
    application = web.Application()
    application.add_routes(
        [
            web.get("/healthz", _verdict(answers.why_unhealthy)),
            web.get("/readyz", _verdict(answers.why_unready)),
            web.get("/metrics", _text(answers.metrics)),
        ]
    )
    # Probes come every few seconds; they are no news.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _verdict(ask: Ask) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        lines = list(ask())
        status = HTTPStatus.SERVICE_UNAVAILABLE if lines else HTTPStatus.OK
        text = "".join(f"{line}\n" for line in lines or ["ok"])
        return web.Response(status=status, text=text, headers=_FRESH)

    return answer


def _text(ask: Callable[[], bytes]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=ask(), headers={**_FRESH, "Content-Type": METRICS_TYPE})

    return answer
