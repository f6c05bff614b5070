"""An API server in memory: objects, managers of fields, owners, garbage; and the other ports.

It passes the contract of `interfaces.Cluster`. Controllers of Kubernetes do nothing here unless a
test says so: `rolled_out` plays the one of Deployments.
"""

from __future__ import annotations

import copy
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloudflow_operator import names
from cloudflow_operator.errors import ConflictError, TakenError
from cloudflow_operator.interfaces import CHILDREN, DEPLOYMENT, POD, REPLICA_SET, Key
from cloudflow_operator.observed import key_of
from cloudflow_operator.topic_states import State, is_own, topic_status
from support import server_side_apply as ssa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import TopicStatus
    from cloudflow_operator.desired.topics import DesiredTopic
    from cloudflow_operator.interfaces import Kind, Manifest

START = datetime(2026, 1, 1, tzinfo=UTC)


class Crash(BaseException):
    """The operator's process ends."""


class FakeCluster:
    """`interfaces.Cluster` for one namespace.

    Attributes:
        objects: what is there, with the metadata that a server gives.
        known: applications, by name.
        statuses: of applications, by name.
        events: reasons and messages, as they came.
        writes: verb and object of everything that was written.
        failures: what to raise at the next write of an object of that name.
        keep: kinds of objects that take their time to go.
        crash_after: writes until the operator's process ends; None lets it live.
    """

    def __init__(self) -> None:
        self.objects: dict[Key, Manifest] = {}
        self.known: dict[str, Manifest] = {}
        self.statuses: dict[str, dict[str, Any]] = {}
        self.events: list[tuple[str, str]] = []
        self.writes: list[tuple[str, str]] = []
        self.failures: dict[str, Exception] = {}
        self.keep: set[Kind] = set()
        self.crash_after: int | None = None
        self._managers: dict[Key, ssa.Managers] = {}
        self._versions = itertools.count(1)

    async def children(self, namespace: str, application: str) -> Sequence[Manifest]:
        kinds = {*CHILDREN, REPLICA_SET, POD}
        return [
            self._told(key)
            for key, one in self.objects.items()
            if key.kind in kinds
            and one["metadata"].get("labels", {}).get(names.APPLICATION) == application
        ]

    async def read(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        key = Key(kind, name)
        return self._told(key) if key in self.objects else None

    async def apply(self, manifest: Manifest, *, manager: str, force: bool = True) -> Manifest:
        key = key_of(manifest)
        self._write("apply", key.name)
        live, uid = self.objects.get(key), manifest["metadata"].get("uid")
        if uid is not None and (live is None or live["metadata"]["uid"] != uid):
            raise ConflictError(f"apply {key.name}", "it is another object now")
        if live is None:
            live = self.put(manifest)
            self._managers[key] = {}
        old = copy.deepcopy(live)
        ssa.apply(live, self._managers[key], manifest, manager, force=force)
        self._settled(key, old)
        return self._told(key)

    async def make(self, manifest: Manifest, *, manager: str) -> Manifest:
        key = key_of(manifest)
        if key in self.objects:
            raise TakenError(f"apply {key.name}", self._told(key))
        return await self.apply(manifest, manager=manager)

    async def delete(self, key: Key, namespace: str, *, uid: str) -> None:
        self._write("delete", key.name)
        live = self.objects.get(key)
        if live is not None and live["metadata"]["uid"] != uid:
            raise ConflictError(f"delete {key.name}", "it is another object now")
        self.remove(key)

    async def applications(self) -> Sequence[Manifest]:
        return copy.deepcopy(list(self.known.values()))

    async def set_finalizers(self, application: Manifest, finalizers: Sequence[str]) -> None:
        name = application["metadata"]["name"]
        self._write("finalizers", name)
        known = self.known.get(name)
        version = application["metadata"].get("resourceVersion")
        if known is None or known["metadata"].get("resourceVersion") != version:
            raise ConflictError(f"set finalizers of {name}", "it is another one now")
        known["metadata"]["finalizers"] = list(finalizers)
        known["metadata"]["resourceVersion"] = str(next(self._versions))
        if not finalizers and "deletionTimestamp" in known["metadata"]:
            del self.known[name]

    async def write_status(self, application: Manifest, status: Mapping[str, Any]) -> Manifest:
        self._write("status", application["metadata"]["name"])
        self.statuses[application["metadata"]["name"]] = dict(status)
        return {**application, "status": dict(status)}

    async def event(
        self, application: Manifest, *, reason: str, message: str, is_warning: bool
    ) -> None:
        self.events.append((reason, message))

    def put(self, manifest: Manifest, *, by: str = "somebody") -> Manifest:
        """An object that somebody makes."""
        key, made = key_of(manifest), copy.deepcopy(manifest)
        made["metadata"].setdefault("uid", f"uid-{next(self._versions)}")
        made["metadata"]["generation"] = 1
        self.objects[key] = made
        self._managers[key] = {by: set(ssa.paths(made))}
        self._settled(key, {})
        return made

    def edit(self, key: Key, change: Callable[[Manifest], None], *, by: str = "kubectl") -> None:
        """Somebody writes an object, as `kubectl edit` or a controller does."""
        old = copy.deepcopy(self.objects[key])
        change(self.objects[key])
        ssa.edit(old, self.objects[key], self._managers[key], by)
        self._settled(key, old)

    def remove(self, key: Key) -> None:
        """An object goes, and what it owns."""
        if key.kind in self.keep or (gone := self.objects.pop(key, None)) is None:
            return
        for other, one in list(self.objects.items()):
            owners = one["metadata"].get("ownerReferences", ())
            if any(owner["uid"] == gone["metadata"]["uid"] for owner in owners):
                self.remove(other)

    def end_pods(self) -> None:
        """What was kept from going goes."""
        kept, self.keep = self.keep, set()
        for key in [key for key in self.objects if key.kind in kept]:
            self.remove(key)

    def rolled_out(self, *, ready: bool = True) -> None:
        """Every Deployment of an application has one ReplicaSet with the pods that it asks for."""
        deployments = [one for one in self.objects.items() if one[0].kind == DEPLOYMENT]
        for key, deployment in deployments:
            if "ownerReferences" not in deployment["metadata"]:
                continue
            for other, one in list(self.objects.items()):
                if one["metadata"].get("ownerReferences", [{}])[0].get("name") == key.name:
                    self.remove(other)
            count, metadata = deployment["spec"]["replicas"], deployment["metadata"]
            deployment["status"] = {
                "observedGeneration": metadata["generation"],
                "replicas": count,
                "updatedReplicas": count,
            }
            made = self.put(owned(REPLICA_SET, f"{key.name}-1", deployment, **deployment["spec"]))
            for number in range(count):
                pod = owned(POD, f"{key.name}-1-{number}", made)
                pod["status"] = running_pod() if ready else waiting_pod("ContainerCreating")
                self.put(pod)

    def names(self, kind: Kind) -> set[str]:
        """The names of all objects of a kind."""
        return {key.name for key in self.objects if key.kind == kind}

    def the(self, kind: Kind, beginning: str = "") -> Manifest:
        """The one object of a kind whose name begins so."""
        (found,) = [
            one
            for key, one in self.objects.items()
            if key.kind == kind and key.name.startswith(beginning)
        ]
        return found

    def _write(self, verb: str, name: str) -> None:
        if self.crash_after is not None:
            self.crash_after -= 1
            if self.crash_after < 0:
                raise Crash
        if (failure := self.failures.get(name)) is not None:
            raise failure
        self.writes.append((verb, name))

    def _settled(self, key: Key, old: Manifest) -> None:
        live = self.objects[key]
        if key.kind == DEPLOYMENT:
            live["spec"].setdefault("replicas", 1)
        if live == old:
            return
        if old and live.get("spec") != old.get("spec"):
            live["metadata"]["generation"] += 1
        live["metadata"]["resourceVersion"] = str(next(self._versions))

    def _told(self, key: Key) -> Manifest:
        made = copy.deepcopy(self.objects[key])
        made["metadata"]["managedFields"] = [
            {
                "manager": name,
                "operation": "Apply" if name.startswith("cloudflow-") else "Update",
                "fieldsV1": ssa.fields_v1(owned_paths),
            }
            for name, owned_paths in self._managers[key].items()
            if owned_paths
        ]
        return made


class FakeTopics:
    """`interfaces.Topics` in memory.

    Attributes:
        there: partitions of the topics that are there, by cluster and name in Kafka.
        consumers: consumer groups that are there, as cluster and name.
        asked: how often somebody wanted to know of groups.
        refused: labels of topics that Kafka refuses to make.
        away: whether Kafka cannot be reached.
        mute: whether it tells of topics only, not of groups.
        crash: whether the operator's process ends when it makes or deletes a topic.
    """

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], int] = {}
        self.consumers: set[tuple[str, str]] = set()
        self.asked = 0
        self.refused: set[str] = set()
        self.away = False
        self.mute = False
        self.crash = False

    async def ensure(
        self, wanted: Sequence[DesiredTopic], before: Mapping[str, TopicStatus]
    ) -> Sequence[TopicStatus]:
        return [self._ensured(one, before.get(one.label)) for one in wanted]

    async def delete(self, topics: Sequence[TopicStatus]) -> Sequence[TopicStatus]:
        if self.away:
            update = {"state": State.UNAVAILABLE, "message": "Kafka is away"}
            return [one.model_copy(update=update) for one in topics]
        for one in topics:
            if self.crash:
                raise Crash
            self.there.pop((one.cluster, one.kafka_name), None)
        return []

    async def groups(self, prefixes: Mapping[str, str]) -> Mapping[str, Sequence[str] | None]:
        self.asked += 1
        if self.away or self.mute:
            return dict.fromkeys(prefixes)
        return {
            cluster: sorted(
                name for at, name in self.consumers if at == cluster and name.startswith(prefix)
            )
            for cluster, prefix in prefixes.items()
        }

    def _ensured(self, topic: DesiredTopic, before: TopicStatus | None) -> TopicStatus:
        place = topic.cluster, topic.spec.name
        own = is_own(topic, before)
        if self.away:
            return topic_status(topic, before, State.UNAVAILABLE, "Kafka is away")
        if place not in self.there and own and self.crash:
            raise Crash
        if place not in self.there and own and topic.label in self.refused:
            return topic_status(topic, before, State.NOT_MADE, "Kafka refuses it")
        if place not in self.there and not own:
            return topic_status(topic, before, State.MISSING)
        if before is not None and before.state == State.NOT_MADE:
            before = None
        count = self.there.setdefault(place, topic.spec.partitions)
        return topic_status(topic, before, State.READY, partitions=count)


class FakeCopies:
    """`interfaces.Copies` that has nothing to copy."""

    async def ensure(self, namespace: str, clusters: Iterable[str]) -> None:
        pass


class FakeClock:
    """`interfaces.Clock` that a test moves."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def pass_by(self, span: timedelta) -> None:
        self.time += span


def owned(kind: Kind, name: str, owner: Manifest, **spec: Any) -> Manifest:
    """An object that `owner` controls, with its labels."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    metadata = {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(owner["metadata"].get("labels", {})),
        "ownerReferences": [reference],
    }
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


def running_pod(restarts: int = 0) -> dict[str, Any]:
    """The status of a pod that is well."""
    state = {"ready": True, "restartCount": restarts, "state": {"running": {}}}
    return {"phase": "Running", "containerStatuses": [state]}


def waiting_pod(
    reason: str, message: str = "", last: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The status of a pod whose container waits, and ended with `last` before."""
    waiting = {"reason": reason, "message": message} if message else {"reason": reason}
    state = {
        "ready": False,
        "restartCount": 1 if last else 0,
        "state": {"waiting": waiting},
        "lastState": {"terminated": last} if last else {},
    }
    return {"phase": "Pending", "containerStatuses": [state]}
