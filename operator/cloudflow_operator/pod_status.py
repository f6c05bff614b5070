"""How a pod is, in the words that kubectl has for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator.api.v1alpha1 import PodStatus
from cloudflow_operator.desired.volumes import CONFIGURATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflow_operator.interfaces import Manifest

RUNNING: Final = "Running"
CRASH_LOOP: Final = "CrashLoopBackOff"
_CREATING: Final = "ContainerCreating"
_PENDING: Final = "Pending"
WAITING: Final = frozenset({_CREATING, _PENDING})
"""How a pod is for a moment, or for ever where something that it mounts is missing."""
PATIENCE: Final = timedelta(seconds=30)
_INITIALIZING: Final = "PodInitializing"
_ENDED: Final = frozenset({"Succeeded", "Failed", "Unknown"})
_MOST_TEXT: Final = 500  # characters


def pod_status(pod: Manifest, now: datetime) -> PodStatus:
    """One pod's status; one that waits for longer than `PATIENCE` says what may be missing."""
    word, message = _word(pod)
    if word in WAITING and not message and now - _made_at(pod, now) > PATIENCE:
        message = _awaited(pod)
    containers = pod.get("status", {}).get("containerStatuses", ())
    return PodStatus(
        name=pod["metadata"]["name"],
        status=word,
        ready=bool(containers) and all(one.get("ready") for one in containers),
        restarts=sum(one.get("restartCount", 0) for one in containers),
        message=_short(message),
    )


def is_going(pod: Manifest) -> bool:
    """Whether a pod is on its way out, or has ended."""
    phase = pod.get("status", {}).get("phase")
    return "deletionTimestamp" in pod["metadata"] or phase in {"Succeeded", "Failed"}


def _word(pod: Manifest) -> tuple[str, str]:
    """One word, and why."""
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating", ""
    if (phase := status.get("phase")) in _ENDED:
        return status.get("reason") or phase, status.get("message", "")
    states = list(_states(status))
    waits = [
        _waiting(waiting, last)
        for own, last in states
        if (waiting := own.get("waiting")) is not None and waiting.get("reason") != _INITIALIZING
    ]
    if waits:
        # Of several containers the one that says something is the one that does not come.
        return min(waits, key=lambda one: one[0] == _CREATING)
    for own, _ in states:
        if (ended := own.get("terminated")) is not None:
            return ended.get("reason", "Terminated"), _end(ended)
    if states and all("running" in own for own, _ in states):
        return RUNNING, ""
    return _PENDING, _unscheduled(status)


def _states(status: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """State and last state of each container; an init container that is done says nothing."""
    for one in status.get("initContainerStatuses", ()):
        state = one.get("state", {})
        if state.get("terminated", {}).get("exitCode") != 0:
            yield state, one.get("lastState", {})
    for one in status.get("containerStatuses", ()):
        yield one.get("state", {}), one.get("lastState", {})


def _waiting(waiting: dict[str, Any], last: dict[str, Any]) -> tuple[str, str]:
    # A container that crashed says in its last state why, and in its waiting only for how long.
    ended = last.get("terminated")
    message = _end(ended) if ended is not None else waiting.get("message", "")
    return waiting.get("reason", _PENDING), message


def _end(ended: dict[str, Any]) -> str:
    reason, code = ended.get("reason", "Error"), ended.get("exitCode")
    said = ended.get("message", "").strip()
    return f"{reason}, exit code {code}" + (f": {said}" if said else "")


def _unscheduled(status: dict[str, Any]) -> str:
    for one in status.get("conditions", ()):
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            message: str = one.get("message", "")
            return message
    return ""


def _made_at(pod: Manifest, now: datetime) -> datetime:
    made = pod["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(made) if made is not None else now


def _awaited(pod: Manifest) -> str:
    """What has to be there before a container can be made; the operator cannot look at it."""
    volumes = pod.get("spec", {}).get("volumes", ())
    # The operator's own ConfigMap is there.
    own = {one.get("configMap", {}).get("name") for one in volumes if one["name"] == CONFIGURATION}
    needed = sorted(set(_sources(volumes)) - {f"ConfigMap {name}" for name in own})
    if not needed:
        return ""
    return f"waits for its image, and for {', '.join(needed)}: look whether they are there"


def _sources(node: Any) -> Iterator[str]:
    if isinstance(node, list | tuple):
        for each in node:
            yield from _sources(each)
    elif isinstance(node, dict):
        if "claimName" in node:
            yield f"PersistentVolumeClaim {node['claimName']}"
        if isinstance(secret := node.get("secret"), dict):
            yield f"Secret {secret.get('secretName') or secret.get('name')}"
        if isinstance(source := node.get("configMap"), dict):
            yield f"ConfigMap {source.get('name')}"
        for each in node.values():
            yield from _sources(each)


def _short(text: str) -> str:
    # The end of a log says what failed.
    return text if len(text) <= _MOST_TEXT else f"… {text[-_MOST_TEXT:]}"
