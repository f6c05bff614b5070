"""The application on its broker, not started yet: what a session runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_cli import render
from cloudflow_cli.sandbox import scope
from cloudflow_cli.sandbox.grounds import ground
from cloudflow_cli.sandbox.logs import speaker
from cloudflow_cli.sandbox.ports import HOST
from streamlet_sdk.blueprint.resolution import kafka_name
from streamlet_sdk.local.application import LocalApplication, LocalPlan, LocalStreamlet
from streamlet_sdk.runtime.assembly import Surroundings
from streamlet_sdk.runtime.transport import TopicSpec
from streamlet_sdk.runtime.watchdog import Watchdog, code_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflow_cli.sandbox.grounds import Ground
    from cloudflow_cli.sandbox.prepared import Prepared
    from cloudflow_cli.sandbox.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """An application and what it runs on."""

    prepared: Prepared
    ground: Ground
    application: LocalApplication
    watchdog: Watchdog
    namespace: str

    def topic(self, id_: str) -> str:
        """The name on the broker of a topic that runs.

        Raises:
            UsageError: when there is none.
        """
        topics = self.prepared.running.topics
        if id_ not in topics:
            raise scope.unknown("topic", id_, topics)
        return kafka_name(topics[id_], f"{self.namespace}.{self.prepared.project.name}")

    async def records(self, id_: str) -> int:
        """How many records a topic has."""
        return await self.ground.unread(self.topic(id_), {})

    async def left(self) -> AsyncIterator[str]:
        """What nobody processed to the end, by inlet, for people; once everything has stopped."""
        admin = self.ground.transport("summary").admin()
        try:
            for streamlet, inlet, topic in self._shared_inlets():
                group = self.prepared.configs[streamlet].group(inlet)
                count = await self.ground.unread(topic, await admin.offsets(group))
                if count:
                    yield f"{streamlet}.{inlet} leaves {render.count(count, 'record')}"
        finally:
            await admin.close()

    def _shared_inlets(self) -> Iterator[tuple[str, str, str]]:
        """Streamlet, inlet and topic of the inlets that read everything as a group."""
        for name, streamlet in self.prepared.running.streamlets.items():
            ports = self.prepared.configs[name].ports
            for inlet in streamlet.descriptor.inlets:
                if not inlet.broadcast and inlet.start == "earliest":
                    yield name, inlet.name, ports[inlet.name].kafka_name


def host(prepared: Prepared, request: Request) -> Hosted:
    """Bring an application and its broker together."""
    broker = ground(request.kafka)
    watchdog = Watchdog(min(one.settings.block_warning for one in prepared.configs.values()))
    plan = LocalPlan(
        streamlets=[
            LocalStreamlet(
                cls=prepared.classes.of(name), config=config, replicas=prepared.replicas(name)
            )
            for name, config in prepared.configs.items()
        ],
        topics=list(_topics(prepared, request.namespace)),
        transport=broker.transport,
        surroundings=_Surrounding(prepared, watchdog).surroundings,
        host=HOST,
    )
    return Hosted(
        prepared=prepared,
        ground=broker,
        application=LocalApplication(plan),
        watchdog=watchdog,
        namespace=request.namespace,
    )


def _topics(prepared: Prepared, namespace: str) -> Iterator[TopicSpec]:
    prefix = f"{namespace}.{prepared.project.name}"
    for topic in prepared.running.topics.values():
        yield TopicSpec(
            name=kafka_name(topic, prefix),
            partitions=prepared.partitions(topic),
            replication_factor=topic.replication_factor,
            config=topic.config,
        )


@dataclass(frozen=True, slots=True)
class _Surrounding:
    """Tells log and watchdog of each replica when it starts."""

    prepared: Prepared
    watchdog: Watchdog

    def surroundings(self, **given: Any) -> Surroundings:
        """Called in the task of a replica, whose tasks inherit what is set here."""
        made = Surroundings(**given)
        name = made.replica.rpartition("-")[0]
        speaker.set(self.prepared.name(name, made.replica))
        self.watchdog.watch(code_of(self.prepared.classes.of(name)), made.counters)
        return made
