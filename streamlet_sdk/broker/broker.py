"""The embedded broker: an honest double of Kafka in one event loop, without sockets.

The sandbox and the test kit make one, and one transport for each instance of a streamlet.
It keeps everything in memory and nothing across restarts.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from streamlet_sdk.broker.admin import EmbeddedAdmin
from streamlet_sdk.broker.cluster import Cluster
from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.broker.groups import Patience
from streamlet_sdk.broker.lane import EmbeddedLane
from streamlet_sdk.broker.producer import EmbeddedProducer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.broker.faults import Faults
    from streamlet_sdk.broker.topics import Topic
    from streamlet_sdk.runtime.transport import ConsumerSpec, TopicSpec


class EmbeddedBroker:
    """One broker.

    `max_record_bytes` bounds a record. A group waits `rebalance_timeout` for a member to give
    its claims back and `session_timeout` for one that fell silent. A poll to which every open
    claim lends credit lasts at least `quiet_poll` if nothing happens: in virtual time a day of
    shorter ones is long.
    """

    def __init__(
        self,
        *,
        max_record_bytes: int = 1024 * 1024,
        rebalance_timeout: timedelta = timedelta(seconds=10),
        session_timeout: timedelta = timedelta(seconds=10),
        quiet_poll: timedelta = timedelta(0),
    ) -> None:
        patience = Patience(
            rebalance=rebalance_timeout, session=session_timeout, quiet_poll=quiet_poll
        )
        self._cluster = Cluster(max_record_bytes=max_record_bytes, patience=patience)

    def transport(self, *, client: str = "client") -> EmbeddedTransport:
        """A client of this broker; its name shows in the names of group members."""
        return EmbeddedTransport(self._cluster, client)

    @property
    def faults(self) -> Faults:
        """Faults that a test may plan."""
        return self._cluster.faults

    @property
    def topics(self) -> tuple[str, ...]:
        """The names of all topics, sorted."""
        return tuple(sorted(self._cluster.topics))

    def topic(self, name: str) -> Topic:
        """A topic, to look into or to compact.

        Raises:
            RejectedError: when there is none.
        """
        return self._cluster.topic(name)

    def create(self, spec: TopicSpec) -> None:
        """Create a topic at once, as `Admin.create` does.

        Raises:
            RejectedError: when it exists already or Kafka would refuse it.
        """
        self._cluster.create(spec)

    async def close(self) -> None:
        """Let go of timers and tasks, once the transports are closed or killed."""
        await self._cluster.stop()


class EmbeddedTransport:
    """A `Transport` to an embedded broker: one client, as one process would be."""

    def __init__(self, cluster: Cluster, client: str) -> None:
        self._cluster = cluster
        self._client = client
        self._consumers: list[EmbeddedConsumer] = []
        self._producers: list[EmbeddedProducer] = []

    def consumer(self, spec: ConsumerSpec) -> EmbeddedConsumer:
        """A consumer that has not joined yet."""
        consumer = EmbeddedConsumer(self._cluster, spec, self._client)
        self._consumers.append(consumer)
        return consumer

    async def producer(self, properties: Mapping[str, str] | None = None) -> EmbeddedProducer:
        """A producer; of the properties `batch.size`, `buffer.memory`, `max.request.size` count."""
        self._cluster.faults.require_reachable()
        producer = EmbeddedProducer(self._cluster, properties or {})
        self._producers.append(producer)
        return producer

    async def lane(self, name: str, properties: Mapping[str, str] | None = None) -> EmbeddedLane:
        """A transactional producer, after fencing earlier ones of `name`.

        Besides a producer's properties `transaction.timeout.ms` counts.
        """
        self._cluster.faults.require_reachable()
        lane = EmbeddedLane(self._cluster, name, properties or {})
        self._producers.append(lane)
        return lane

    def admin(self) -> EmbeddedAdmin:
        """An admin."""
        return EmbeddedAdmin(self._cluster)

    async def close(self) -> None:
        """Close what is open: consumers leave their groups, producers drop what is under way."""
        budget = self._cluster.patience.rebalance.total_seconds()
        deadline = asyncio.get_running_loop().time() + budget
        await asyncio.gather(
            *(consumer.close(leave=True, deadline=deadline) for consumer in self._consumers),
            *(producer.close(flush=False, deadline=deadline) for producer in self._producers),
        )

    def kill(self) -> None:
        """End as `kill -9` would: nobody is told, transactions stay open until they time out."""
        for consumer in self._consumers:
            consumer.kill()
        for producer in self._producers:
            producer.kill()
