"""How a client proves who it is and whom it trusts, from properties in Kafka's own names.

Used by `properties`. Certificates and keys are PEM, as files or as texts; Python reads no Java key
stores.
"""

from __future__ import annotations

import re
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_OPTION: Final = re.compile(
    r"""(?P<name>\w+)\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s;"']+)(?=[\s;]|$)"""
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_CHAIN: Final = "ssl.keystore.certificate.chain"
_KEY: Final = "ssl.keystore.key"


class Unusable(NamedTuple):
    """Which property cannot be used, why, and what to do; never what its value is."""

    name: str
    why: str
    advice: str


def credentials(jaas: str) -> tuple[str, str] | Unusable:
    """User name and password of a `sasl.jaas.config`."""
    module, _, options = jaas.strip().partition(" required")
    found = {each["name"]: _unquoted(each["value"]) for each in _OPTION.finditer(options)}
    user, password = found.get("username"), found.get("password")
    if not module.endswith("LoginModule") or not user or password is None:
        return Unusable(
            "sasl.jaas.config",
            "it is not a login module with a username and a password",
            'Write <login module> required username="..." password="..."; with \\" for a quote and '
            "\\\\ for a backslash in them.",
        )
    return user, password


def context(properties: Mapping[str, str]) -> ssl.SSLContext | Unusable:
    """The TLS side of a connection.

    With a trust store, what is in it is trusted and nothing else; without one, what this machine
    trusts.
    """
    location = properties.get("ssl.truststore.location")
    text = properties.get("ssl.truststore.certificates")
    trusted = "ssl.truststore.certificates" if location is None else "ssl.truststore.location"
    try:
        made = ssl.create_default_context(cafile=location, cadata=text)
    except (OSError, ValueError) as error:
        return Unusable(trusted, _reason(error), "Give certificates in PEM.")
    # An empty algorithm turns the check of the host's name off, as in Kafka's own clients.
    if properties.get("ssl.endpoint.identification.algorithm", "https") == "":
        made.check_hostname = False
    return _identified(made, properties)


def _identified(made: ssl.SSLContext, properties: Mapping[str, str]) -> ssl.SSLContext | Unusable:
    """`made` with the client's own certificate, if it has one."""
    chain, key = properties.get(_CHAIN), properties.get(_KEY)
    if location := properties.get("ssl.keystore.location"):
        if chain or key:
            twice = "it is given twice, here and in ssl.keystore.location"
            return Unusable(_KEY if key else _CHAIN, twice, "Remove one.")
        problem = _load(made, Path(location), "ssl.keystore.location", properties)
        return problem or made
    if not chain and not key:
        return made
    if not chain or not key:
        given, missing = (_CHAIN, _KEY) if chain else (_KEY, _CHAIN)
        return Unusable(missing, "it is missing", f"Give it too, or remove {given}.")
    # Python reads a key from files alone; this one exists for the moment of reading.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "keystore.pem")
        file.touch(mode=0o600)
        file.write_text(f"{key}\n{chain}\n")
        return _load(made, file, _KEY, properties) or made


def _load(
    made: ssl.SSLContext, file: Path, name: str, properties: Mapping[str, str]
) -> Unusable | None:
    """Read a key and its certificates; why they cannot be read, if so."""
    password = properties.get("ssl.key.password")
    asked = False

    def unlock() -> str:
        # Without this, OpenSSL would ask whoever sits at the terminal.
        nonlocal asked
        asked = True
        return password or ""

    try:
        made.load_cert_chain(file, password=unlock)
    except (OSError, ValueError) as error:
        if asked:
            why = "it does not unlock the key" if password else "it is missing, the key is locked"
            return Unusable("ssl.key.password", why, "Give the password of the key.")
        return Unusable(name, _reason(error), "Give the key and its certificates in PEM.")
    return None


def _reason(error: BaseException) -> str:
    """Why reading failed. What OpenSSL says of a text does not repeat the text."""
    if isinstance(error, ssl.SSLError):
        said = (error.reason or "no PEM").replace("_", " ").lower()
        return f"it cannot be read ({said})"
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be read ({error.strerror.lower()})"
    return "it cannot be read"


def _unquoted(text: str) -> str:
    if text[:1] in {'"', "'"}:
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
    return text
