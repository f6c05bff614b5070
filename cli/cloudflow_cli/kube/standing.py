"""How an application stands, in words and as data: what `status` shows.

Pure: it reads a resource, the time is an argument.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cloudflow_operator.interfaces import Manifest

_UNKNOWN: Final = "Unknown"
_UNSEEN: Final = (
    "No operator has acted on it yet; if that stays so, `kubectl cloudflow doctor` tells why."
)
_STALE: Final = "The operator has not acted on the last change yet."
_LEAVING: Final = "It is being removed."
_USUAL: Final = "default"  # the cluster that need not be named
_NAMED: Final = 5  # groups; `-o yaml` has more
_NOT_NEEDED: Final = "delete them with Kafka's tools when their offsets are not needed."


def data(application: Manifest) -> dict[str, Any]:
    """Everything that is known of it, for scripts."""
    metadata, spec = application["metadata"], application["spec"]
    status = application.get("status", {})
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "version": spec.get("version", ""),
        "image": spec.get("image", ""),
        "created": metadata["creationTimestamp"],
        "state": spec.get("state", "Running"),
        "phase": status.get("phase", _UNKNOWN),
        "ready": status.get("ready", ""),
        "message": status.get("message", ""),
        "generation": metadata.get("generation"),
        "observedGeneration": status.get("observedGeneration"),
        "conditions": status.get("conditions", []),
        "streamlets": status.get("streamlets", []),
        "topics": status.get("topics", []),
        "leftGroups": status.get("leftGroups"),
    }


def text(application: Manifest, now: datetime) -> str:
    """The same for people."""
    found = data(application)
    parts = [_facts(application, found, now)]
    conditions = [
        [one["type"], one["status"], one["reason"], _since(one, now), _brief(one)]
        for one in found["conditions"]
    ]
    streamlets = [
        [
            one["name"],
            one["phase"],
            f"{one['readyReplicas']}/{one['replicas']}",
            str(one.get("restarts", 0)),
            _brief(one),
        ]
        for one in found["streamlets"]
    ]
    topics = [
        [one["name"], one["kafkaName"], one.get("cluster", ""), _partitions(one), *_state(one)]
        for one in found["topics"]
    ]
    tables: Sequence[tuple[Sequence[str], Sequence[Sequence[str]]]] = (
        (("condition", "status", "reason", "since", "message"), conditions),
        (("streamlet", "phase", "ready", "restarts", "message"), streamlets),
        (("streamlet", "pod", "ready", "status", "restarts", "message"), [*_pods(found)]),
        (("topic", "in kafka", "cluster", "partitions", "state", "message"), topics),
    )
    parts += [render.table(header, rows) for header, rows in tables if rows]
    if found["leftGroups"] and found["leftGroups"]["groups"]:
        parts.append(_left(found["leftGroups"]))
    return "\n".join(parts)


def age(since: str, now: datetime) -> str:
    """How long ago a time of Kubernetes is, in the largest unit, as kubectl says it."""
    try:
        passed = now - datetime.fromisoformat(since)
    except ValueError:
        return since
    units = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
    for unit, length in units.items():
        if passed >= 2 * length:
            return f"{passed // length}{unit}"
    return f"{max(0, int(passed.total_seconds()))}s"


def _facts(application: Manifest, found: Mapping[str, Any], now: datetime) -> str:
    phase = found["phase"]
    facts = {
        "Name": found["name"],
        "Namespace": found["namespace"],
        "Version": found["version"],
        "Phase": phase if found["state"] != "Paused" or phase == "Paused" else f"{phase}, pausing",
        "Ready": found["ready"],
        "Age": age(found["created"], now),
        "Message": "\n".join([*_remarks(application), *found["message"].splitlines()]),
    }
    width = max(map(len, facts)) + 3
    return "".join(
        f"{name + ':':<{width}}{value.replace(chr(10), chr(10) + ' ' * width)}\n"
        for name, value in facts.items()
        if value
    )


def _remarks(application: Manifest) -> Iterator[str]:
    """What the status itself cannot tell."""
    metadata, status = application["metadata"], application.get("status", {})
    if metadata.get("deletionTimestamp"):
        yield _LEAVING
    if not status:
        yield _UNSEEN
    elif (status.get("observedGeneration") or 0) < metadata.get("generation", 0):
        yield _STALE


def _pods(found: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for streamlet in found["streamlets"]:
        for pod in streamlet.get("pods", ()):
            ready = "yes" if pod["ready"] else "no"
            yield (
                streamlet["name"],
                pod["name"],
                ready,
                pod["status"],
                str(pod["restarts"]),
                _brief(pod),
            )


def _since(condition: Mapping[str, Any], now: datetime) -> str:
    return age(condition.get("lastTransitionTime", ""), now)


def _partitions(topic: Mapping[str, Any]) -> str:
    return str(topic.get("partitions") or "-")


def _state(topic: Mapping[str, Any]) -> tuple[str, str]:
    return topic["state"], _brief(topic)


def _left(groups: Mapping[str, Any]) -> str:
    named = [
        one["name"] + (f" on {one['cluster']}" if one["cluster"] != _USUAL else "")
        for one in groups["groups"][:_NAMED]
    ]
    others = groups["count"] - len(named)
    listed = ", ".join(named) + (f" and {others} more" if others else "")
    return f"Left behind: consumer groups {listed}; {_NOT_NEEDED}\n"


def _brief(part: Mapping[str, Any]) -> str:
    return render.brief(part.get("message") or "")
