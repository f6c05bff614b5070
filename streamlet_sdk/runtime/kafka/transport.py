"""The `Transport` to a real Kafka: one client, as one process is."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Final

from streamlet_sdk.runtime.kafka.admin import KafkaAdmin
from streamlet_sdk.runtime.kafka.client import Client
from streamlet_sdk.runtime.kafka.consumer import KafkaConsumer
from streamlet_sdk.runtime.kafka.lane import KafkaLane
from streamlet_sdk.runtime.kafka.producer import KafkaProducer
from streamlet_sdk.runtime.kafka.properties import Properties, servers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamlet_sdk.runtime.transport import ConsumerSpec

_CLOSE_SECONDS: Final = 10.0


class KafkaTransport:
    """A `Transport` to the Kafka cluster whose brokers `bootstrap` names.

    `properties` are client properties in Kafka's own names; they hold for everything that is made
    here, and what a consumer or producer is given holds for it alone. One that cannot be followed
    raises `ConfigurationError`.
    """

    def __init__(
        self,
        bootstrap: str,
        properties: Mapping[str, str] | None = None,
        *,
        client: str = "cloudflow",
    ) -> None:
        """Connect nothing yet; `client` shows in the broker's logs and quotas.

        Raises:
            ConfigurationError: when a property cannot be followed, or a server is no `host:port`.
        """
        self._bootstrap = servers(bootstrap)
        self._properties = dict(properties or {})
        self._client = client
        self._numbers = count()
        self._consumers: list[KafkaConsumer] = []
        self._producers: list[KafkaProducer] = []
        self._admins: list[KafkaAdmin] = []
        Properties(self._properties).verify()

    def consumer(self, spec: ConsumerSpec) -> KafkaConsumer:
        """A consumer that has not joined yet.

        Raises:
            ConfigurationError: when a property of `spec` cannot be followed.
        """
        properties = self._with(spec.properties)
        consumer = KafkaConsumer(self._maker(properties), spec, properties.consumer())
        self._consumers.append(consumer)
        return consumer

    async def producer(self, properties: Mapping[str, str] | None = None) -> KafkaProducer:
        """A producer, connected.

        Raises:
            ConfigurationError: when a property cannot be followed.
            UnavailableError: when no broker can be reached.
            DeniedError: when they do not accept who this is.
        """
        read = self._with(properties)
        producer = KafkaProducer(self._maker(read)(), read.producer())
        await producer.start()
        self._producers.append(producer)
        return producer

    async def lane(self, name: str, properties: Mapping[str, str] | None = None) -> KafkaLane:
        """A transactional producer, after fencing earlier ones of `name`.

        Raises:
            ConfigurationError: when a property cannot be followed.
            UnavailableError: when no broker can be reached.
            DeniedError: when they do not accept who this is.
        """
        read = self._with(properties)
        lane = KafkaLane(self._maker(read)(), read.producer(), name)
        await lane.start()
        self._producers.append(lane)
        return lane

    def admin(self) -> KafkaAdmin:
        """An admin."""
        admin = KafkaAdmin(self._maker(self._with(None)))
        self._admins.append(admin)
        return admin

    async def close(self) -> None:
        """Close what is open: consumers leave their groups, producers drop what is under way."""
        deadline = asyncio.get_running_loop().time() + _CLOSE_SECONDS
        await asyncio.gather(
            *(consumer.close(leave=True, deadline=deadline) for consumer in self._consumers),
            *(producer.close(flush=False, deadline=deadline) for producer in self._producers),
            *(admin.close() for admin in self._admins),
        )

    def _with(self, more: Mapping[str, str] | None) -> Properties:
        return Properties({**self._properties, **(more or {})})

    def _maker(self, properties: Properties) -> Callable[[], Client]:
        """Makes a client later, on the event loop; what is wrong with properties shows now."""
        name = f"{self._client}-{next(self._numbers)}"
        arguments = properties.connection()

        # No partial object: its text would show the arguments, and a password is among them.
        def make() -> Client:
            return Client(self._bootstrap, name, arguments)

        return make
