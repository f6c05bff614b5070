"""Application resources as users have them in files, for the tests of commands that write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, Application
from support.applications import NAME, NAMESPACE, a_document
from support.kube_server import FakeServer, an_operator

if TYPE_CHECKING:
    from pathlib import Path

    from cloudflow_operator.interfaces import Manifest


def a_resource(**spec: Any) -> Manifest:
    """The resource of turbines; words replace parts of its spec."""
    content = plain(a_document(**spec)["spec"])
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": NAME},
        "spec": content,
    }


def a_file(folder: Path, manifest: Manifest, name: str = "app.yaml") -> str:
    """The path of a file with a resource."""
    path = folder / name
    path.write_text(yaml.safe_dump(manifest, sort_keys=False), "utf-8")
    return str(path)


def live(manifest: Manifest, **more: Any) -> Manifest:
    """A resource as it is on a cluster."""
    metadata = {**manifest["metadata"], "namespace": NAMESPACE}
    return {**manifest, "metadata": metadata, **more}


def application(**spec: Any) -> Application:
    """The application of a resource on a cluster."""
    return Application.model_validate(live(a_resource(**spec)))


def a_server(*manifests: Manifest) -> FakeServer:
    """A cluster with an operator and these objects."""
    return FakeServer(an_operator(), *manifests)


def a_claim(name: str, *modes: str) -> Manifest:
    """A PersistentVolumeClaim with these access modes."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"accessModes": list(modes)},
    }


def plain(value: Any) -> Any:
    """As JSON has it: lists instead of tuples."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
