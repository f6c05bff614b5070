"""Runs the streamlets of an application side by side on one transport."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamlet_sdk.local.idle import Quiet
from streamlet_sdk.local.supervisor import Supervisor
from streamlet_sdk.runtime.assembly import Surroundings
from streamlet_sdk.runtime.counters import Counters
from streamlet_sdk.runtime.ports import Cluster
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.serde import SchemaBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.runtime.inlet import InletRunner
    from streamlet_sdk.runtime.transport import TopicSpec, Transport
    from streamlet_sdk.streamlet import Streamlet

logger = logging.getLogger(__name__)

IDLE_CHECK_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStreamlet:
    """A streamlet to run: its class, what it is told, and how many of it."""

    cls: type[Streamlet]
    config: StreamletConfig
    replicas: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlan:
    """An application to run.

    Attributes:
        topics: made before anything starts, unless they exist.
        transport: a client of the broker, by a name; one is made for each replica.
        host: where servers listen.
    """

    streamlets: Sequence[LocalStreamlet]
    topics: Sequence[TopicSpec]
    transport: Callable[[str], Transport]
    surroundings: Callable[..., Surroundings] = Surroundings
    host: str = "127.0.0.1"


@dataclass(slots=True)
class Running:
    """One streamlet at work."""

    counters: Counters
    replicas: list[Supervisor] = field(default_factory=list)


class LocalApplication:
    """An application in this process.

    Attributes:
        streamlets: what runs, by name.
        cluster: the broker, for feeding and tapping.
        active: feeds that have not ended; the application is not idle while there are any.
    """

    def __init__(self, plan: LocalPlan) -> None:
        """Start nothing yet."""
        self.plan = plan
        self.streamlets: dict[str, Running] = {}
        self.active = 0
        transport = plan.transport("platform")
        self.cluster = Cluster(transport, SchemaTopic(transport, SchemaBook()))
        # One for all looks at the topics; closed with its transport.
        self._admin = transport.admin()
        self._made: dict[str, Transport] = {}
        self._is_prepared = False

    async def prepare(self) -> None:
        """Make the topics, so that they can be tapped before anything is written.

        Raises:
            TransportError: when the broker is not there or refuses a topic.
        """
        if not self._is_prepared:
            await self._make_topics()
            await self.cluster.schemas.start()
            self._is_prepared = True

    async def start(self) -> None:
        """Prepare and start every streamlet; returns once each has run or failed once.

        Raises:
            TransportError: when the broker is not there or refuses a topic.
        """
        await self.prepare()
        for streamlet in self.plan.streamlets:
            self._launch(streamlet)
        await asyncio.gather(*(supervisor.begun() for supervisor in self.supervisors))

    async def stop(self, drain: timedelta | None = None) -> None:
        """Drain and stop everything."""
        await asyncio.gather(*(supervisor.stop(drain) for supervisor in self.supervisors))
        await self.cluster.schemas.close()
        for transport in (*self._made.values(), self.cluster.transport):
            await transport.close()

    async def until_idle(self, *, give_up_after: int | None = None) -> bool:
        """Wait until everything fed is processed to the end: no record unread or in flight.

        False when a replica failed `give_up_after` times in a row instead.
        """
        quiet = Quiet(self)
        while True:
            if await quiet.check():
                return True
            failures = max((one.failures for one in self.supervisors), default=0)
            if give_up_after is not None and failures >= give_up_after:
                return False
            await asyncio.sleep(IDLE_CHECK_SECONDS)

    async def partitions(self) -> Mapping[str, int]:
        """How many partitions each topic has that is read here; only topics that exist."""
        names = sorted({inlet.plan.spec.topic for inlet in self.inlets})
        known = await self._admin.topics(names)
        return {name: info.partitions for name, info in known.items() if info is not None}

    @property
    def inlets(self) -> Sequence[InletRunner]:
        """Every inlet of every replica that has been started."""
        runners = (supervisor.runner for supervisor in self.supervisors)
        return [inlet for runner in runners if runner is not None for inlet in runner.inlets]

    @property
    def supervisors(self) -> Sequence[Supervisor]:
        """Every replica of every streamlet."""
        return [replica for running in self.streamlets.values() for replica in running.replicas]

    @property
    def counters(self) -> Mapping[str, Counters]:
        """What each streamlet has done, over all replicas and restarts."""
        return {name: running.counters for name, running in self.streamlets.items()}

    async def _make_topics(self) -> None:
        known = await self._admin.topics([spec.name for spec in self.plan.topics])
        for spec in self.plan.topics:
            if known[spec.name] is None:
                await self._admin.create(spec)

    def _launch(self, streamlet: LocalStreamlet) -> None:
        running = Running(Counters())
        self.streamlets[streamlet.config.streamlet] = running
        for number in range(streamlet.replicas):
            supervisor = self._supervisor(streamlet, running.counters, number)
            running.replicas.append(supervisor)
            supervisor.start()

    def _supervisor(self, streamlet: LocalStreamlet, counters: Counters, number: int) -> Supervisor:
        config = streamlet.config
        name = f"{config.streamlet}-{number}"
        if number and config.server_port:
            # Pods have addresses of their own; here replicas share one and count ports up.
            config = config.model_copy(update={"server_port": config.server_port + number})
        transport = self._made[name] = self.plan.transport(name)
        # Each replica is a client of its own; schemas are followed once for all.
        cluster = Cluster(transport, self.cluster.schemas)
        names = {binding.cluster for binding in config.ports.values()} or {"default"}

        def surroundings() -> Surroundings:
            return self.plan.surroundings(
                clusters=dict.fromkeys(names, cluster),
                replica=name,
                counters=counters,
                host=self.plan.host,
            )

        return Supervisor(streamlet.cls, config, surroundings, name)
