"""An API server in memory for the commands: objects by kind, namespace and name.

It passes the contract of `cloudflow_cli.kube.session.Server`.
"""

from __future__ import annotations

import copy
import itertools
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from cloudflow_cli.kube import session as kube_session
from cloudflow_cli.kube.errors import UnknownKindError
from cloudflow_cli.kube.kinds import APPLICATION
from cloudflow_cli.kube.session import LogQuery, Row, Session, Target
from cloudflow_operator.errors import ConflictError, ForbiddenError, RefusedError
from cloudflow_operator.interfaces import POD
from cloudflow_operator.names import ABOUT, PROGRAM, STREAMLET
from cloudflow_operator.names import APPLICATION as APPLICATION_LABEL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    import pytest

    from cloudflow_cli.options import Common
    from cloudflow_operator.interfaces import Kind, Manifest

CREATED = "2026-01-01T00:00:00Z"


class FakeServer:
    """`session.Server`.

    Attributes:
        objects: what is there.
        unknown: kinds that the cluster does not know.
        is_by_namespace: whether nobody may list the objects of all namespaces.
        failures: what to raise at a request, by verb and kind: `("list", CONFIG_MAP)`.
        writes: verb and target of everything that was written, dry runs left out.
        reviews: what an access review is answered with, by its spec.
        reacts: called after each write with the server; plays the operator.
        logs: what each further connection to a pod's log brings, by pod; errors are raised.
        queries: what was asked of logs, by pod, in order.
    """

    def __init__(self, *manifests: Manifest) -> None:
        self.objects: dict[Target, Manifest] = {}
        self.unknown: set[Kind] = set()
        self.is_by_namespace = False
        self.failures: dict[tuple[str, Kind], Exception] = {}
        self.writes: list[tuple[str, Target]] = []
        self.reviews: Callable[[Manifest], Manifest] = lambda _: {"allowed": True}
        self.reacts: Callable[[FakeServer], None] = lambda _: None
        self.logs: dict[str, list[list[str | Exception]]] = {}
        self.queries: dict[str, list[LogQuery]] = defaultdict(list)
        self._managers: dict[Target, dict[str, Manifest]] = defaultdict(dict)
        self._count = itertools.count(1)
        for one in manifests:
            self.put(one)

    def put(self, manifest: Manifest, kind: Kind | None = None) -> Manifest:
        """An object that somebody makes; as the server keeps it."""
        made = copy.deepcopy(manifest)
        kind = kind or self._kind(made)
        metadata = made["metadata"]
        metadata.setdefault("uid", f"uid-{next(self._count)}")
        metadata.setdefault("creationTimestamp", CREATED)
        metadata.setdefault("generation", 1)
        metadata["resourceVersion"] = str(next(self._count))
        self.objects[Target(kind, metadata.get("namespace"), metadata["name"])] = made
        return made

    async def read(self, target: Target) -> Manifest | None:
        self._ask("get", target.kind)
        return copy.deepcopy(self.objects.get(target))

    async def listed(
        self, kind: Kind, namespace: str | None, selector: str = ""
    ) -> Sequence[Manifest]:
        self._ask("list", kind)
        if namespace is None and self.is_by_namespace:
            raise ForbiddenError(f"list {kind.name} in all namespaces", "may not")
        wanted = dict(part.split("=") for part in selector.split(",") if part)
        return [
            copy.deepcopy(one)
            for target, one in self.objects.items()
            if target.kind == kind
            and namespace in {None, target.namespace}
            and wanted.items() <= one["metadata"].get("labels", {}).items()
        ]

    async def rows(self, kind: Kind, namespace: str | None) -> Sequence[Row]:
        found = await self.listed(kind, namespace)
        return [Row(one["metadata"], _cells(one)) for one in found]

    async def apply(
        self, kind: Kind, manifest: Manifest, manager: str, *, dry_run: bool = False
    ) -> Manifest:
        metadata = manifest["metadata"]
        target = Target(kind, metadata["namespace"], metadata["name"])
        self._ask("apply", kind)
        live, uid = self.objects.get(target), metadata.get("uid")
        if uid is not None and (live is None or live["metadata"]["uid"] != uid):
            raise ConflictError(f"apply {target}", "it is another object now")
        version = metadata.get("resourceVersion")
        if version is not None and (live is None or live["metadata"]["resourceVersion"] != version):
            raise ConflictError(f"apply {target}", "somebody wrote in between")
        content = {key: value for key, value in manifest.items() if key != "metadata"}
        before = self._managers[target].get(manager, {})
        made: Manifest = _merged(live or {"metadata": dict(metadata)}, _removed(before, content))
        made = _merged(made, content)
        for field in ("labels", "annotations"):
            if metadata.get(field):
                made = _merged(made, {"metadata": {field: metadata[field]}})
        if dry_run:
            return made
        self._managers[target][manager] = copy.deepcopy(content)
        return self._written("apply", target, made)

    async def merge(self, target: Target, patch: Manifest, *, dry_run: bool = False) -> Manifest:
        self._ask("merge", target.kind)
        live = self.objects.get(target)
        if live is None:
            raise RefusedError(f"change {target}", "not found")
        for field in ("uid", "resourceVersion"):
            expected = patch.get("metadata", {}).get(field)
            if expected is not None and live["metadata"][field] != expected:
                raise ConflictError(f"change {target}", "it is another object now")
        made = _merged(live, patch)
        return made if dry_run else self._written("merge", target, made)

    async def delete(self, target: Target, *, uid: str) -> None:
        self._ask("delete", target.kind)
        live = self.objects.get(target)
        if live is None:
            return
        if live["metadata"]["uid"] != uid:
            raise ConflictError(f"delete {target}", "it is another object now")
        if live["metadata"].get("finalizers"):
            live["metadata"].setdefault("deletionTimestamp", CREATED)
        else:
            self._remove(target)
        self.writes.append(("delete", target))
        self.reacts(self)

    async def reviewed(self, kind: Kind, spec: Manifest) -> Manifest:
        self._ask("create", kind)
        return self.reviews(spec)

    async def log(self, namespace: str, pod: str, query: LogQuery) -> AsyncGenerator[str, None]:
        self._ask("log", POD)
        self.queries[pod].append(query)
        connections = self.logs.get(pod, [])
        for line in connections.pop(0) if connections else ():
            if isinstance(line, Exception):
                raise line
            yield line

    def _written(self, verb: str, target: Target, made: Manifest) -> Manifest:
        old = self.objects.get(target, {})
        made["metadata"].setdefault("generation", 0)
        if made.get("spec") != old.get("spec"):
            made["metadata"]["generation"] += 1
        self.put(made, target.kind)
        if made["metadata"].get("deletionTimestamp") and not made["metadata"].get("finalizers"):
            self._remove(target)
        self.writes.append((verb, target))
        self.reacts(self)
        return copy.deepcopy(self.objects.get(target, made))

    def _remove(self, target: Target) -> None:
        gone = self.objects.pop(target)
        for other, one in list(self.objects.items()):
            owners = one["metadata"].get("ownerReferences", ())
            if any(owner["uid"] == gone["metadata"]["uid"] for owner in owners):
                self._remove(other)

    def _ask(self, verb: str, kind: Kind) -> None:
        if kind in self.unknown:
            raise UnknownKindError(kind)
        if (failure := self.failures.get((verb, kind))) is not None:
            raise failure

    def _kind(self, manifest: Manifest) -> Kind:
        from cloudflow_cli.kube import kinds
        from cloudflow_operator import interfaces

        known = {
            one[:2]: one
            for module in (kinds, interfaces)
            for one in vars(module).values()
            if isinstance(one, interfaces.Kind)
        }
        return known[manifest["apiVersion"], manifest["kind"]]


