"""Topics and groups of real Kafka clusters: `interfaces.Topics` on the SDK's admin.

Made where the operator starts. It remembers nothing but connections: whose a topic is stands in
the application's status.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cloudflow_operator.kafka_links import Link, to_kafka
from cloudflow_operator.topic_states import (
    State,
    drift,
    is_own,
    missing_partitions,
    other_settings,
    topic_status,
)
from streamlet_sdk.errors import DeniedError, TransportError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import TopicStatus
    from cloudflow_operator.desired.topics import DesiredTopic
    from cloudflow_operator.kafka_clusters import Connection
    from cloudflow_operator.kafka_links import Connect
    from streamlet_sdk.runtime.transport import Admin, TopicInfo

_AT_ONCE: Final = 32
MAKING: Final = timedelta(seconds=8)
"""How long topics are made in one go; the rest is left for the next one."""

_log = logging.getLogger(__name__)


class KafkaTopics:
    """`interfaces.Topics` on all clusters that `connection` knows; safe for many tasks at once."""

    def __init__(
        self, connection: Callable[[str], Connection | None], connect: Connect = to_kafka
    ) -> None:
        """Connect nothing yet; `connection` is asked each time, so that a change is followed."""
        self._connection = connection
        self._connect = connect
        self._links: dict[str, Link] = {}

    async def ensure(
        self, wanted: Sequence[DesiredTopic], before: Mapping[str, TopicStatus]
    ) -> Sequence[TopicStatus]:
        """Make what is missing, raise and alter what was asked, where it is the application's own.

        Nothing is raised; the clusters of `wanted` are asked at the same time, in one request each
        when nothing is to be done.
        """
        by_cluster = defaultdict(list)
        for one in wanted:
            by_cluster[one.cluster].append(one)
        found: dict[str, TopicStatus] = {}
        for states in await asyncio.gather(
            *(self._on_cluster(name, these, before) for name, these in by_cluster.items())
        ):
            found |= {one.name: one for one in states}
        return [found[one.label] for one in wanted]

    async def delete(self, topics: Sequence[TopicStatus]) -> Sequence[TopicStatus]:
        """Delete topics with their records; those that are still there, with why."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def gone(topic: TopicStatus) -> TopicStatus | None:
            async with slots:
                return await self._deleted(topic)

        left = await asyncio.gather(*map(gone, topics))
        return [one for one in left if one is not None]

    async def groups(self, prefixes: Mapping[str, str]) -> Mapping[str, Sequence[str] | None]:
        """The consumer groups whose names begin with the prefix of each cluster, by cluster.

        Nothing is raised; the clusters are asked at the same time.
        """
        found = await asyncio.gather(*(self._groups_on(*one) for one in prefixes.items()))
        return dict(zip(prefixes, found, strict=True))

    async def close(self) -> None:
        """Let go of all connections."""
        links, self._links = list(self._links.values()), {}
        await asyncio.gather(*(link.close() for link in links))

    async def _on_cluster(
        self, cluster: str, wanted: Sequence[DesiredTopic], before: Mapping[str, TopicStatus]
    ) -> Sequence[TopicStatus]:
        try:
            link = await self._link(cluster)
            return await link.run(lambda admin: _ensured(admin, wanted, before))
        except TransportError as error:
            state, message = _told(error)
            return [topic_status(one, before.get(one.label), state, message) for one in wanted]

    async def _deleted(self, topic: TopicStatus) -> TopicStatus | None:
        async def work(admin: Admin) -> None:
            if (await admin.topics([topic.kafka_name]))[topic.kafka_name] is not None:
                await admin.delete(topic.kafka_name)

        try:
            await (await self._link(topic.cluster)).run(work)
        except TransportError as error:
            state, message = _told(error)
            return topic.model_copy(update={"state": state, "message": message})
        return None

    async def _groups_on(self, cluster: str, prefix: str) -> Sequence[str] | None:
        async def work(admin: Admin) -> Sequence[str] | None:
            try:
                return await admin.groups(prefix)
            except UnavailableError as error:
                # One of the brokers is enough for that, and topics can do without it.
                _log.warning("Could not list consumer groups of %s: %s", cluster, error)
                return None

        try:
            return await (await self._link(cluster)).run(work)
        except TransportError:
            return None

    async def _link(self, cluster: str) -> Link:
        """The connection to a cluster, another one when it is described in another way now."""
        connection, link = self._connection(cluster), self._links.get(cluster)
        if link is not None and link.connection != connection:
            del self._links[cluster]
            await link.close()
            link = None
        if connection is None:
            raise UnavailableError(
                f"there is no Kafka cluster {cluster!r} that can be used",
                hint="Give it a Secret in the operator's namespace, or repair that.",
            )
        if link is None:
            link = self._links.setdefault(cluster, Link(connection, self._connect))
        return link


