"""The life of one instance of a streamlet: make, start, run, drain, stop.

A runner runs once. Whoever keeps the streamlet alive (a pod, the sandbox) makes a new one after
a failure, with the same counters.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.runtime.acknowledged import RunningContext
from streamlet_sdk.runtime.assembly import Assembly
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.instances import instance
from streamlet_sdk.runtime.monitor import Monitor
from streamlet_sdk.runtime.outbox import Outbox
from streamlet_sdk.runtime.ports import bindings, outlet_writers, partitions_of
from streamlet_sdk.runtime.threads import DaemonThreads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.ingress.web import WebServer
    from streamlet_sdk.runtime.assembly import Surroundings
    from streamlet_sdk.runtime.emitting import OutletWriter
    from streamlet_sdk.runtime.inlet import InletRunner
    from streamlet_sdk.runtime.sources import SourceRunner
    from streamlet_sdk.streamlet import Streamlet

logger = logging.getLogger(__name__)

PARTITIONS_EVERY_SECONDS = 30.0


class StreamletRunner:
    """Runs one instance of a streamlet class.

    Attributes:
        failure: done with the error that ended the instance, once it has failed.
        port: where its server listens, if it is one that listens.
        server: answers requests, if it is one.
    """

    def __init__(
        self, cls: type[Streamlet], config: StreamletConfig, surroundings: Surroundings
    ) -> None:
        """Make nothing before `start`."""
        self.config = config
        self.counters = surroundings.counters
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.port: int | None = None
        self.inlets: list[InletRunner] = []
        self.sources: list[SourceRunner] = []
        self._cls = cls
        self._surroundings = surroundings
        self._logger = logging.getLogger(f"streamlet.{config.streamlet}")
        transports = {name: c.transport for name, c in surroundings.clusters.items()}
        self._outbox = Outbox(
            transports, self._fail, surroundings.now_ms, health=surroundings.health
        )
        self._threads = DaemonThreads(config.streamlet)
        self._writers: dict[str, OutletWriter] = {}
        self._streamlet: Streamlet
        # Whether the streamlet's own `start` was called, so that its `stop` has to be.
        self._begun = False
        self.server: WebServer | None = None
        self._watching: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Make the instance and begin to work.

        Raises:
            ConfigurationError: with everything that is wrong in the configuration.
            CloudflowError: when a topic, a schema or the broker stands in the way.
            Exception: whatever the streamlet's own `start` raises.
        """
        config = self.config
        self._streamlet = instance(self._cls, config)
        bindings(self._cls, config)
        self._writers = await outlet_writers(self._cls, config, self._outbox, self._surroundings)
        context = RunningContext(
            application=config.application,
            streamlet=config.streamlet,
            replica=self._surroundings.replica,
            logger=self._logger,
        )
        context.attach(self._writers, self._outbox, config.settings.write_timeout)
        self._streamlet.context = context
        self._begun = True
        await self._streamlet.start()
        await self._start_work()
        health, now_ms = self._surroundings.health, self._surroundings.now_ms
        spawn = asyncio.get_running_loop().create_task
        self._watching = [
            spawn(self._watch_partitions()),
            spawn(Monitor(self.inlets, health, now_ms).watch()),
        ]

    async def stop(self, *, leave: bool = True, drain: timedelta | None = None) -> None:
        """Drain and stop: intake first, then what is in flight, then the streamlet itself.

        Args:
            leave: tell consumer groups that this replica is gone for good.
            drain: how long to wait; the configured time when absent.

        Raises:
            Exception: whatever the streamlet's own `stop` raises, or what stood in its way.
        """
        loop = asyncio.get_running_loop()
        limit = self.config.settings.drain_timeout if drain is None else drain
        deadline = loop.time() + limit.total_seconds()
        if hasattr(self, "_streamlet"):
            self._streamlet.context.stopping.set()
        with Attempt() as end:
            await self._stop_work(deadline, leave=leave)
        for task in self._watching:
            task.cancel()
        self._threads.close()
        if self._begun:
            await self._streamlet.stop()
        if end.error is not None:
            raise end.error

    @property
    def streamlet(self) -> Streamlet | None:
        """The instance, once it is made."""
        return getattr(self, "_streamlet", None)

    @property
    def joining(self) -> Sequence[str]:
        """The inlets that have not been in their group yet."""
        return [inlet.name for inlet in self.inlets if not inlet.has_joined]

    @property
    def completed(self) -> bool:
        """Whether it has sources, all of them are completed, and nothing else to do."""
        return bool(self.sources) and not self.inlets and all(s.completed for s in self.sources)

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight; what lies unread in topics is not looked at."""
        return (
            self._outbox.pending == 0
            and all(source.idle for source in self.sources)
            and all(inlet.settled for inlet in self.inlets)
            and (self.server is None or self.server.in_flight == 0)
        )

    def _fail(self, error: Exception) -> None:
        """Something ended the instance; the first error counts."""
        if self.failure.done():
            self._logger.error("Another error, after the end", exc_info=error)
            return
        self.counters.failed += 1
        self.failure.set_exception(error)

    async def _stop_work(self, deadline: float, *, leave: bool) -> None:
        if self.server is not None:
            await self.server.stop(deadline)
        await asyncio.gather(*(source.stop(deadline) for source in self.sources))
        await asyncio.gather(*(inlet.stop(deadline, leave=leave) for inlet in self.inlets))
        with Attempt() as attempt:
            async with asyncio.timeout_at(deadline):
                await self._outbox.flushed()
        if attempt.error is not None:
            self._logger.warning("Not everything was acknowledged before the stop")
        await self._outbox.close(deadline)

    async def _start_work(self) -> None:
        assembly = Assembly(
            streamlet=self._streamlet,
            config=self.config,
            surroundings=self._surroundings,
            outbox=self._outbox,
            writers=self._writers,
            threads=self._threads,
            failed=self._fail,
        )
        self.inlets = list(assembly.inlets())
        self.sources = list(assembly.sources())
        if (server := assembly.server()) is not None:
            self.server = server
            if self._surroundings.host is not None:
                self.port = await server.start(self.config.server_port, self._surroundings.host)
        for source in self.sources:
            await source.start()
        for inlet in self.inlets:
            await inlet.start()

    async def _watch_partitions(self) -> None:
        """Spread records over partitions that were added to a topic while we run."""
        while True:
            await asyncio.sleep(PARTITIONS_EVERY_SECONDS)
            for writer in self._writers.values():
                try:
                    writer.grow(await partitions_of(self._outbox, writer.binding))
                except CloudflowError as error:
                    logger.warning("The partitions of a topic are not known: %s", error)
