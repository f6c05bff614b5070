"""The status of an application, whole and anew each time, of what was found and what was done.

Pure: the time is an argument, the phase is made of the conditions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudflow_operator.api.v1alpha1 import Status
from cloudflow_operator.conditions import Aspect, Reason, condition, merged, some_of
from cloudflow_operator.streamlet_status import is_rolling_out, shown_name, streamlet_status, total
from cloudflow_operator.topic_states import USABLE, State, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from cloudflow_operator.api.v1alpha1 import (
        Condition,
        LeftGroups,
        StreamletStatus,
        TopicStatus,
    )
    from cloudflow_operator.errors import ClusterError
    from cloudflow_operator.interfaces import Key
    from cloudflow_operator.observed import Observed
    from streamlet_sdk.problems import Problem

_FIRST: Final = frozenset({Reason.NAME_TAKEN, Reason.REFUSED, Reason.RETRYING, Reason.UNDEPLOYING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one reconcile found out.

    Attributes:
        observed: what is there after it; None when nobody could look.
        asked: the counts that were asked for, by streamlet; None of a count leaves it to others.
        problems: why the resource cannot be rendered, so that what is there was left alone.
        topics: how topics are.
        foreign: objects of others in the way.
        held: streamlets that wait for topics.
        errors: what the API server did not do.
        overrides: streamlets whose settings are overridden.
        ignored: overrides without a streamlet.
        left_groups: consumer groups of removed streamlets; None when nobody was asked.
        leaving: what the end of the application waits for; empty when it is to stay.
    """

    generation: int
    is_paused: bool = False
    observed: Observed | None = None
    asked: Mapping[str, int | None] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    topics: Sequence[TopicStatus] = ()
    foreign: Sequence[Key] = ()
    held: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: Sequence[ClusterError] = ()
    overrides: Sequence[str] = ()
    ignored: Sequence[str] = ()
    left_groups: LeftGroups | None = None
    leaving: str = ""


def status(findings: Findings, before: Status, now: datetime) -> Status:
    """How the application is."""
    streamlets = _streamlets(findings, before, now)
    found = (
        _ready(findings, streamlets),
        _valid(findings),
        _topics_ready(findings),
        _progressing(findings),
        _overridden(findings),
    )
    return Status(
        observed_generation=findings.generation,
        phase=_phase({one.type: one for one in found}),
        ready=total(streamlets),
        message=_message({one.type: one for one in found}),
        conditions=merged(before.conditions, found, now),
        streamlets=streamlets,
        topics=tuple(findings.topics),
        left_groups=findings.left_groups or before.left_groups,
    )


def kept(topics: Sequence[TopicStatus], before: Mapping[str, TopicStatus]) -> list[TopicStatus]:
    """`topics` with what was known of the same ones and cannot be seen now."""
    return [_kept(one, before.get(one.name)) for one in topics]


def _kept(topic: TopicStatus, before: TopicStatus | None) -> TopicStatus:
    if before is None or place(before) != place(topic):
        return topic
    partitions = before.partitions if topic.partitions is None else topic.partitions
    return topic.model_copy(update={"partitions": partitions})


def _streamlets(findings: Findings, before: Status, now: datetime) -> tuple[StreamletStatus, ...]:
    observed = findings.observed
    if observed is None:
        return before.streamlets
    # Those that are gone from an invalid resource are still run.
    others = (
        sorted(observed.deployments.keys() - findings.asked.keys()) if findings.problems else ()
    )
    asked = {**dict.fromkeys(others), **findings.asked}
    return tuple(
        streamlet_status(name, observed, now, asked=asked[name], waits=_waits(findings, name))
        for name in (*findings.asked, *others)
    )


def _waits(findings: Findings, name: str) -> str:
    topics = findings.held.get(name, ())
    return f"waits for topics: {some_of(topics)}" if topics else ""


def _ready(findings: Findings, streamlets: Sequence[StreamletStatus]) -> Condition:
    phases = {one.phase for one in streamlets}
    if (findings.observed is None and not streamlets) or findings.leaving:
        reason = Reason.PENDING
    elif phases <= {Reason.RUNNING}:
        reason = Reason.PAUSED if findings.is_paused else Reason.RUNNING
    else:
        reason = Reason.CRASH_LOOP if Reason.CRASH_LOOP in phases else Reason.PENDING
    # What crashes is told before what only waits.
    ill = [one for one in streamlets if one.phase != Reason.RUNNING]
    ill.sort(key=lambda one: one.phase != Reason.CRASH_LOOP)
    return condition(
        Aspect.READY,
        reason,
        some_of([shown_name(one) for one in ill], "; "),
        holds=reason is Reason.RUNNING,
        generation=findings.generation,
    )


