"""Topics that were as they shall be a moment ago are not asked about again: `interfaces.Topics`.

Pods that come up let an application be looked at many times within seconds. Only what was wholly
right is believed, only for a while, and only as long as the same is wanted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudflow_operator.topic_states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import TopicStatus
    from cloudflow_operator.desired.topics import DesiredTopic
    from cloudflow_operator.interfaces import Topics

BELIEVED: Final = timedelta(seconds=30)


class _Seen(NamedTuple):
    """A topic that was as wanted; `until` is of the clock, in seconds."""

    wanted: DesiredTopic
    status: TopicStatus
    until: float


class RecentTopics:
    """Asks `topics` unless all that is wanted was right a moment ago."""

    def __init__(self, topics: Topics, now: Callable[[], float]) -> None:
        """Know nothing; `now` is a clock that only goes forward, in seconds."""
        self._topics = topics
        self._now = now
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._sweep_at = 0.0

    async def ensure(
        self, wanted: Sequence[DesiredTopic], before: Mapping[str, TopicStatus]
    ) -> Sequence[TopicStatus]:
        """What was found a moment ago, if that was all right; else what is found now."""
        if all(self._is_believed(one, before.get(one.label)) for one in wanted):
            return [before[one.label] for one in wanted]
        found = await self._topics.ensure(wanted, before)
        self._sweep()
        until = self._now() + BELIEVED.total_seconds()
        for one, status in zip(wanted, found, strict=True):
            key = one.cluster, one.spec.name
            if status.state == State.READY:
                self._seen[key] = _Seen(one, status, until)
            else:
                self._seen.pop(key, None)
        return found

    def forget(self) -> None:
        """Believe nothing any more: the clusters are not what they were."""
        self._seen.clear()

    async def delete(self, topics: Sequence[TopicStatus]) -> Sequence[TopicStatus]:
        """Delete them, and believe nothing of them any more."""
        for one in topics:
            self._seen.pop((one.cluster, one.kafka_name), None)
        return await self._topics.delete(topics)

    async def groups(self, prefixes: Mapping[str, str]) -> Mapping[str, Sequence[str] | None]:
        """What is found now."""
        return await self._topics.groups(prefixes)

    def _is_believed(self, wanted: DesiredTopic, before: TopicStatus | None) -> bool:
        seen = self._seen.get((wanted.cluster, wanted.spec.name))
        return (
            seen is not None
            and seen.wanted == wanted
            and seen.status == before
            and self._now() < seen.until
        )

    def _sweep(self) -> None:
        """Forget what is not believed any more; topics come and go for months."""
        now = self._now()
        if now >= self._sweep_at:
            self._seen = {key: one for key, one in self._seen.items() if now < one.until}
            self._sweep_at = now + BELIEVED.total_seconds()
