"""A registry of images that asks for a name and a password, over TLS by an authority of its own."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import secrets
import ssl
import tempfile
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.certificates import Authority
from testbed.machine import run
from testbed.ports import free_ports
from testbed.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "tests"


@dataclass(frozen=True, kw_only=True)
class Account:
    """One who may pull from a registry, and push to it.

    Attributes:
        address: `host:port`, with which the names of its images begin.
        user: their name.
        password: theirs.
        authority: file with the certificate of who signed that of the registry; None for one that
            this machine trusts anyway.
    """

    address: str
    user: str
    password: str
    authority: Path | None = None

    def push(self, archive: Path, name: str) -> str:
        """Copy an image from an archive in OCI's layout, as `name`; its name with its digest.

        Raises:
            NodeUnavailableError: when the registry does not take it.
        """
        trusted = () if self.authority is None else ("--dest-cert-dir", str(self.authority.parent))
        with tempfile.TemporaryDirectory(prefix="cloudflow-push-") as folder:
            digest = Path(folder, "digest")
            run(
                *("skopeo", "copy", "--insecure-policy", "--quiet", "--digestfile", str(digest)),
                *("--dest-creds", f"{self.user}:{self.password}", *trusted),
                *(f"oci-archive:{archive}", f"docker://{self.address}/{name}"),
            )
            return f"{self.address}/{name.partition(':')[0]}@{digest.read_text()}"

    def pull_secret(self) -> str:
        """What a Secret of type kubernetes.io/dockerconfigjson has, for pods that pull from it."""
        known = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return json.dumps({"auths": {self.address: {"auth": known}}})


class Registry:
    """One on an address of this machine, with one user, who has `account`."""

    def __init__(self, folder: Path, host: str) -> None:
        """Start nothing yet.

        Raises:
            NodeUnavailableError: when its user cannot be told to it.
        """
        self._host = host
        [self._port] = free_ports(1)
        authority = Authority()
        self._tls = ssl.create_default_context(cadata=authority.pem)
        # The tools for images take a folder, and every file in it that ends like this.
        trusted = folder / "trusted" / "ca.crt"
        trusted.parent.mkdir(parents=True)
        trusted.write_text(authority.pem)
        password = secrets.token_hex(16)
        address = f"{host}:{self._port}"
        self.account = Account(address=address, user=USER, password=password, authority=trusted)
        identity = authority.identity(host)
        folder.joinpath("registry.key").write_text(identity.key)
        folder.joinpath("registry.pem").write_text(identity.chain)
        folder.joinpath("users").write_text(run("htpasswd", "-nbB", "-C", "4", USER, password))
        config = folder / "config.yml"
        config.write_text(json.dumps(_settings(folder, address)))
        self.process = Process(folder, ("docker-registry", "serve", str(config)), self._asks)

    def _asks(self) -> bool:
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=2, context=self._tls
        )
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("GET", "/v2/")
            return connection.getresponse().status == HTTPStatus.UNAUTHORIZED
        return False


def _settings(folder: Path, address: str) -> dict[str, Any]:
    return {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
        },
        "http": {
            "addr": address,
            "tls": {
                "certificate": str(folder / "registry.pem"),
                "key": str(folder / "registry.key"),
            },
        },
        "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "users")}},
    }


@contextlib.contextmanager
def registry(folder: Path, host: str) -> Iterator[Registry]:
    """One that serves; `host` is an address of this machine, such as a node's `host`.

    Raises:
        DidNotStartError: when it ends, or does not serve in time.
        NodeUnavailableError: when it has no users.
    """
    made = Registry(folder, host)
    try:
        made.process.start()
        yield made
    finally:
        made.process.kill()
