"""Connections to one cluster: aiokafka's client, made to create no topics and to say what failed.

Used by consumers, producers and admins, each of which has one of its own.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final

from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import TopicPartition
from typing_extensions import override

from streamlet_sdk.errors import DeniedError, RejectedError, TransportError, UnavailableError
from streamlet_sdk.runtime.kafka.faults import sentence, translated, translating

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRIES: Final = 50
_PAUSE_SECONDS: Final = 0.1


class Client(AIOKafkaClient):
    """A client of one cluster."""

    def __init__(self, bootstrap: str, client: str, arguments: Mapping[str, Any]) -> None:
        """Connect nothing yet; `arguments` are those of aiokafka's client."""
        super().__init__(bootstrap_servers=bootstrap, client_id=client, **arguments)
        self.servers = bootstrap
        self._connection = {
            name: value
            for name, value in arguments.items()
            if name.startswith(("ssl_", "sasl_", "security_", "request_"))
        }

    async def connect(self) -> None:
        """Connect and learn what brokers there are.

        Raises:
            UnavailableError: when no broker answers.
            DeniedError: when they do not accept who this is.
        """
        try:
            await self.bootstrap()
        except (kafka.KafkaError, OSError, TimeoutError) as error:
            raise await self._explained(error) from error

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has; asked anew when it is not known, and never made.

        Raises:
            RejectedError: when there is no such topic.
            UnavailableError: when no broker tells.
            DeniedError: when this principal may not know it.
        """
        known = self.cluster.partitions_for_topic(topic)
        if not known:
            await self.learn(topic)
            known = self.cluster.partitions_for_topic(topic)
        if topic in self.cluster.unauthorized_topics:
            raise DeniedError(f"topic {topic} may not be described by this principal")
        if not known:
            self._topics = self._topics - {topic}
            raise RejectedError(f"there is no topic {topic}", hint="create it, or check its name")
        return len(known)

    async def learn(self, topic: str) -> None:
        """Ask for the metadata of a topic, and of all that were asked for before.

        Raises:
            UnavailableError: when no broker answers.
        """
        # A new set, for aiokafka asks once more when it finds another one after an answer.
        self._topics = self._topics | {topic}
        if not await self.force_metadata_update():
            raise UnavailableError(f"no broker of {self.servers} answers")

    async def leader(self, topic: str, partition: int) -> int:
        """The broker that leads a partition; waits while one is being elected.

        Raises:
            UnavailableError: when there is none for long.
        """
        for _ in range(_TRIES):
            found = self.cluster.leader_for_partition(TopicPartition(topic, partition))
            if found is not None and found >= 0:
                return int(found)
            await self.learn(topic)
            await asyncio.sleep(_PAUSE_SECONDS)
        raise UnavailableError(f"partition {partition} of {topic} has no leader")

    async def ask(self, request: Any, doing: str, node: int | None = None) -> Any:
        """The response to `request`, from any broker unless `node` names one.

        Raises:
            TransportError: when none comes.
        """
        with translating(doing):
            return await self.send(self.get_random_node() if node is None else node, request)

    @override
    async def _metadata_update(self, cluster_metadata: Any, topics: Any) -> bool:
        """As aiokafka's own, except that a topic that is missing is not made by asking for it."""
        request = MetadataRequest(list(topics), allow_auto_topic_creation=False)
        nodes = [broker.nodeId for broker in self.cluster.brokers()]
        random.shuffle(nodes)
        for node in nodes:
            try:
                connection = await self._get_conn(node)
                if connection is None:
                    continue
                metadata = await connection.send(request)
            except (kafka.KafkaError, OSError, TimeoutError):
                continue
            if not metadata.brokers:
                return False
            cluster_metadata.update_metadata(metadata)
            return True
        cluster_metadata.failed_update(None)
        return False

    async def _explained(self, error: BaseException) -> TransportError:
        """Why no broker could be reached: aiokafka logs the causes and raises none of them."""
        causes: list[str] = []
        for host, port, _ in self.hosts:
            try:
                connection = await create_conn(
                    host, port, client_id=self._client_id, **self._connection
                )
            except (kafka.KafkaError, OSError, TimeoutError) as cause:
                made = translated(cause, f"connecting to {host}:{port}")
                if isinstance(made, DeniedError):
                    return made
                causes.append(f"{host}:{port}: {sentence(cause)}")
            else:
                connection.close()
        text = "; ".join(causes) or sentence(error)
        return UnavailableError(
            f"no broker of {self.servers} can be reached ({text})",
            hint="check bootstrap.servers, security.protocol and that the broker runs",
        )
