"""A pod at work: connects, runs the streamlet, and waits for a broker that is away.

Made and run by the process; answers the probes' questions from any thread.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from streamlet_sdk.delivery import Retry
from streamlet_sdk.errors import CloudflowError, UnavailableError
from streamlet_sdk.runtime.assembly import Surroundings
from streamlet_sdk.runtime.counters import Counters
from streamlet_sdk.runtime.health import Health
from streamlet_sdk.runtime.instances import instance
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.life import Stop, lived
from streamlet_sdk.runtime.pod import metrics
from streamlet_sdk.runtime.pod.probes import Probes
from streamlet_sdk.runtime.ports import Cluster, bindings
from streamlet_sdk.runtime.runner import StreamletRunner
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.runtime.watchdog import Watchdog, code_of
from streamlet_sdk.serde import SchemaBook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

    from streamlet_sdk.runtime.pod.files import Contract, KafkaCluster
    from streamlet_sdk.streamlet import Streamlet

logger = logging.getLogger(__name__)

DISTRIBUTION: Final = "cloudflow-streamlets"
RECONNECT: Final = Retry(backoff=timedelta(seconds=1), max_backoff=timedelta(seconds=15))
# A sync handler may hold the loop for long; after this nothing good is to be expected.
STUCK: Final = timedelta(seconds=60)


class Pod:
    """One streamlet in a process of its own; `run` returns once it was asked to stop."""

    def __init__(self, cls: type[Streamlet], told: Contract, replica: str) -> None:
        """Connect nothing yet."""
        self.stop = Stop()
        self._cls = cls
        self._told = told
        self._replica = replica
        self._counters = Counters()
        self._health = Health()
        self._runner: StreamletRunner | None = None
        self._state = "starting"
        self._watchdog = Watchdog(told.config.settings.block_warning)
        self._watchdog.watch(code_of(cls), self._counters)

    async def run(self, port: int) -> None:
        """Serve probes on `port` and work until asked to stop.

        Raises:
            CloudflowError: when waiting does not help, or `port` is taken.
            Exception: what ended the streamlet.
        """
        try:
            probes = Probes(self, metrics.application(self._observed()), port)
        except OSError as error:
            raise CloudflowError(
                f"port {port} of probes and metrics cannot be used: {error.strerror}",
                hint="name another one with --port, or end what has it",
            ) from error
        probes.start()
        self._watchdog.start()
        logger.info("Probes and metrics are on port %d", probes.port)
        try:
            # First, for a broker that is away must not hide what is wrong here.
            instance(self._cls, self._told.config)
            bindings(self._cls, self._told.config)
            await self._live()
        finally:
            self._watchdog.stop()
            probes.stop()

    def why_not_alive(self) -> Iterator[str]:
        """Why a restart would help."""
        if (late := self._watchdog.late) > STUCK.total_seconds():
            yield f"the event loop has not turned for {late:.0f} s: {self._watchdog.culprit()}"
        for inlet, lines in list(self._health.stuck.items()):
            yield from (f"inlet {inlet}: {line}" for line in lines)

    def why_not_ready(self) -> Iterator[str]:
        """Why it cannot do its work now."""
        state = "stopping" if self.stop.wished and self._state == "running" else self._state
        if state != "running":
            yield f"the streamlet is {state}"
        elif self._runner is not None:
            # Until then nobody can do without the replica that this one shall take the place of.
            yield from (f"inlet {name}: it joins its group" for name in self._runner.joining)
        for where, what in self._health.troubles.items():
            yield f"{where}: {what}"

    def _observed(self) -> metrics.Observed:
        return metrics.Observed(
            config=self._told.config,
            sdk_version=version(DISTRIBUTION),
            counters=self._counters,
            loop_lag=self._watchdog.lag,
            troubles=lambda: self._health.troubles,
            is_ready=lambda: not any(self.why_not_ready()),
            own=self._own_metrics,
        )

    def _own_metrics(self) -> CollectorRegistry | None:
        streamlet = self._runner.streamlet if self._runner is not None else None
        return streamlet.context.metrics.registry if streamlet is not None else None

    async def _live(self) -> None:
        failures = 0
        while not self.stop.wished:
            error = await self._once()
            if error is None:
                continue
            if self._state != "starting":
                raise error
            failures += 1
            hint = f" ({error.hint})" if isinstance(error, UnavailableError) and error.hint else ""
            logger.debug("It could not start, %d times now: %s", failures, error)
            self._health.trouble("start", f"{error}{hint}")
            await self.stop.within(RECONNECT.wait(failures, 0))
        self._state = "stopped"

    async def _once(self) -> Exception | None:
        """Connect and live once; what went wrong, if anything did."""
        async with AsyncExitStack() as open_:
            clusters: dict[str, Cluster] = {}
            try:
                if not await self.stop.leaves_time_for(self._connect(clusters, open_)):
                    return None
            except UnavailableError as error:
                return error
            surroundings = Surroundings(
                clusters=clusters,
                replica=self._replica,
                counters=self._counters,
                health=self._health,
            )
            runner = self._runner = StreamletRunner(self._cls, self._told.config, surroundings)
            return await lived(runner, self.stop, self)

    def running(self) -> None:
        """Everything is started."""
        self._state = "running"
        self._health.well("start")
        logger.info("%s runs", self._told.config.streamlet)

    def failed(self, error: Exception) -> None:
        """The streamlet ends."""
        if self._state == "running" or not isinstance(error, UnavailableError):
            self._state = "failed"

    async def _connect(self, clusters: dict[str, Cluster], open_: AsyncExitStack) -> None:
        for name, cluster in self._told.clusters.items():
            clusters[name] = await self._cluster(cluster, open_)

    async def _cluster(self, cluster: KafkaCluster, open_: AsyncExitStack) -> Cluster:
        config = self._told.config
        client = f"{config.namespace}.{config.application}.{self._replica}"
        transport = KafkaTransport(cluster.servers, cluster.properties, client=client)
        open_.push_async_callback(transport.close)
        schemas = SchemaTopic(transport, SchemaBook())
        await schemas.start()
        open_.push_async_callback(schemas.close)
        return Cluster(transport, schemas)
