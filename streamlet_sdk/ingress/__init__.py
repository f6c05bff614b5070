"""Streamlets that listen for HTTP: what users derive from and mark routes with.

The engine runs them with `streamlet_sdk.ingress.web`, which is not imported here: reading a
class needs no web server, running one does.
"""

from importlib.util import find_spec

from streamlet_sdk.errors import MissingExtraError

if find_spec("starlette") is None or find_spec("uvicorn") is None:
    raise MissingExtraError("an HTTP server", "http")

from streamlet_sdk.ingress.correlation import correlation_headers
from streamlet_sdk.ingress.servers import HttpIngress, HttpServer, route

__all__ = ["HttpIngress", "HttpServer", "correlation_headers", "route"]
