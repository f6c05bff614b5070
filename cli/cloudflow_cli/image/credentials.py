"""Credentials for one push, kept in a file that only this user reads and that is removed after it.

Without any, builders use what `login` has stored. A password is never a word of a command.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.errors import UsageError
from cloudflow_cli.image.references import DOCKER_HUB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

VARIABLES: Final = ("CLOUDFLOW_REGISTRY_USERNAME", "CLOUDFLOW_REGISTRY_PASSWORD")
_DOCKER_CONFIG: Final = "DOCKER_CONFIG"
_HUB_OF_DOCKER: Final = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who pushes."""

    username: str
    password: str = field(repr=False)


def given(
    username: str | None, password: TextIO | None, environment: Mapping[str, str]
) -> Credentials | None:
    """Credentials of options, else of the environment; None leaves it to what is stored.

    Args:
        username: of the option.
        password: where it is read from, to its end; None: not from there.
        environment: has `VARIABLES`, or not.

    Raises:
        UsageError: when one of the two is there and not the other.
    """
    name = username if username is not None else environment.get(VARIABLES[0])
    secret = environment.get(VARIABLES[1])
    if password is not None:
        secret = password.read().rstrip("\r\n")
    if not name and not secret:
        return None
    if not name or not secret:
        raise UsageError(
            "A registry needs a user and a password, and one of them is missing.",
            hint=f"Give --username with --password-stdin, or set {' and '.join(VARIABLES)}.",
        )
    return Credentials(name, secret)


@contextlib.contextmanager
def environment_with(credentials: Credentials | None, registry: str) -> Iterator[dict[str, str]]:
    """The environment of a builder that logs in to `registry` with `credentials`."""
    environment = dict(os.environ)
    if credentials is None:
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="cloudflow-") as name:
        folder = Path(name)
        kept = _kept(Path(environment.get(_DOCKER_CONFIG) or Path.home() / ".docker"), folder)
        text = json.dumps(_config(kept, credentials, registry))
        file = folder / "config.json"
        # The folder is for this user alone; so is the file, from its first byte on.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:
            sink.write(text)
        yield environment | {_DOCKER_CONFIG: str(folder), "REGISTRY_AUTH_FILE": str(file)}


def _kept(docker: Path, folder: Path) -> dict[str, Any]:
    """The settings of docker, which finds its contexts and plug-ins beside them."""
    if not docker.is_dir():
        return {}
    for item in docker.iterdir():
        if item.name != "config.json":
            (folder / item.name).symlink_to(item.absolute())
    try:
        kept: dict[str, Any] = json.loads((docker / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return kept


def _config(kept: Mapping[str, Any], credentials: Credentials, registry: str) -> dict[str, Any]:
    # A helper that stores credentials would be asked before this file is.
    config = {key: value for key, value in kept.items() if key not in {"credsStore", "credHelpers"}}
    pair = f"{credentials.username}:{credentials.password}".encode()
    entry = {"auth": base64.b64encode(pair).decode()}
    names = [registry, _HUB_OF_DOCKER] if registry == DOCKER_HUB else [registry]
    return {**config, "auths": {**config.get("auths", {}), **dict.fromkeys(names, entry)}}
