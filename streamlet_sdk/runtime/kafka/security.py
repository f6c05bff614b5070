"""How a client proves who it is and whom it trusts, from properties in Kafka's own names.

Used by `properties`. Certificates and keys are PEM, as files or as texts; Python reads no Java key
stores.
"""

from __future__ import annotations

import re
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamlet_sdk.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_LOGIN: Final = re.compile(r"\b(username|password)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s;]+)")


def credentials(jaas: str) -> tuple[str, str]:
    """User name and password of a `sasl.jaas.config`.

    Raises:
        RejectedError: when it has none.
    """
    found = {name: _unquoted(text) for name, text in _LOGIN.findall(jaas)}
    if found.keys() != {"username", "password"}:
        raise RejectedError(
            "sasl.jaas.config names no username and password",
            hint='write: <login module> required username="..." password="...";',
        )
    return found["username"], found["password"]


def context(properties: Mapping[str, str]) -> ssl.SSLContext:
    """The TLS side of a connection.

    Raises:
        RejectedError: when a file is missing or is no PEM.
    """
    made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    try:
        _trust(made, properties)
        _identify(made, properties)
    except (OSError, ssl.SSLError) as error:
        raise RejectedError(
            f"the certificates of ssl.truststore.* or ssl.keystore.* cannot be read: {error}",
            hint="they are PEM; check the paths, the key and ssl.key.password",
        ) from error
    # An empty algorithm turns the check of the host's name off, as in Kafka's own clients.
    if properties.get("ssl.endpoint.identification.algorithm", "https") == "":
        made.check_hostname = False
    return made


def _trust(made: ssl.SSLContext, properties: Mapping[str, str]) -> None:
    if location := properties.get("ssl.truststore.location"):
        made.load_verify_locations(cafile=location)
    if text := properties.get("ssl.truststore.certificates"):
        made.load_verify_locations(cadata=text)


def _identify(made: ssl.SSLContext, properties: Mapping[str, str]) -> None:
    password = properties.get("ssl.key.password")
    if location := properties.get("ssl.keystore.location"):
        made.load_cert_chain(location, password=password)
    chain = properties.get("ssl.keystore.certificate.chain")
    key = properties.get("ssl.keystore.key")
    if chain and key:
        # Python reads a key from files alone; this one exists for the moment of reading.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "keystore.pem")
            file.touch(mode=0o600)
            file.write_text(f"{key}\n{chain}\n")
            made.load_cert_chain(file, password=password)


def _unquoted(text: str) -> str:
    if text[:1] in {'"', "'"}:
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
