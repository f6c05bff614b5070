"""The brokers of a run: three, each with a plain listener and one behind a network that can be cut.

The checker uses the plain listeners, the pipeline the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.errors import KafkaError

from chaos.proxy import Proxy
from streamlet_sdk.runtime.kafka.wire import AlterTopic
from testbed.kafka import KafkaCluster, Layout
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from chaos.proxy import Cut
    from testbed.kafka import Broker

CUTTABLE = "CUTTABLE"
# Nobody gets in there without a password.
GUARDED = "GUARDED"
MECHANISM = "SCRAM-SHA-512"
USER, PASSWORD = "pipeline", "as-it-was-at-first"
LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"
BROKERS = 3
ALL_BROKERS = (4, "")
ASK_SECONDS = 30.0
PROPERTIES = {
    # Kafka looks for transactions that were left open every 10 s; a second is enough to wait.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "group.min.session.timeout.ms": "1000",
    # Names of transactions are forgotten when they are not used for this long.
    "transactional.id.expiration.ms": "25000",
    "transaction.remove.expired.transaction.cleanup.interval.ms": "1000",
    "producer.id.expiration.check.interval.ms": "1000",
    "sasl.enabled.mechanisms": MECHANISM,
    f"listener.name.{GUARDED.lower()}.{MECHANISM.lower()}.sasl.jaas.config": f"{LOGIN} required;",
}


class Brokers:
    """Brokers that can be killed, paused and cut off."""

    def __init__(self, cluster: KafkaCluster, proxies: Sequence[Proxy]) -> None:
        """`proxies[i]` stands before broker `i + 1`."""
        self.all = cluster.brokers
        self.direct = cluster.bootstrap
        self.through = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
        self._cluster = cluster
        self._proxies = proxies

    def guarded(self, password: str) -> dict[str, str]:
        """What a client needs where a password is asked for."""
        return {
            "bootstrap.servers": self._cluster.addresses(GUARDED),
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": MECHANISM,
            "sasl.jaas.config": f'{LOGIN} required username="{USER}" password="{password}";',
        }

    async def set_password(self, password: str) -> None:
        """Accept another password from now on; connections that are there stay."""
        await asyncio.to_thread(self._cluster.set_password, USER, MECHANISM, password)

    def __getitem__(self, number: int) -> Broker:
        """The broker with that node id."""
        return self.all[number - 1]

    async def kill(self, *numbers: int) -> None:
        """End brokers as a crash would."""
        await asyncio.gather(*(asyncio.to_thread(self[number].kill) for number in numbers))

    async def start(self, *numbers: int) -> None:
        """Start killed brokers and wait until each knows all."""
        for number in numbers:
            self[number].launch()
        alive = sum(broker.is_alive for broker in self.all)
        for number in numbers:
            await asyncio.to_thread(self[number].await_brokers, alive)

    async def cut(self, how: Cut, *numbers: int) -> None:
        """Cut the pipeline off from brokers; from all when none is named."""
        for number in numbers or range(1, len(self.all) + 1):
            await self._proxies[number - 1].cut(how)

    async def mend(self) -> None:
        """Bring everything back: the network, paused brokers, dead brokers."""
        for proxy in self._proxies:
            await proxy.mend()
        for broker in self.all:
            broker.resume()
        dead = [broker.number for broker in self.all if not broker.is_alive]
        if dead:
            await self.start(*dead)

    async def coordinator(self, *, group: str | None = None, transaction: str = "") -> int:
        """Which broker looks after a group, or after the transactions of a name."""
        asked = (transaction, 1) if group is None else (group, 0)
        async with self._asking() as admin, asyncio.timeout(ASK_SECONDS):
            while True:
                # While brokers take over from each other there may be none for a moment.
                with contextlib.suppress(KafkaError):
                    return int(await admin.find_coordinator(*asked))
                await asyncio.sleep(0.2)

    async def grow(self, topics: Mapping[str, int]) -> None:
        """Raise the number of partitions of topics."""
        async with self._asking() as admin:
            await admin.create_partitions(
                {topic: NewPartitions(count) for topic, count in topics.items()}
            )

    async def forget_producers(self, after: timedelta | None) -> None:
        """Forget producers that have written nothing for a while; as it comes, when that is None.

        A batch that is repeated after that is written twice: not for runs with outages.
        """
        changed = {"producer.id.expiration.ms": None if after is None else _milliseconds(after)}
        async with self._asking() as admin:
            response = await admin._send_request(_AlterBrokers("", changed))
        for code, message, *_ in response.responses:
            if code:
                raise KafkaError(message)

    async def delete_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Delete what lies before an offset, by partition, as retention does."""
        rows = {
            TopicPartition(topic, partition): RecordsToDelete(offset)
            for partition, offset in before.items()
        }
        async with self._asking() as admin:
            await admin.delete_records(rows)

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Commit offsets for a group that has no members."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.direct, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            rows = {TopicPartition(topic, at): offset for at, offset in offsets.items()}
            consumer.assign(list(rows))
            await consumer.commit(rows)
        finally:
            await consumer.stop()

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[Any]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.direct, request_timeout_ms=5000)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


@contextlib.asynccontextmanager
async def brokers(properties: Mapping[str, str] | None = None) -> AsyncIterator[Brokers]:
    """Brokers that serve, and end with the block.

    Raises:
        KafkaUnavailableError: when there can be none here.
        DidNotStartError: when one does not serve in time.
    """
    layout = Layout(
        brokers=BROKERS,
        listeners={CUTTABLE: "PLAINTEXT", GUARDED: "SASL_PLAINTEXT"},
        users={USER: PASSWORD},
        properties={**PROPERTIES, **(properties or {})},
    )
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cloudflow-chaos-kafka-"))
        cluster = KafkaCluster(Path(folder), layout)
        proxies = []
        for broker, port in zip(cluster.brokers, free_ports(BROKERS), strict=True):
            _advertise(broker, port)
            target = int(broker.address(CUTTABLE).rpartition(":")[2])
            proxies.append(await stack.enter_async_context(Proxy(port, target)))
        stack.callback(cluster.stop)
        await asyncio.to_thread(cluster.format)
        await asyncio.to_thread(cluster.start)
        yield Brokers(cluster, proxies)


class _AlterBrokers(AlterTopic):
    """Changes properties of all brokers, which aiokafka cannot name."""

    def build(self, request_struct_class: Any) -> Any:
        """The request as it is sent."""
        [(_, _, changes)] = super().build(request_struct_class).resources
        return request_struct_class(resources=[(*ALL_BROKERS, changes)], validate_only=False)


def _milliseconds(time: timedelta) -> str:
    return str(time // timedelta(milliseconds=1))


def _advertise(broker: Broker, port: int) -> None:
    """Let a broker name its proxy where clients that came through it shall connect."""
    path = broker.folder / "server.properties"
    lines = path.read_text().splitlines()
    here, there = broker.address(CUTTABLE), f"127.0.0.1:{port}"
    changed = [
        line.replace(here, there) if line.startswith("advertised.listeners=") else line
        for line in lines
    ]
    path.write_text("\n".join(changed) + "\n")