def _valid(findings: Findings) -> Condition:
    problems = findings.problems
    return condition(
        Aspect.CONFIGURATION_VALID,
        Reason.INVALID if problems else Reason.VALID,
        some_of([str(one) for one in problems], "\n"),
        holds=not problems,
        generation=findings.generation,
    )


def _topics_ready(findings: Findings) -> Condition:
    missing = [one for one in findings.topics if one.state not in USABLE]
    drifted = [one for one in findings.topics if one.state == State.DRIFTED]
    ready = Reason.TOPICS_DRIFTED if drifted else Reason.TOPICS_READY
    return condition(
        Aspect.TOPICS_READY,
        Reason.TOPICS_NOT_READY if missing else ready,
        some_of([f"{one.name}: {one.message or one.state}" for one in missing or drifted], "; "),
        holds=not missing,
        generation=findings.generation,
    )


def _progressing(findings: Findings) -> Condition:
    reason, message = _progress(findings)
    stopped = {Reason.SETTLED, Reason.NAME_TAKEN, Reason.REFUSED}
    return condition(
        Aspect.PROGRESSING,
        reason,
        message,
        holds=reason not in stopped,
        generation=findings.generation,
    )


def _progress(findings: Findings) -> tuple[Reason, str]:
    """What is being done, or why it is not: what people have to mend first."""
    refused = [one for one in findings.errors if not one.is_retryable]
    if refused:
        return Reason.REFUSED, some_of([_told(one) for one in refused], "\n")
    if findings.foreign:
        taken = [f"{key.kind.name} {key.name}" for key in findings.foreign]
        advice = "belong to somebody else and are left alone: delete or rename them"
        return Reason.NAME_TAKEN, f"{some_of(taken)} {advice}"
    if findings.leaving:
        return Reason.UNDEPLOYING, findings.leaving
    if findings.errors:
        return Reason.RETRYING, some_of([_told(one) for one in findings.errors], "\n")
    return _going_on(findings)


def _going_on(findings: Findings) -> tuple[Reason, str]:
    """What needs time and nobody's help."""
    if findings.held:
        return Reason.WAITING_FOR_TOPICS, f"held back: {some_of(sorted(findings.held))}"
    rolling = sorted(_rolling_out(findings))
    if rolling:
        return Reason.ROLLING_OUT, some_of(rolling)
    return Reason.SETTLED, ""


def _rolling_out(findings: Findings) -> Iterator[str]:
    if findings.observed is not None:
        for name, deployment in findings.observed.deployments.items():
            if is_rolling_out(deployment):
                yield name


def _told(error: ClusterError) -> str:
    return f"{error} {error.hint}" if error.hint else str(error)


def _overridden(findings: Findings) -> Condition:
    parts = []
    if findings.overrides:
        parts.append(f"set over the resource: {some_of(findings.overrides)}")
    if findings.ignored:
        parts.append(f"ignored, for no streamlet has the name: {some_of(findings.ignored)}")
    return condition(
        Aspect.OVERRIDDEN,
        Reason.OVERRIDES if parts else Reason.NO_OVERRIDES,
        "; ".join(parts),
        holds=bool(parts),
        generation=findings.generation,
    )


def _phase(conditions: Mapping[str, Condition]) -> str:
    progressing = conditions[Aspect.PROGRESSING]
    is_broken = progressing.reason in {Reason.NAME_TAKEN, Reason.REFUSED}
    if conditions[Aspect.CONFIGURATION_VALID].status == "False" or is_broken:
        return Reason.ERROR
    if progressing.reason == Reason.UNDEPLOYING:
        return Reason.UNDEPLOYING
    return conditions[Aspect.READY].reason


def _message(conditions: Mapping[str, Condition]) -> str:
    """What people have to know first."""
    if conditions[Aspect.CONFIGURATION_VALID].message:
        return conditions[Aspect.CONFIGURATION_VALID].message
    progressing = conditions[Aspect.PROGRESSING]
    if progressing.reason in _FIRST:
        return progressing.message
    topics = conditions[Aspect.TOPICS_READY]
    if topics.reason == Reason.TOPICS_DRIFTED:
        return conditions[Aspect.READY].message or topics.message
    return topics.message or conditions[Aspect.READY].message