def serve(monkeypatch: pytest.MonkeyPatch, server: FakeServer, namespace: str = "plant") -> None:
    """Let every command of this process talk to `server`; `-n` says where, as always."""

    @asynccontextmanager
    async def opened(common: Common, *, hasty: bool = False) -> AsyncIterator[Session]:
        yield Session(server, common.namespace or namespace)

    monkeypatch.setattr(kube_session, "opened", opened)


def an_application(name: str = "sensor-data", namespace: str = "plant", **more: Any) -> Manifest:
    """An application resource of two streamlets; `more` are other fields of its root."""
    spec = {
        "sdk": {"version": "0.1.0", "contract": 1},
        "version": "1.4.0",
        "image": "registry.example/sensor-data@sha256:1",
        "streamlets": [
            {"name": "in", "class": "plant:In"},
            {"name": "validation", "class": "plant:Validation", "replicas": 2},
        ],
        "topics": [{"name": "metrics", "producers": ["in.out"], "consumers": ["validation.in"]}],
        "descriptors": [{"className": "plant:In"}, {"className": "plant:Validation"}],
    }
    return {
        "apiVersion": APPLICATION.api_version,
        "kind": APPLICATION.name,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
        **more,
    }


def a_pod(name: str, streamlet: str = "validation", namespace: str = "plant") -> Manifest:
    """A pod of the application `sensor-data`."""
    labels = {APPLICATION_LABEL: "sensor-data", STREAMLET: streamlet}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}}


def an_operator(namespace: str = "cloudflow", **data: str) -> Manifest:
    """What an operator says of itself."""
    told = {
        "version": "0.1.0",
        "contracts": "[1]",
        "watches": "[]",
        "clusters": '{"default": {"prefix": "", "partitions": 1, "replicationFactor": 1}}',
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": ABOUT, "namespace": namespace, "labels": {PROGRAM: ABOUT}},
        "data": {**told, **data},
    }


def _cells(manifest: Manifest) -> dict[str, Any]:
    status, spec = manifest.get("status", {}), manifest.get("spec", {})
    return {
        "Name": manifest["metadata"]["name"],
        "Phase": status.get("phase"),
        "Ready": status.get("ready"),
        "Version": spec.get("version"),
        "Age": "5m",
        "Message": status.get("message"),
    }


def _merged(live: Any, patch: Any) -> Any:
    """`live` with `patch` merged into it (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    made = copy.deepcopy(live) if isinstance(live, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merged(made.get(key), value)
    return made


def _removed(before: Any, now: Any) -> Manifest:
    """The patch that takes away what a manager applied before and does not any more."""
    patch: dict[str, Any] = {}
    for key, value in before.items():
        if key not in now:
            patch[key] = None
        elif isinstance(value, dict) and isinstance(now[key], dict):
            patch[key] = _removed(value, now[key])
    return patch
