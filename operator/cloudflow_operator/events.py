"""What people are told of an application when it changes, and only then.

Pure: made of the status before and after, and of what was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudflow_operator import names
from cloudflow_operator.conditions import Aspect, Reason
from cloudflow_operator.interfaces import DEPLOYMENT
from cloudflow_operator.ownership import annotation
from cloudflow_operator.plan import Apply, HandOver

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cloudflow_operator.api.v1alpha1 import Condition, Status
    from cloudflow_operator.interfaces import Manifest
    from cloudflow_operator.plan import Action

_WARNINGS: Final = frozenset(
    {
        (Aspect.READY, Reason.CRASH_LOOP),
        (Aspect.CONFIGURATION_VALID, Reason.INVALID),
        (Aspect.TOPICS_READY, Reason.TOPICS_NOT_READY),
        (Aspect.TOPICS_READY, Reason.TOPICS_DRIFTED),
        (Aspect.PROGRESSING, Reason.NAME_TAKEN),
        (Aspect.PROGRESSING, Reason.REFUSED),
        (Aspect.PROGRESSING, Reason.RETRYING),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One sentence about an application."""

    reason: str
    message: str
    is_warning: bool = False


def events(before: Status, after: Status, done: Sequence[Action], version: str) -> Iterator[Event]:
    """What there is to tell.

    Args:
        before: the status as it was written last.
        after: as it is now.
        done: what was carried out, in its order.
        version: the application's, for people.
    """
    is_valid = _condition(after, Aspect.CONFIGURATION_VALID).status == "True"
    if is_valid and before.observed_generation is None:
        yield Event(reason="ApplicationDeployed", message=f"deployed version {version!r}")
    elif is_valid and before.observed_generation != after.observed_generation:
        yield Event(reason="ApplicationUpdated", message=f"updated to version {version!r}")
    for action in done:
        yield from _of_action(action)
    yield from _warnings(before, after)


def undeployed(application: Manifest) -> Event:
    """What is told of an application that is gone, as it was last."""
    version = str((application.get("spec") or {}).get("version", ""))
    message = f"undeployed version {version!r}; {_end_of_topics(application)}"
    return Event(reason="ApplicationUndeployed", message=message)


def _end_of_topics(application: Manifest) -> str:
    if (application.get("spec") or {}).get("deletionPolicy") != "Delete":
        return "its topics stay"
    # Without a finalizer an object is gone at once, and never was about to go.
    if application["metadata"].get("deletionTimestamp") is None:
        return (
            "its topics stay: it was deleted before the operator knew of `deletionPolicy: Delete`"
        )
    return "the topics that were made for it too"


def _of_action(action: Action) -> Iterator[Event]:
    if isinstance(action, HandOver):
        count = action.deployment["spec"]["replicas"]
        yield from _scaled(action.streamlet, count, action.replicas)
    if not isinstance(action, Apply) or action.before is None:
        return
    if action.manifest["kind"] != DEPLOYMENT.name:
        return
    count = action.before["spec"]["replicas"]
    yield from _scaled(action.streamlet, count, action.manifest["spec"].get("replicas", count))
    hashes = {annotation(one, names.INPUTS) for one in (action.manifest, action.before)}
    if len(hashes) > 1:
        text = f"pods of {action.streamlet} are replaced by ones of another configuration"
        yield Event(reason="StreamletConfigurationChanged", message=text)


def _scaled(streamlet: str | None, old: int, new: int) -> Iterator[Event]:
    if old != new:
        yield Event(reason="StreamletScaled", message=f"scaled {streamlet} from {old} to {new}")


def _warnings(before: Status, after: Status) -> Iterator[Event]:
    told = {(one.type, one.reason, one.message) for one in before.conditions}
    for one in after.conditions:
        is_bad = (one.type, one.reason) in _WARNINGS
        if is_bad and (one.type, one.reason, one.message) not in told:
            yield Event(reason=one.reason, message=one.message, is_warning=True)


def _condition(status: Status, aspect: Aspect) -> Condition:
    return next(one for one in status.conditions if one.type == aspect)
