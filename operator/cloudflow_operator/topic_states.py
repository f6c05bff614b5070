"""How topics are, in words: the states of `status.topics` and what is said with each.

Used by the two that look after topics, `kafka_admin` and its twin in the tests, and by who reads
the states. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cloudflow_operator.api.v1alpha1 import TopicStatus
from cloudflow_operator.ownership import is_going

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cloudflow_operator.desired.topics import DesiredTopic
    from cloudflow_operator.interfaces import Manifest
    from streamlet_sdk.runtime.transport import TopicInfo


class Place(NamedTuple):
    """Which topic it is, whoever names it."""

    cluster: str
    kafka_name: str


class State(StrEnum):
    """One word for how a topic is."""

    READY = "Ready"
    DRIFTED = "Drifted"
    """It is there and usable, and not as the resource says."""
    CREATING = "Creating"
    """It was written down as the application's own, and is being made."""
    NOT_MADE = "NotMade"
    """Kafka refused to make it; whoever makes it now, it was not the operator."""
    MISSING = "Missing"
    REFUSED = "Refused"
    """Kafka refused to raise or to alter it."""
    DENIED = "Denied"
    UNAVAILABLE = "Unavailable"
    REMOVED = "Removed"
    """The resource names it no longer; it stays, and is remembered as the application's own."""


USABLE: Final = frozenset({State.READY, State.DRIFTED, State.REMOVED})
"""The states in which there is nothing to wait for."""


def topic_status(
    wanted: DesiredTopic,
    before: TopicStatus | None,
    state: State,
    message: str = "",
    *,
    partitions: int | None = None,
) -> TopicStatus:
    """The status of a topic; whose it is stays as it was."""
    return TopicStatus(
        name=wanted.label,
        kafka_name=wanted.spec.name,
        cluster=wanted.cluster,
        partitions=partitions,
        created=is_own(wanted, before),
        state=state,
        message=message,
    )


def is_own(wanted: DesiredTopic, before: TopicStatus | None) -> bool:
    """Whether the operator made the topic for this application, or was about to."""
    return before is not None and before.created and is_same(wanted, before)


def is_same(wanted: DesiredTopic, before: TopicStatus) -> bool:
    """Whether a status speaks of this topic and not of one that had its id before."""
    return place(before) == Place(wanted.cluster, wanted.spec.name)


def may_be_claimed(wanted: DesiredTopic, found: TopicStatus) -> bool:
    """Whether a topic is to be made, and is not written down yet as the application's own."""
    return wanted.is_managed and found.state == State.MISSING and not found.created


def claimed(found: TopicStatus) -> TopicStatus:
    """The status that is written before a topic is made."""
    return found.model_copy(update={"state": State.CREATING, "created": True, "message": ""})


def removed(
    wanted: Iterable[DesiredTopic], before: Mapping[str, TopicStatus]
) -> Iterator[TopicStatus]:
    """The application's own topics that it names no longer, so that they may go with it."""
    named = {one.label for one in wanted}
    for label, one in before.items():
        if label not in named and is_deletable(one):
            yield one.model_copy(update={"state": State.REMOVED, "message": _REMOVED})


def is_deletable(topic: TopicStatus) -> bool:
    """Whether a topic goes with its application where that is wanted."""
    # Those of the platform have an @ in their name, and other applications use them.
    return topic.created and topic.state != State.NOT_MADE and "@" not in topic.name


def place(topic: TopicStatus) -> Place:
    """Which topic a status speaks of."""
    return Place(topic.cluster, topic.kafka_name)


def named_by_others(uid: str, applications: Iterable[Manifest]) -> frozenset[Place]:
    """The topics that applications which stay name; the others may go.

    Args:
        uid: of the application that goes.
        applications: all of them, as anybody may have written them.
    """
    others = (one for one in applications if one["metadata"]["uid"] != uid and not is_going(one))
    return frozenset[Place]().union(*map(named_by, others))


def named_by(application: Manifest) -> frozenset[Place]:
    """The topics that an application names itself, or the operator for it."""
    topics = (*_topics(application.get("spec")), *_topics(application.get("status")))
    return frozenset(
        Place(one.get("cluster", "default"), one["kafkaName"])
        for one in topics
        if isinstance(one.get("kafkaName"), str)
    )


def missing_partitions(wanted: DesiredTopic, there: TopicInfo) -> int | None:
    """To how many partitions a topic has to be raised; None when it has enough."""
    asked = wanted.asked_partitions
    return asked if asked is not None and asked > there.partitions else None


def other_settings(wanted: DesiredTopic, there: TopicInfo) -> dict[str, str]:
    """The settings that are not as they were asked for."""
    return {
        name: value
        for name, value in wanted.spec.config.items()
        if _plain(there.config.get(name)) != _plain(value)
    }


def drift(wanted: DesiredTopic, there: TopicInfo, *, own: bool) -> Iterator[str]:
    """What is not as the resource says and is not changed, with what to do."""
    asked, copies = wanted.asked_partitions, wanted.asked_replication_factor
    if asked is not None and asked < there.partitions:
        yield f"it has {there.partitions} partitions, which cannot be lowered to {asked}"
    if copies is not None and copies != there.replication_factor:
        yield (
            f"its replication factor is {there.replication_factor}, not {copies}: "
            "reassign its partitions with Kafka's tools"
        )
    if own or not wanted.is_managed:
        return
    if missing_partitions(wanted, there) is not None:
        yield f"it has {there.partitions} partitions, not {asked}; {_OF_OTHERS}"
    for name, value in sorted(other_settings(wanted, there).items()):
        yield f"{name} is {there.config.get(name, 'not set')}, not {value}; {_OF_OTHERS}"


_REMOVED: Final = "the resource names it no longer: it is kept, with its records"
_OF_OTHERS: Final = "the operator did not make it and leaves it alone: alter it yourself"


def _plain(value: str | None) -> str | float | None:
    """A setting as Kafka may write it in another way."""
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return ",".join(part.strip() for part in value.lower().split(","))


def _topics(part: Any) -> Sequence[dict[str, Any]]:
    topics = part.get("topics") if isinstance(part, dict) else None
    return [one for one in topics if isinstance(one, dict)] if isinstance(topics, list) else []
