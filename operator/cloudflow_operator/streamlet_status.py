"""How each streamlet of an application is: its Deployment and its pods in a few words.

Pure; part of `status`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_operator.api.v1alpha1 import StreamletStatus
from cloudflow_operator.conditions import MOST_NAMED, Reason
from cloudflow_operator.pod_status import CRASH_LOOP, RUNNING, WAITING, is_going, pod_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from cloudflow_operator.api.v1alpha1 import PodStatus
    from cloudflow_operator.interfaces import Manifest
    from cloudflow_operator.observed import Observed

_DENIED: Final = "ReplicaFailure"


def streamlet_status(
    name: str, observed: Observed, now: datetime, *, asked: int | None, waits: str = ""
) -> StreamletStatus:
    """One streamlet's status.

    Args:
        name: the streamlet.
        observed: what is there of the application.
        now: the time.
        asked: how many pods there shall be when its Deployment is not there yet.
        waits: why its Deployment is not made, or not changed.
    """
    deployment = observed.deployments.get(name)
    if deployment is None:
        count = 1 if asked is None else asked
        phase = Reason.PENDING if count else Reason.RUNNING
        return StreamletStatus(
            name=name, phase=phase, replicas=count, ready_replicas=0, message=waits
        )
    replicas = deployment["spec"].get("replicas", 1)
    there = observed.pods(deployment)
    staying = [pod_status(pod, now) for pod in there if not is_going(pod)]
    ready = sum(one.ready for one in staying)
    pods = [pod_status(pod, now) for pod in there]
    shown = sorted(pods, key=lambda one: (_is_well(one), one.name))[:MOST_NAMED]
    denial = next(_denials(deployment, observed), "")
    return StreamletStatus(
        name=name,
        phase=_phase(staying, replicas, denial, is_rolling=is_rolling_out(deployment)),
        replicas=replicas,
        ready_replicas=ready,
        restarts=sum(one.restarts for one in staying),
        message=waits or denial or _of_pods(staying),
        pods=tuple(shown),
    )


def is_rolling_out(deployment: Manifest) -> bool:
    """Whether pods of an older form are still there, or newer ones are missing."""
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return True
    replicas = deployment["spec"].get("replicas", 1)
    updated = status.get("updatedReplicas", 0)
    return bool(updated < replicas or status.get("replicas", 0) > updated)


def shown_name(status: StreamletStatus) -> str:
    """A streamlet that is not well, with why."""
    return f"{status.name}: {status.message or status.phase}"


def total(streamlets: Sequence[StreamletStatus]) -> str:
    """Ready pods of all, as 3/4."""
    ready = sum(one.ready_replicas for one in streamlets)
    return f"{ready}/{sum(one.replicas for one in streamlets)}"


def _phase(pods: Sequence[PodStatus], replicas: int, denial: str, *, is_rolling: bool) -> Reason:
    if any(pod.status == CRASH_LOOP for pod in pods):
        return Reason.CRASH_LOOP
    if is_rolling and denial:
        return Reason.PENDING
    if len(pods) == replicas and all(map(_is_well, pods)):
        return Reason.RUNNING
    # A new pod that begins while the old ones do the work takes nothing from anybody.
    is_enough = 0 < replicas <= sum(map(_is_well, pods))
    is_beside = is_rolling and is_enough and all(map(_is_calm, pods))
    return Reason.RUNNING if is_beside else Reason.PENDING


def _is_well(pod: PodStatus) -> bool:
    return pod.ready and pod.status == RUNNING


def _is_calm(pod: PodStatus) -> bool:
    """Whether a pod is well, or is about to be as far as anybody knows."""
    return _is_well(pod) or (pod.status in {*WAITING, RUNNING} and not pod.message)


def _of_pods(pods: Sequence[PodStatus]) -> str:
    """Why a pod that is not well is so: the first one that says something."""
    all_ill = [pod for pod in pods if not _is_well(pod)]
    ill = min(all_ill, key=lambda pod: not pod.message, default=None)
    if ill is None:
        return ""
    word = "not ready" if ill.status == RUNNING else ill.status
    return f"pod {ill.name} is {word}" + (f": {ill.message}" if ill.message else "")


def _denials(deployment: Manifest, observed: Observed) -> Iterator[str]:
    """What keeps pods from being made: quota, the namespace's security level, a webhook."""
    for one in (deployment, *observed.replica_sets(deployment)):
        for condition in _conditions(one):
            if condition.get("type") == _DENIED and condition.get("status") == "True":
                yield f"pods are refused: {condition.get('message', '')}"


def _conditions(manifest: Manifest) -> Sequence[Mapping[str, str]]:
    found: Sequence[Mapping[str, str]] = manifest.get("status", {}).get("conditions", ())
    return found
