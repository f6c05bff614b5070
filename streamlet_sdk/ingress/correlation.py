"""Which headers of a request go on with the records that it causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.requests import Request

TRACE_CONTEXT: Final = ("traceparent", "tracestate")
CORRELATION_ID: Final = "correlation-id"
# The first one that is there wins; services in front of ours use any of them.
CORRELATION_NAMES: Final = (CORRELATION_ID, "x-correlation-id", "x-request-id")


def correlation_headers(request: Request) -> dict[str, bytes]:
    """The record headers that tie a record to the request: trace context and correlation id.

    `HttpIngress` adds them to every record. An own route passes them on with
    `await self.out.write(value, headers=correlation_headers(request))`.
    """
    given = request.headers
    # A trace state may be spread over several headers, whose values belong together in order.
    found = {name: ",".join(given.getlist(name)) for name in TRACE_CONTEXT if name in given}
    for name in CORRELATION_NAMES:
        if name in given:
            found[CORRELATION_ID] = given[name]
            break
    return {name: text.encode("latin-1") for name, text in found.items()}
