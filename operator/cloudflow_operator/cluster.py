"""The API server as reconciling needs it: `interfaces.Cluster` on real requests.

Made where the operator starts. It decides nothing: whose an object is, and whether anything has to
be written, is known by who asks.
"""

from __future__ import annotations

from datetime import UTC
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, PLURAL
from cloudflow_operator.errors import ConflictError, RefusedError, TakenError
from cloudflow_operator.interfaces import CHILDREN, POD, REPLICA_SET, SECRET, Kind
from cloudflow_operator.names import APPLICATION, FIELD_MANAGER, GROUP, MANAGER, digest
from cloudflow_operator.requests import APPLY, JSON_PATCH, Request, path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cloudflow_operator.interfaces import Clock, Key, Manifest
    from cloudflow_operator.requests import Answer, Requests

_APPLICATIONS: Final = Kind(API_VERSION, KIND, PLURAL)
_EVENTS: Final = Kind("events.k8s.io/v1", "Event", "events")
_KINDS: Final = {
    (kind.api_version, kind.name): kind
    for kind in (*CHILDREN, REPLICA_SET, POD, SECRET, _APPLICATIONS, _EVENTS)
}
_CHUNK: Final = 100
_NOBODYS_VERSION: Final = "1"
# Bytes that the server takes.
_LONGEST_NOTE: Final = 1024


