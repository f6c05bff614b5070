"""Documents that say where an API server is and who asks; JSON, which is YAML too.

`testbed.kubernetes` writes them for its own server, and reads the one that a person names.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = "testbed"
OWNED = ("kind-", "minikube", CONTEXT)
NAMED = "CLOUDFLOW_TEST_CONTEXT"
FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class ForeignClusterError(Exception):
    """A kubeconfig leads to a cluster that nobody has said is for tests."""


def document(server: str, authority: str, token: str, namespace: str = "default") -> dict[str, Any]:
    """One for who has `token`; `authority` is the PEM of who signed the server's certificate."""
    trusted = base64.b64encode(authority.encode()).decode()
    context = {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": CONTEXT,
                "cluster": {"server": server, "certificate-authority-data": trusted},
            }
        ],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": context}],
        "current-context": CONTEXT,
    }


def for_token(found: dict[str, Any], token: str, namespace: str) -> dict[str, Any]:
    """The same server as `found` has, for who has `token`, with `namespace` as its own."""
    return {
        **found,
        "users": [{"name": each["name"], "user": {"token": token}} for each in found["users"]],
        "contexts": [
            {**each, "context": {**each["context"], "namespace": namespace}}
            for each in found["contexts"]
        ],
    }


def pinned(path: Path) -> dict[str, Any]:
    """What the file's current context needs; the file may then turn to another cluster.

    Raises:
        ForeignClusterError: when nothing says that the cluster is for tests.
    """
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    name: str = found.get("current-context") or ""
    if name != os.environ.get(NAMED) and not any(mark in name for mark in OWNED):
        raise ForeignClusterError(
            f"tests make and delete things, and the current context {name!r} of {path} has none of"
            f" {', '.join(OWNED)} in its name; if the cluster is for tests, set {NAMED}={name}"
        )
    [context] = [each for each in found["contexts"] if each["name"] == name]
    return {
        **found,
        "clusters": _only(found["clusters"], context["context"]["cluster"], path.parent),
        "users": _only(found["users"], context["context"]["user"], path.parent),
        "contexts": [context],
    }


def write(path: Path, made: dict[str, Any]) -> Path:
    """Write it where only its owner reads it; the path."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(made, indent=2))
    return path


def _only(entries: list[dict[str, Any]], name: str, folder: Path) -> list[dict[str, Any]]:
    """The entry called `name`; files that it names relative to `folder` by their full path."""
    [entry] = [each for each in entries if each["name"] == name]
    kinds = {kind: _placed(value, folder) for kind, value in entry.items() if kind != "name"}
    return [{"name": name, **kinds}]


def _placed(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    files = {name: str(folder / settings[name]) for name in FILES if name in settings}
    return {**settings, **files}
