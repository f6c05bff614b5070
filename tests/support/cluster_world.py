"""What the contract of `interfaces.Cluster` needs of each cluster that it runs against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from cloudflow_operator import names
from cloudflow_operator.interfaces import CONFIG_MAP

if TYPE_CHECKING:
    from cloudflow_operator.interfaces import Cluster, Kind, Manifest


class World(Protocol):
    """A cluster, and what others do and see there."""

    @property
    def cluster(self) -> Cluster:
        """The one under test."""
        ...

    @property
    def namespace(self) -> str:
        """One with nothing in it that a test would meet."""
        ...

    async def create(self, manifest: Manifest) -> Manifest:
        """Somebody else makes an object."""
        ...

    async def application(self, name: str) -> Manifest:
        """Somebody makes an application."""
        ...

    async def status(self, name: str) -> dict[str, Any]:
        """The status of that application."""
        ...


def labelled(kind: Kind, name: str, namespace: str, application: str, **more: Any) -> Manifest:
    """An object with the label of an application; `more` are other fields of its root."""
    labels = {names.APPLICATION: application}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **more}


def config_map(name: str, namespace: str, application: str = "plant", **data: str) -> Manifest:
    """The simplest of an application's children."""
    return labelled(CONFIG_MAP, name, namespace, application, data=data)


def of_uid(manifest: Manifest, uid: str) -> Manifest:
    """The same, for the object of that uid only."""
    return {**manifest, "metadata": {**manifest["metadata"], "uid": uid}}
