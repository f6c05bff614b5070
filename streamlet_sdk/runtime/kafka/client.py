"""Connections to one cluster: aiokafka's client, made to create no topics and to say what failed.

Used by consumers, producers and admins, each of which has one of its own.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from typing import TYPE_CHECKING, Any, Final

from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import TopicPartition
from typing_extensions import override

from streamlet_sdk.errors import DeniedError, RejectedError, TransportError, UnavailableError
from streamlet_sdk.runtime.kafka.faults import advice, sentence, translated, translating

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRIES: Final = 50
_PAUSE_SECONDS: Final = 0.1
_GOODBYE_SECONDS: Final = 1.0
# The security protocol with which brokers ask nobody who he is.
_OPEN: Final = "PLAINTEXT"
# The last one is aiokafka's for a broker that is too young for it.
_FAILURES: Final = (kafka.KafkaError, OSError, TimeoutError, NotImplementedError)
# What brokers before Kafka 2.5 lack: the youngest requests that nothing works without.
_NEEDED: Final = {
    0: ("Produce", 3),
    1: ("Fetch", 4),
    3: ("Metadata", 4),
    9: ("OffsetFetch", 7),
    22: ("InitProducerId", 0),
}


class Client(AIOKafkaClient):
    """A client of one cluster."""

    def __init__(self, bootstrap: str, client: str, arguments: Mapping[str, Any]) -> None:
        """Connect nothing yet; `arguments` are those of aiokafka's client."""
        super().__init__(bootstrap_servers=bootstrap, client_id=client, **arguments)
        logging.getLogger("aiokafka.conn").addFilter(_DISCREET)
        self.servers = bootstrap
        self._connection = {
            name: value
            for name, value in arguments.items()
            if name.startswith(("ssl_", "sasl_", "security_", "request_"))
        }
        self._refusal: DeniedError | None = None
        self._looking: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect and learn what brokers there are.

        Raises:
            UnavailableError: when no broker answers.
            DeniedError: when they do not accept who this is.
            RejectedError: when they are too old.
        """
        try:
            await self.bootstrap()
        except _FAILURES as error:
            raise await self._explained(error) from error
        try:
            await self._meet()
        except (TransportError, asyncio.CancelledError):
            await self.close()
            raise

    def check(self) -> None:
        """Notice that a broker takes no more connections of this client.

        Raises:
            DeniedError: when it no longer accepts who this is.
        """
        if self._refusal is not None:
            raise self._refusal

    @override
    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await super().close()

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
            raise translated(kafka.TopicAuthorizationFailedError(), f"looking for topic {topic}")
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
            raise self._unreachable()

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
    async def _get_conn(self, node_id: Any, **named: Any) -> Any:
        """As aiokafka's own, which keeps the reason to itself when there is no connection."""
        connection = await super()._get_conn(node_id, **named)
        if connection is None and (self._looking is None or self._looking.done()):
            self._looking = asyncio.get_running_loop().create_task(self._look(node_id))
        return connection

    async def _look(self, node: int) -> None:
        """Find out whether a broker cannot be reached because it does not accept who this is."""
        broker = self.cluster.broker_metadata(node)
        if broker is None or self._connection["security_protocol"] == _OPEN:
            return
        cause = await self._tried(broker.host, broker.port)
        made = translated(cause, f"connecting to {broker.host}:{broker.port}") if cause else None
        if isinstance(made, DeniedError):
            self._refusal = made

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

    async def _meet(self) -> None:
        """Connect to one of the brokers, where it says that it is."""
        nodes = [broker.nodeId for broker in self.cluster.brokers()]
        random.shuffle(nodes)
        for node in nodes:
            connection = await self._get_conn(node)
            if connection is not None:
                _require_new_enough(connection)
                return
        raise self._unreachable()

    def _unreachable(self) -> UnavailableError:
        known = ", ".join(f"{each.host}:{each.port}" for each in self.cluster.brokers())
        return UnavailableError(
            f"no broker of {self.servers} answers where it says that it is ({known})",
            hint="check that it runs, and advertised.listeners of the broker",
        )

    async def _explained(self, error: BaseException) -> TransportError:
        """Why no broker could be reached: aiokafka logs the causes and raises none of them."""
        causes: dict[str, BaseException] = {}
        for host, port, _ in self.hosts:
            cause = await self._tried(host, port)
            made = translated(cause, f"connecting to {host}:{port}") if cause else None
            if isinstance(made, (DeniedError, RejectedError)):
                return made
            if cause is not None:
                causes[f"{host}:{port}"] = cause
        text = "; ".join(f"{where}: {sentence(cause)}" for where, cause in causes.items())
        cause = next(iter(causes.values()), error)
        return UnavailableError(
            f"no broker of {self.servers} can be reached ({text or sentence(error)})",
            hint=advice(cause) or _where_to_look(cause, self._connection["security_protocol"]),
        )

    async def _tried(self, host: str, port: int) -> BaseException | None:
        """What goes wrong with one broker; None when nothing does, this time."""
        try:
            connection = await create_conn(
                host, port, client_id=self._client_id, **self._connection
            )
        except _FAILURES as cause:
            return cause
        try:
            _require_new_enough(connection)
            # A listener that wants credentials closes the connection now, and not before.
            await connection.send(MetadataRequest([]))
        except (*_FAILURES, TransportError) as cause:
            return cause
        finally:
            closed: Any = connection.close()
            # With TLS the broker has to say goodbye too; one that does not is not waited for.
            await asyncio.wait({closed}, timeout=_GOODBYE_SECONDS)
        return None


def _require_new_enough(connection: Any) -> None:
    """Say so when a broker lacks what the transport is built on.

    Raises:
        RejectedError: naming the request.
    """
    for key, (name, version) in _NEEDED.items():
        if connection._versions.get(key, (0, -1))[1] < version:
            raise RejectedError(
                f"the broker at {connection.host}:{connection.port} is too old: "
                f"it knows no version {version} of {name}",
                hint="Kafka 2.5 or later is needed",
            )


def _where_to_look(error: BaseException, protocol: str) -> str:
    """What to check when the way to a broker is cut, and the error alone does not tell."""
    if isinstance(error, socket.gaierror):
        return "check the host in bootstrap.servers"
    if isinstance(error, ConnectionRefusedError):
        return "check host and port in bootstrap.servers, and that the broker runs"
    return (
        "check host and port in bootstrap.servers, that the broker runs, and that its listener "
        f"speaks {protocol} (security.protocol)"
    )


class _Discreet(logging.Filter):
    """Keeps credentials out of the log: aiokafka shows requests whole, on level DEBUG."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        given = record.args if isinstance(record.args, tuple) else ()
        return not any(type(each).__name__.startswith("SaslAuthenticate") for each in given)


_DISCREET: Final = _Discreet()
