"""What is on the cluster for one application: its children, their pods, and what is in its way.

`observe` asks the API server; everything after it is pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cloudflow_operator import names
from cloudflow_operator.interfaces import CHILDREN, DEPLOYMENT, POD, REPLICA_SET, SECRET, Key
from cloudflow_operator.ownership import controller

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import Metadata
    from cloudflow_operator.interfaces import Cluster, Manifest

_KINDS = {kind.name: kind for kind in (*CHILDREN, REPLICA_SET, POD, SECRET)}


def key_of(manifest: Manifest) -> Key:
    """Which object a manifest is of."""
    return Key(_KINDS[manifest["kind"]], manifest["metadata"]["name"])


def streamlet_of(manifest: Manifest) -> str | None:
    """The streamlet that a child is for; None for those of the whole application."""
    found: str | None = (manifest["metadata"].get("labels") or {}).get(names.STREAMLET)
    return found


@dataclass(frozen=True)
class Observed:
    """The objects that bear an application's label, and those that were met where a child shall be.

    Attributes:
        owner: uid of the application.
        objects: all of them, of other owners too.
    """

    owner: str
    objects: Mapping[Key, Manifest]

    @cached_property
    def children(self) -> Mapping[Key, Manifest]:
        """What the application owns."""
        return {key: one for key, one in self.objects.items() if controller(one) == self.owner}

    def is_foreign(self, key: Key) -> bool:
        """Whether somebody else's object has this name."""
        return key in self.objects and key not in self.children

    @cached_property
    def deployments(self) -> Mapping[str, Manifest]:
        """The application's Deployments by streamlet."""
        found = ((streamlet_of(one), one) for one in self._of(self.children, DEPLOYMENT.name))
        return {name: one for name, one in found if name is not None}

    def replica_sets(self, deployment: Manifest) -> Sequence[Manifest]:
        """The ReplicaSets that a Deployment made."""
        return self._controlled_by(deployment, REPLICA_SET.name)

    def pods(self, deployment: Manifest) -> Sequence[Manifest]:
        """The pods of a Deployment, by name."""
        found = [
            pod
            for one in self.replica_sets(deployment)
            for pod in self._controlled_by(one, POD.name)
        ]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    @cached_property
    def used_configurations(self) -> frozenset[str]:
        """The ConfigMaps that pods mount, or would if a ReplicaSet made some."""
        kinds = {DEPLOYMENT.name, REPLICA_SET.name, POD.name}
        users = (one.get("spec", {}) for key, one in self.objects.items() if key.kind.name in kinds)
        return frozenset(name for spec in users for name in _config_maps(spec))

    @cached_property
    def _by_controller(self) -> Mapping[tuple[str | None, str], Sequence[Manifest]]:
        found: dict[tuple[str | None, str], list[Manifest]] = {}
        for key, one in self.objects.items():
            found.setdefault((controller(one), key.kind.name), []).append(one)
        return found

    def _controlled_by(self, owner: Manifest, kind: str) -> Sequence[Manifest]:
        return self._by_controller.get((owner["metadata"].get("uid"), kind), ())

    @staticmethod
    def _of(objects: Mapping[Key, Manifest], kind: str) -> Iterator[Manifest]:
        return (one for key, one in objects.items() if key.kind.name == kind)


def _config_maps(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        source = node.get("configMap")
        if isinstance(source, dict) and "name" in source:
            yield source["name"]
        for each in node.values():
            yield from _config_maps(each)
    elif isinstance(node, list):
        for each in node:
            yield from _config_maps(each)


async def observe(cluster: Cluster, application: Metadata) -> Observed:
    """What bears the application's label.

    Raises:
        ClusterError: when the API server could not be asked.
    """
    listed = await cluster.children(application.namespace, application.name)
    return Observed(application.uid, {key_of(one): one for one in listed})