class ApiServer:
    """A `Cluster`; safe to be used by many tasks at once."""

    def __init__(
        self, requests: Requests, clock: Clock, instance: str, watches: Sequence[str] = ()
    ) -> None:
        """Send nothing yet.

        Args:
            requests: to the API server.
            clock: the time of Events.
            instance: this process in Events: the pod's name.
            watches: the namespaces with the operator's applications; none means all.
        """
        self._requests = requests
        self._watches = watches
        self._clock = clock
        self._instance = instance

    async def children(self, namespace: str, application: str) -> Sequence[Manifest]:
        """Every object of `CHILDREN`, and Pods and ReplicaSets, with the application's label.

        Each kind is as it was at one moment, each at another one.
        """
        selector = f"{APPLICATION}={application}"
        return [
            found
            for kind in (*CHILDREN, REPLICA_SET, POD)
            for found in await self._listed(kind, namespace, labelSelector=selector)
        ]

    async def read(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """One object; None when it is not there."""
        doing = f"get {kind.name} {namespace}/{name}"
        where = path(kind.api_version, kind.plural, namespace, name)
        answer = await self._requests.answer(Request(doing, "GET", where))
        return None if answer.status == HTTPStatus.NOT_FOUND else answer.checked()

    async def apply(self, manifest: Manifest, *, manager: str, force: bool = True) -> Manifest:
        """Apply on the server's side, as `manager`; what the object is afterwards.

        A manifest with `metadata.uid` changes only the object of that uid, and makes none.

        Raises:
            ConflictError: when the object is another one now, or without `force` another manager
                has a field that would change.
            RefusedError: when the manifest is wrong, or of a kind that the operator does not write.
        """
        return (await self._applied(manifest, manager, force=force)).checked()

    async def make(self, manifest: Manifest, *, manager: str) -> Manifest:
        """Apply what is not there; nothing is ever written to an object that is.

        Raises:
            TakenError: when it is, whosever it may be.
            RefusedError: when the manifest is wrong, or of a kind that the operator does not write.
        """
        metadata = manifest["metadata"]
        # A version that no object has: with it the server makes one, and changes none.
        versioned = {**manifest, "metadata": {**metadata, "resourceVersion": _NOBODYS_VERSION}}
        answer = await self._applied(versioned, manager, force=False)
        if answer.status != HTTPStatus.CONFLICT:
            return answer.checked()
        kind = _kind_of(manifest, answer.request.doing)
        found = await self.read(kind, metadata["namespace"], metadata["name"])
        if found is not None:
            raise TakenError(answer.request.doing, found)
        # It has gone meanwhile, or the server wants no version of what is not there.
        return await self.apply(manifest, manager=manager, force=False)

    async def delete(self, key: Key, namespace: str, *, uid: str) -> None:
        """Delete the object of that uid, and later what it owns; one that is gone is fine.

        Raises:
            ConflictError: when another object has the name now; it stays.
        """
        doing = f"delete {key.kind.name} {namespace}/{key.name}"
        where = path(key.kind.api_version, key.kind.plural, namespace, key.name)
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        answer = await self._requests.answer(Request(doing, "DELETE", where, body=options))
        if answer.status != HTTPStatus.NOT_FOUND:
            answer.checked()

    async def applications(self) -> Sequence[Manifest]:
        """All applications that this operator looks after."""
        return [
            found
            for namespace in self._watches or (None,)
            for found in await self._listed(_APPLICATIONS, namespace)
        ]

    async def set_finalizers(self, application: Manifest, finalizers: Sequence[str]) -> None:
        """Replace the finalizers of an application, if it is as `application` says it is.

        Raises:
            ConflictError: when it changed meanwhile, or is gone.
        """
        metadata = application["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        doing = f"set finalizers of {KIND} {namespace}/{name}"
        patch: list[dict[str, Any]] = [
            {"op": "test", "path": f"/metadata/{field}", "value": metadata[field]}
            for field in ("uid", "resourceVersion")
        ]
        patch.append({"op": "add", "path": "/metadata/finalizers", "value": list(finalizers)})
        where = path(API_VERSION, PLURAL, namespace, name)
        query = {"fieldManager": FIELD_MANAGER}
        answer = await self._requests.answer(
            Request(doing, "PATCH", where, query, patch, JSON_PATCH)
        )
        if answer.status == HTTPStatus.NOT_FOUND or answer.is_failed_test:
            raise ConflictError(doing, "the application is another one now")
        answer.checked()

    async def write_status(self, application: Manifest, status: Mapping[str, Any]) -> Manifest:
        """Replace the status of an application, whoever wrote what is in it.

        What the application is afterwards.

        Raises:
            ConflictError: when the application is gone, or another one of its name is there.
        """
        metadata = application["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        doing = f"write status of {KIND} {namespace}/{name}"
        where = path(API_VERSION, PLURAL, namespace, name, "status")
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {"op": "add", "path": "/status", "value": dict(status)},
        ]
        query = {"fieldManager": FIELD_MANAGER}
        request = Request(doing, "PATCH", where, query, patch, JSON_PATCH)
        answer = await self._requests.answer(request)
        if answer.status == HTTPStatus.NOT_FOUND or answer.is_failed_test:
            raise ConflictError(doing, "the application is gone")
        return answer.checked()

    async def event(
        self, application: Manifest, *, reason: str, message: str, is_warning: bool
    ) -> None:
        """Tell people; repeated ones are counted up, not written again.

        Two processes that tell the same at once may count it once.
        """
        made = _event(application, reason, message, is_warning=is_warning)
        made["eventTime"] = now = _written(self._clock.now())
        made["reportingInstance"] = self._instance
        try:
            await self.make(made, manager=FIELD_MANAGER)
        except TakenError as error:
            # The server takes no other change of an Event than that of its series.
            made |= {field: error.found[field] for field in ("eventTime", "reportingInstance")}
            made["series"] = {"count": _count(error.found) + 1, "lastObservedTime": now}
            await self.apply(made, manager=FIELD_MANAGER)

    async def _applied(self, manifest: Manifest, manager: str, *, force: bool) -> Answer:
        name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        doing = f"apply {manifest['kind']} {namespace}/{name}"
        kind = _kind_of(manifest, doing)
        where = path(kind.api_version, kind.plural, namespace, name)
        query = {"fieldManager": manager, "force": str(force).lower()}
        return await self._requests.answer(Request(doing, "PATCH", where, query, manifest, APPLY))

    async def _listed(self, kind: Kind, namespace: str | None, **selectors: str) -> list[Manifest]:
        found: list[Manifest] = []
        query = {**selectors, "limit": str(_CHUNK)}
        request = Request(
            f"list {kind.name} in {namespace or 'all namespaces'}",
            "GET",
            path(kind.api_version, kind.plural, namespace),
            query,
        )
        while True:
            answer = await self._requests.answer(request)
            if answer.status == HTTPStatus.GONE and "limit" in request.query:
                # The list's moment has left the server's memory: all of it, at once.
                found, request = [], request._replace(query=dict(selectors))
                continue
            page = answer.checked()
            # In a list none says what it is.
            named = {"apiVersion": kind.api_version, "kind": kind.name}
            found += [{**named, **item} for item in page.get("items") or ()]
            token = page.get("metadata", {}).get("continue")
            if not token:
                return found
            request = request._replace(query={**query, "continue": token})


def _kind_of(manifest: Manifest, doing: str) -> Kind:
    kind = _KINDS.get((manifest["apiVersion"], manifest["kind"]))
    if kind is None:
        raise RefusedError(doing, "the operator writes no objects of this kind")
    return kind


def _event(application: Manifest, reason: str, message: str, *, is_warning: bool) -> dict[str, Any]:
    metadata = application["metadata"]
    name, namespace, uid = metadata["name"], metadata["namespace"], metadata["uid"]
    severity = "Warning" if is_warning else "Normal"
    hashed = digest(uid, severity, reason, message, length=16)
    return {
        "apiVersion": _EVENTS.api_version,
        "kind": _EVENTS.name,
        "metadata": {"name": f"{name}.{hashed}", "namespace": namespace},
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": namespace,
            "name": name,
            "uid": uid,
        },
        "type": severity,
        "reason": reason,
        "action": "Reconcile",
        "note": message.encode()[:_LONGEST_NOTE].decode(errors="ignore"),
        "reportingController": f"{GROUP}/{MANAGER}",
    }


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _count(event: Manifest) -> int:
    series = event.get("series") or {}
    return int(series.get("count", 1))
