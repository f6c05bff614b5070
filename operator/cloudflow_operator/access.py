"""Where the API server is and who asks it, for a client other than ours.

`requests` makes it of what its own client knows, so that two clients never disagree.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Everything that it takes to ask; a token is only good for a while.

    Attributes:
        server: its URL.
        authority: the file with the certificates of who signed the server's.
        token: what is sent with each request; None sends none.
        certificate: the file with our own certificate, and `key` that with its key.
        is_verified: whether the server's certificate is looked at.
    """

    server: str
    authority: str | None
    token: str | None = field(repr=False)
    certificate: str | None
    key: str | None
    is_verified: bool


async def access(configuration: Any) -> Access:
    """What the configuration of Kubernetes' client says now; a token that ended is read again."""
    token = configuration.get_api_key_with_prefix("BearerToken")
    if inspect.isawaitable(token):
        token = await token
    return Access(
        server=configuration.host,
        authority=configuration.ssl_ca_cert,
        token=token.partition(" ")[2] if token else None,
        certificate=configuration.cert_file,
        key=configuration.key_file,
        is_verified=configuration.verify_ssl,
    )


def take_proxy(configuration: Any) -> None:
    """Take the proxy of the environment, once and for all requests.

    The client would ask a thread for it each time, and another one for the passwords of `.netrc`.
    """
    if configuration.proxy is None:
        url = urlsplit(configuration.host)
        if url.hostname is not None and not proxy_bypass(url.hostname):
            configuration.proxy = getproxies().get(url.scheme)
    configuration.client_session_kwargs = {"trust_env": False}
