"""The conditions of an application: its aspects, each true or false since some time.

Pure; `status` says what is so, this module how it is told.
"""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cloudflow_operator.api.v1alpha1 import Condition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

MOST_NAMED: Final = 3


class Aspect(StrEnum):
    """What a condition is about."""

    READY = "Ready"
    CONFIGURATION_VALID = "ConfigurationValid"
    TOPICS_READY = "TopicsReady"
    PROGRESSING = "Progressing"
    OVERRIDDEN = "Overridden"


class Reason(StrEnum):
    """Why a condition is as it is; those of `Ready` are phases too."""

    RUNNING = "Running"
    PAUSED = "Paused"
    CRASH_LOOP = "CrashLoopBackOff"
    PENDING = "Pending"
    ERROR = "Error"

    VALID = "Valid"
    INVALID = "Invalid"

    TOPICS_READY = "TopicsReady"
    TOPICS_NOT_READY = "TopicsNotReady"
    TOPICS_DRIFTED = "TopicsDrifted"

    SETTLED = "Settled"
    ROLLING_OUT = "RollingOut"
    WAITING_FOR_TOPICS = "WaitingForTopics"
    NAME_TAKEN = "NameTaken"
    REFUSED = "Refused"
    RETRYING = "Retrying"
    UNDEPLOYING = "Undeploying"

    OVERRIDES = "Overrides"
    NO_OVERRIDES = "NoOverrides"


def condition(
    aspect: Aspect, reason: Reason, message: str = "", *, holds: bool, generation: int
) -> Condition:
    """A condition without its time, which `merged` gives it."""
    return Condition(
        type=aspect,
        status="True" if holds else "False",
        reason=reason,
        message=message,
        observed_generation=generation,
        last_transition_time="",
    )


def merged(
    old: Iterable[Condition], new: Iterable[Condition], now: datetime
) -> tuple[Condition, ...]:
    """`new`, each keeping its predecessor's time unless its status changed."""
    before = {one.type: one for one in old}

    def stamped(one: Condition) -> Condition:
        previous = before.get(one.type)
        same = previous is not None and previous.status == one.status
        since = previous.last_transition_time if previous is not None and same else stamp(now)
        return one.model_copy(update={"last_transition_time": since})

    return tuple(map(stamped, new))


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def some_of(texts: Sequence[str], separator: str = ", ") -> str:
    """The first few, and how many more there are."""
    shown = separator.join(texts[:MOST_NAMED])
    more = len(texts) - MOST_NAMED
    return f"{shown}{separator}and {more} more" if more > 0 else shown
