"""Puts one instance together: its inlets, sources and server, from class and configuration."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from streamlet_sdk.blueprint.problems.settings import ExactlyOnceImpossible
from streamlet_sdk.contract import dead_letter_port
from streamlet_sdk.delivery import Retry
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.handlers import Batches, Each, Source, Undecodable, roles
from streamlet_sdk.runtime.counters import Counters
from streamlet_sdk.runtime.failures import Policy
from streamlet_sdk.runtime.handling import Handler
from streamlet_sdk.runtime.health import Health
from streamlet_sdk.runtime.inlet import InletRunner
from streamlet_sdk.runtime.inlet_plan import InletPlan
from streamlet_sdk.runtime.ports import codec, declared
from streamlet_sdk.runtime.positions import PositionStore
from streamlet_sdk.runtime.sources import SourcePlan, SourceRunner
from streamlet_sdk.runtime.transport import ConsumerSpec
from streamlet_sdk.runtime.work import Stage
from streamlet_sdk.serde import json_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor

    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.ingress.web import WebServer
    from streamlet_sdk.ports import Inlet
    from streamlet_sdk.runtime.counters import InletCounters
    from streamlet_sdk.runtime.emitting import OutletWriter
    from streamlet_sdk.runtime.outbox import Outbox
    from streamlet_sdk.runtime.ports import Cluster
    from streamlet_sdk.streamlet import Streamlet

SOURCE_RESTART = Retry(backoff=timedelta(seconds=1), max_backoff=timedelta(minutes=1))
UNBOUNDED = 1_000_000


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What a runner is given by whoever runs it.

    Attributes:
        clusters: by name; every binding's cluster must be here.
        replica: which replica this is; a pod's name on a cluster.
        counters: kept over restarts.
        health: told what stands in the way.
        now_ms: milliseconds since the epoch.
        chance: random in [0, 1), for jitter.
        host: where servers listen; None: they do not, whoever has the runner asks them.
    """

    clusters: Mapping[str, Cluster]
    replica: str = "0"
    counters: Counters = field(default_factory=Counters)
    health: Health = field(default_factory=Health)
    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    chance: Callable[[], float] = random.random
    host: str | None = str(IPv4Address(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Makes the parts of one instance; nothing runs before they are started."""

    streamlet: Streamlet
    config: StreamletConfig
    surroundings: Surroundings
    outbox: Outbox
    writers: Mapping[str, OutletWriter]
    threads: Executor
    failed: Callable[[Exception], None]

    def inlets(self) -> Iterator[InletRunner]:
        """A runner for every inlet."""
        inlets, _ = declared(type(self.streamlet))
        for attribute, role in roles(type(self.streamlet)).items():
            if isinstance(role, (Each, Batches)):
                call = getattr(self.streamlet, attribute)
                handler = Handler(call, role, self.config.settings.max_emissions)
                plan = self._inlet_plan(inlets[role.inlet.name], handler, role)
                yield InletRunner(plan, self._cluster(role.inlet.name).transport)

    def sources(self) -> Iterator[SourceRunner]:
        """A runner for every source."""
        for attribute, role in roles(type(self.streamlet)).items():
            if isinstance(role, Source):
                yield SourceRunner(self._source_plan(attribute, role))

    def server(self) -> WebServer | None:
        """The streamlet's server, if it is one."""
        if not hasattr(type(self.streamlet), "__server__"):
            return None
        # Imported late: only servers need the packages of the `http` extra.
        from streamlet_sdk.ingress.servers import HttpServer
        from streamlet_sdk.ingress.web import WebServer

        assert isinstance(self.streamlet, HttpServer)
        _, outlets = declared(type(self.streamlet))
        readers = {
            name: partial(json_value, codec(outlet, self._cluster(name)))
            for name, outlet in outlets.items()
        }
        return WebServer(self.streamlet, self.config.settings, readers)

    def _cluster(self, port: str) -> Cluster:
        return self.surroundings.clusters[self.config.ports[port].cluster]

    def _inlet_plan(self, inlet: Inlet[Any], handler: Handler, role: Each | Batches) -> InletPlan:
        config = self.config
        binding = config.ports[inlet.name]
        spec = ConsumerSpec(
            topic=binding.kafka_name,
            group=None if inlet.broadcast else config.group(inlet.name),
            member=f"{self.surroundings.replica}.{inlet.name}",
            properties=binding.properties,
        )
        stage = self._stage(inlet, handler, role)
        exactly_once = stage.policy.delivery.guarantee == "exactly-once"
        return InletPlan(
            name=inlet.name,
            spec=spec,
            lane=self._lane_properties(inlet.name) if exactly_once else {},
            start=inlet.start,
            settings=config.settings,
            stage=stage,
            assigned=self.streamlet.partitions_assigned,
            revoked=self.streamlet.partitions_revoked,
        )

    def _lane_properties(self, inlet: str) -> dict[str, str]:
        """What the outlets ask of a producer, for one that writes to all of them.

        Raises:
            ConfigurationError: when they ask for different things.
        """
        _, outlets = declared(type(self.streamlet))
        merged: dict[str, str] = {}
        for port in outlets:
            for name, value in self.config.ports[port].properties.items():
                if merged.setdefault(name, value) != value:
                    reason = f"its outlets ask for different values of {name}"
                    path = f"{self.config.streamlet}.{inlet}"
                    problem = ExactlyOnceImpossible(path=path, inlet=inlet, reason=reason)
                    raise ConfigurationError([problem])
        return merged

    def _stage(self, inlet: Inlet[Any], handler: Handler, role: Each | Batches) -> Stage:
        cluster = self._cluster(inlet.name)
        timeout = self.config.settings.schema_timeout
        topic = self.config.ports[inlet.name].kafka_name
        counters = self.surroundings.counters.inlet(inlet.name, topic)
        return Stage(
            handler=handler,
            decode=codec(inlet, cluster).decode,
            undecodable=self._repair(inlet.name),
            tombstones=inlet.tombstones,
            writers=self.writers,
            outbox=self.outbox,
            policy=self._policy(inlet, counters),
            counters=counters,
            schema_known=lambda fingerprint: cluster.schemas.known(fingerprint, timeout),
            slots=asyncio.Semaphore(role.concurrency or UNBOUNDED),
            threads=self.threads,
            chance=self.surroundings.chance,
            failed=self.failed,
        )

    def _repair(self, inlet: str) -> Callable[[bytes, Exception], Any] | None:
        for attribute, role in roles(type(self.streamlet)).items():
            if isinstance(role, Undecodable) and role.inlet.name == inlet:
                hook: Callable[[bytes, Exception], Any] = getattr(self.streamlet, attribute)
                return hook
        return None

    def _policy(self, inlet: Inlet[Any], counters: InletCounters) -> Policy:
        config = self.config
        override = config.delivery.get(inlet.name)
        return Policy(
            delivery=inlet.delivery if override is None else override.over(inlet.delivery),
            application=config.application,
            streamlet=config.streamlet,
            inlet=inlet.name,
            counters=counters,
            dead_letters=self.writers.get(dead_letter_port(inlet.name)),
        )

    def _source_plan(self, attribute: str, role: Source) -> SourcePlan:
        config = self.config
        store = None
        if role.position is not None:
            _, outlets = declared(type(self.streamlet))
            first = next(iter(outlets))
            transport = self._cluster(first).transport
            store = PositionStore(transport, config.own_name(first, attribute))
        return SourcePlan(
            name=f"{config.streamlet}.{attribute}",
            role=role,
            generate=getattr(self.streamlet, attribute),
            store=store,
            writers=self.writers,
            outbox=self.outbox,
            counters=self.surroundings.counters,
            threads=self.threads,
            restart=SOURCE_RESTART,
            chance=self.surroundings.chance,
            failed=self.failed,
        )
