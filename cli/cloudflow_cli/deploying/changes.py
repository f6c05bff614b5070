"""What would become of an application: streamlet by streamlet, topic by topic, and why.

Pure. Decided by what the operator renders: pods restart if, and only if, the hash of their inputs
is another one. Values of secrets are in no resource, so none is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cloudflow_cli.deploying.reasons import reasons
from cloudflow_operator.desired.children import workload
from cloudflow_operator.desired.intent import Intent
from cloudflow_operator.desired.topics import topics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import Application
    from cloudflow_operator.desired.children import Workload
    from cloudflow_operator.desired.clusters import KafkaClusters
    from cloudflow_operator.desired.topics import DesiredTopic

Fate: TypeAlias = Literal["added", "removed", "restarts", "scaled", "unchanged"]
TopicFate: TypeAlias = Literal["added", "dropped", "altered", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamletChange:
    """What becomes of one streamlet.

    Attributes:
        why: what its pods restart for; empty unless they do.
        before: how many pods there shall be now; None leaves the count to others.
        after: how many there shall be then.
    """

    name: str
    fate: Fate
    why: tuple[str, ...] = ()
    before: int | None = None
    after: int | None = None

    def data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "name": self.name,
            "change": self.fate,
            "reasons": list(self.why),
            "replicas": {"before": self.before, "after": self.after},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicChange:
    """What becomes of one topic; `what` says each part of it."""

    name: str
    kafka_name: str
    fate: TopicFate
    what: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "name": self.name,
            "kafkaName": self.kafka_name,
            "change": self.fate,
            "details": list(self.what),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What becomes of an application.

    Attributes:
        is_new: whether it is not there yet.
        rest: what changes of it beside streamlets and topics.
    """

    application: str
    namespace: str
    is_new: bool
    streamlets: Sequence[StreamletChange]
    topics: Sequence[TopicChange]
    rest: Sequence[str] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether nothing at all changes."""
        fates = {*(one.fate for one in self.streamlets), *(one.fate for one in self.topics)}
        return not self.rest and fates <= {"unchanged"}

    def data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "application": self.application,
            "namespace": self.namespace,
            "new": self.is_new,
            "streamlets": [one.data() for one in self.streamlets],
            "topics": [one.data() for one in self.topics],
            "other": list(self.rest),
        }


def changes(before: Application | None, after: Application, clusters: KafkaClusters) -> Changes:
    """What changes when the one application becomes the other.

    Args:
        before: as it is on the API server; None when it is not there.
        after: as it would be; without problems.
        clusters: the Kafka clusters, the same for both.
    """
    old = _Rendered.of(before, clusters)
    new = _Rendered.of(after, clusters)
    return Changes(
        application=after.metadata.name,
        namespace=after.metadata.namespace,
        is_new=before is None,
        streamlets=[_streamlet(name, old, new) for name in dict.fromkeys((*new.work, *old.work))],
        topics=[_topic(name, old, new) for name in dict.fromkeys((*new.topics, *old.topics))],
        rest=() if before is None else tuple(_rest(before, after)),
    )


@dataclass(frozen=True, slots=True)
class _Rendered:
    """What the operator would make of an application."""

    work: Mapping[str, Workload]
    topics: Mapping[str, DesiredTopic]

    @classmethod
    def of(cls, application: Application | None, clusters: KafkaClusters) -> _Rendered:
        if application is None:
            return cls({}, {})
        intent = Intent(application, clusters)
        return cls(
            {name: workload(intent, name, one) for name, one in intent.descriptors.items()},
            {one.id: one for one in topics(intent) if one.id is not None},
        )


def _streamlet(name: str, old: _Rendered, new: _Rendered) -> StreamletChange:
    was, will = old.work.get(name), new.work.get(name)
    counts = (
        None if was is None else was.replicas,
        None if will is None else will.replicas,
    )
    fate: Fate = "unchanged"
    why: tuple[str, ...] = ()
    if was is None or will is None:
        fate = "added" if was is None else "removed"
    elif was.inputs != will.inputs:
        fate, why = "restarts", tuple(reasons(was, will))
    elif counts[0] != counts[1]:
        fate = "scaled"
    return StreamletChange(name=name, fate=fate, why=why, before=counts[0], after=counts[1])


def _topic(name: str, old: _Rendered, new: _Rendered) -> TopicChange:
    was, will = old.topics.get(name), new.topics.get(name)
    if was is None or will is None:
        there = was or will
        assert there is not None
        return TopicChange(
            name=name,
            kafka_name=there.spec.name,
            fate="added" if was is None else "dropped",
            what=() if there.is_managed else ("not managed",),
        )
    what = tuple(_alterations(was, will))
    fate: TopicFate = "altered" if what else "unchanged"
    return TopicChange(name=name, kafka_name=will.spec.name, fate=fate, what=what)


def _alterations(was: DesiredTopic, will: DesiredTopic) -> Iterator[str]:
    if (was.spec.name, was.cluster) != (will.spec.name, will.cluster):
        old, new = (f"{one.spec.name} on {one.cluster}" for one in (was, will))
        yield f"another topic: {new} instead of {old}, whose records stay there"
        return
    if will.asked_partitions is not None and was.asked_partitions != will.asked_partitions:
        yield f"partitions {_shown(was.asked_partitions)} → {will.asked_partitions}"
    if was.is_managed != will.is_managed:
        yield "managed from now on" if will.is_managed else "no longer managed"
    if was.asked_replication_factor != will.asked_replication_factor:
        yield "replicas: only of a topic that is made anew"
    for key in sorted({*was.spec.config, *will.spec.config}):
        before, after = was.spec.config.get(key), will.spec.config.get(key)
        if before != after:
            yield f"{key} {_shown(before)} → {_shown(after)}"


def _rest(before: Application, after: Application) -> Iterator[str]:
    for label, field in (("version", "version"), ("state", "state")):
        old, new = getattr(before.spec, field), getattr(after.spec, field)
        if old != new:
            yield f"{label} {_shown(old)} → {_shown(new)}"
    if before.spec.deletion_policy != after.spec.deletion_policy:
        yield f"deletion policy {before.spec.deletion_policy} → {after.spec.deletion_policy}"


def _shown(value: object) -> str:
    return "unset" if value in (None, "") else str(value)
