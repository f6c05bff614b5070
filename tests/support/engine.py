"""A streamlet on the embedded broker, driven as the sandbox drives it; for tests of the engine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.contract import (
    Binding,
    DeliveryOverride,
    ParameterSource,
    Settings,
    StreamletConfig,
    dead_letter_port,
)
from streamlet_sdk.local.application import LocalApplication, LocalPlan, LocalStreamlet
from streamlet_sdk.local.wires import Fed, Feed
from streamlet_sdk.runtime.assembly import Surroundings
from streamlet_sdk.runtime.ports import declared
from streamlet_sdk.runtime.transport import TopicSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.broker.topics import StoredRecord
    from streamlet_sdk.local.supervisor import Supervisor
    from streamlet_sdk.runtime.counters import Counters
    from streamlet_sdk.streamlet import Streamlet

STREAMLET = "worker"


def a_config(
    cls: type[Streamlet],
    *,
    settings: Mapping[str, Any] | None = None,
    delivery: Mapping[str, Any] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> StreamletConfig:
    """A configuration that binds each port to a topic of the port's name."""
    inlets, outlets = declared(cls)
    names = [*inlets, *outlets, *map(dead_letter_port, inlets)]
    overrides = DeliveryOverride.model_validate(delivery or {})
    return StreamletConfig.model_validate(
        {
            "application": "app",
            "streamlet": STREAMLET,
            "class": f"{cls.__module__}:{cls.__name__}",
            "parameters": {k: ParameterSource(value=v) for k, v in (parameters or {}).items()},
            "settings": Settings.model_validate(settings or {}),
            "ports": {name: Binding(topic=name, kafka_name=name) for name in names},
            "delivery": dict.fromkeys(inlets, overrides),
        }
    )


class Engine:
    """One application of one streamlet; an asynchronous context."""

    def __init__(
        self,
        cls: type[Streamlet],
        *,
        config: StreamletConfig | None = None,
        partitions: int = 1,
        replicas: int = 1,
        broker: EmbeddedBroker | None = None,
    ) -> None:
        self.broker = broker or EmbeddedBroker()
        self.config = config or a_config(cls)
        self.transports: dict[str, Any] = {}
        topics = [
            TopicSpec(name=binding.kafka_name, partitions=partitions)
            for binding in self.config.ports.values()
        ]
        self.application = LocalApplication(
            LocalPlan(
                streamlets=[LocalStreamlet(cls=cls, config=self.config, replicas=replicas)],
                topics=topics,
                transport=self._transport,
                surroundings=_without_chance,
            )
        )
        self._feeds: dict[str, Feed] = {}

    async def __aenter__(self) -> Self:
        await self.application.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for feed in self._feeds.values():
            await feed.close()
        await self.application.stop()
        await self.broker.close()

    async def feed(self, port: str, *values: bytes | Fed) -> None:
        """Write records to a port's topic, in turn over its partitions."""
        if port not in self._feeds:
            self._feeds[port] = Feed(self.application.cluster, port)
        records = [value if isinstance(value, Fed) else Fed(value=value) for value in values]
        await self._feeds[port].write(records)

    async def run(self) -> None:
        """Wait until everything is processed."""
        await self.application.until_idle()

    def records(self, port: str) -> Sequence[StoredRecord]:
        """What a read-committed reader finds in a port's topic."""
        return self.broker.topic(port).records()

    def values(self, port: str) -> list[bytes | None]:
        """The values in a port's topic."""
        return [record.value for record in self.records(port)]

    async def committed(self, inlet: str) -> dict[int, int]:
        """The committed next offsets of an inlet, by partition."""
        admin = self.application.cluster.transport.admin()
        offsets = await admin.offsets(self.config.group(inlet))
        await admin.close()
        return {partition: offset for (_, partition), offset in offsets.items()}

    @property
    def counters(self) -> Counters:
        """What the streamlet has done."""
        return self.application.counters[STREAMLET]

    @property
    def replicas(self) -> Sequence[Supervisor]:
        """The replicas."""
        return self.application.supervisors

    def kill(self, replica: int) -> None:
        """Cut a replica off from the broker, as `kill -9` would."""
        self.transports[f"{STREAMLET}-{replica}"].kill()

    def _transport(self, client: str) -> Any:
        made = self.transports[client] = self.broker.transport(client=client)
        return made


def _without_chance(**given: Any) -> Surroundings:
    """Surroundings in which back-offs have no jitter and time stands still."""
    return Surroundings(**given, chance=lambda: 0.0, now_ms=lambda: 1_000)


def seconds(value: float) -> timedelta:
    """A duration."""
    return timedelta(seconds=value)