async def _ensured(
    admin: Admin, wanted: Sequence[DesiredTopic], before: Mapping[str, TopicStatus]
) -> Sequence[TopicStatus]:
    """What became of topics of one cluster.

    Raises:
        TransportError: when none could be looked at.
    """
    there = await _described(admin, [one.spec.name for one in wanted])
    slots, now = asyncio.Semaphore(_AT_ONCE), asyncio.get_running_loop().time
    until = now() + MAKING.total_seconds()

    async def ensured(one: DesiredTopic) -> TopicStatus:
        found, known = there[one.spec.name], before.get(one.label)
        is_made = found is None and is_own(one, known)
        async with slots:
            if is_made and now() > until:
                return topic_status(one, known, State.CREATING)
            try:
                if isinstance(found, TransportError):
                    raise found
                # Those of other applications may go first; what waits may not end the whole work.
                async with asyncio.timeout_at(until if is_made else None):
                    return await _brought(admin, one, found, known)
            except TimeoutError:
                return topic_status(one, known, State.CREATING)
            except TransportError as error:
                state, message = _told(error)
                seen = None if isinstance(found, TransportError) or found is None else found
                partitions = seen.partitions if seen is not None else None
                return topic_status(one, known, state, message, partitions=partitions)

    return await asyncio.gather(*map(ensured, wanted))


async def _described(
    admin: Admin, names: Sequence[str]
) -> Mapping[str, TopicInfo | TransportError | None]:
    """All at once; where one of them is denied, each by itself."""
    try:
        return await admin.topics(names)
    except DeniedError:
        found: dict[str, TopicInfo | TransportError | None] = {}
        for name in names:
            try:
                found |= await admin.topics([name])
            except DeniedError as error:
                found[name] = error
        return found


async def _brought(
    admin: Admin, wanted: DesiredTopic, there: TopicInfo | None, before: TopicStatus | None
) -> TopicStatus:
    """Make, raise and alter one topic as far as it may be done."""
    own = wanted.is_managed and is_own(wanted, before)
    if there is None:
        return await (_made(admin, wanted, before) if own else _missing(wanted, before))
    if own and before is not None and before.state == State.NOT_MADE:
        return _seen(wanted, there, None)
    if own:
        there = await _altered(admin, wanted, there)
    return _seen(wanted, there, before if own else None)


async def _missing(wanted: DesiredTopic, before: TopicStatus | None) -> TopicStatus:
    unmanaged = f"there is no topic {wanted.spec.name}: make it, or set `managed` to true"
    message = "" if wanted.is_managed else unmanaged
    return topic_status(wanted, before, State.MISSING, message)


async def _made(admin: Admin, wanted: DesiredTopic, before: TopicStatus | None) -> TopicStatus:
    spec = wanted.spec
    try:
        await admin.create(spec)
    except UnavailableError:
        raise
    except TransportError as error:
        found = (await admin.topics([spec.name]))[spec.name]
        if found is not None:
            # Somebody was faster.
            return _seen(wanted, found, None)
        return topic_status(wanted, before, State.NOT_MADE, _sentence(error))
    return topic_status(wanted, before, State.READY, partitions=spec.partitions)


async def _altered(admin: Admin, wanted: DesiredTopic, there: TopicInfo) -> TopicInfo:
    name = wanted.spec.name
    count, settings = missing_partitions(wanted, there), other_settings(wanted, there)
    if count is not None:
        await admin.grow(name, count)
    if settings:
        await admin.alter(name, settings)
    if count is None and not settings:
        return there
    return (await admin.topics([name]))[name] or there


def _seen(wanted: DesiredTopic, there: TopicInfo, before: TopicStatus | None) -> TopicStatus:
    """The status of a topic that is there; without `before` it is somebody else's."""
    message = "; ".join(drift(wanted, there, own=before is not None))
    state = State.DRIFTED if message else State.READY
    return topic_status(wanted, before, state, message, partitions=there.partitions)


def _told(error: TransportError) -> tuple[State, str]:
    if isinstance(error, UnavailableError):
        return State.UNAVAILABLE, _sentence(error)
    return (State.DENIED if isinstance(error, DeniedError) else State.REFUSED), _sentence(error)


def _sentence(error: TransportError) -> str:
    return f"{error}: {error.hint}" if error.hint else str(error)
