"""Credentials of image registries as Kubernetes keeps them: one Secret, an entry per registry.

Pure.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflow_cli.application_resource import Manifest

TYPE: Final = "kubernetes.io/dockerconfigjson"
_KEY: Final = ".dockerconfigjson"
_HUB: Final = "https://index.docker.io/v1/"
"""What the kubelet calls Docker Hub."""


def secret_name(application: str) -> str:
    """The name of the Secret with the credentials for an application's images."""
    return f"{application}-registry"


def registry(text: str) -> str:
    """A registry as the kubelet looks for it: no scheme, no slash at the end."""
    plain = text.partition("://")[2] or text
    host = plain.rstrip("/")
    return _HUB if host in {"docker.io", "index.docker.io", "index.docker.io/v1"} else host


def registries(secret: Mapping[str, Any] | None) -> dict[str, Any]:
    """The entries of a Secret by registry; none when it is not there, or holds nothing to read."""
    text = ((secret or {}).get("data") or {}).get(_KEY, "")
    try:
        found = json.loads(base64.b64decode(text) or b"{}")
    except (binascii.Error, ValueError):
        return {}
    entries = found.get("auths") if isinstance(found, dict) else None
    return dict(entries) if isinstance(entries, dict) else {}


def entry(username: str, password: str) -> dict[str, str]:
    """The entry of one registry."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"username": username, "password": password, "auth": token}


def manifest(
    application: str, namespace: str, entries: Mapping[str, Any], owner: Manifest | None
) -> Manifest:
    """The Secret with these entries; it goes with `owner`, the application, once there is one."""
    metadata: Manifest = {
        "name": secret_name(application),
        "namespace": namespace,
        "labels": {names.APPLICATION: application, names.PART_OF: application},
    }
    if owner is not None:
        metadata["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": application,
                "uid": owner["metadata"]["uid"],
            }
        ]
    text = json.dumps({"auths": dict(sorted(entries.items()))})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": TYPE,
        "data": {_KEY: base64.b64encode(text.encode()).decode()},
    }
