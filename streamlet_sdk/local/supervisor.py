"""Keeps one replica of a streamlet running, as Kubernetes would: restart with growing delays."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from streamlet_sdk.delivery import Retry
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.runner import StreamletRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.runtime.assembly import Surroundings
    from streamlet_sdk.streamlet import Streamlet

logger = logging.getLogger(__name__)

State = Literal["starting", "running", "restarting", "stopped"]
RESTART = Retry(backoff=timedelta(seconds=1), max_backoff=timedelta(minutes=1))
# A failed instance is given little time: what it cannot finish is read again anyway.
FAILED_DRAIN = timedelta(seconds=1)
# After this long without a failure the delays begin anew.
STABLE_SECONDS = 60.0


class Supervisor:
    """One replica: its runner, and a new one after each failure.

    Attributes:
        name: the replica's own name.
        state: `restarting` while it waits after a failure.
        restarts: how often it was started again.
        error: what ended it last.
    """

    def __init__(
        self,
        cls: type[Streamlet],
        config: StreamletConfig,
        surroundings: Callable[[], Surroundings],
        name: str,
    ) -> None:
        """Start nothing yet; `surroundings` are asked for at each start."""
        self.config = config
        self.name = name
        self.state: State = "starting"
        self.restarts = 0
        self.error: Exception | None = None
        self.runner: StreamletRunner | None = None
        self._cls = cls
        self._surroundings = surroundings
        self._stopping = asyncio.Event()
        self._drain: timedelta | None = None
        self._task: asyncio.Task[None] | None = None
        self.changed = asyncio.Event()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def running(self) -> None:
        """Wait until it has run for the first time or has failed."""
        while self.state == "starting":
            self.changed.clear()
            await self.changed.wait()

    async def stop(self, drain: timedelta | None = None) -> None:
        """Drain and stop; `drain` instead of the configured time."""
        self._drain = drain
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def kill(self) -> None:
        """Stop at once, without draining or committing anything."""
        await self.stop(timedelta(0))

    @property
    def idle(self) -> bool:
        """Whether it runs and nothing is in flight."""
        return self.state == "running" and self.runner is not None and self.runner.idle

    @property
    def completed(self) -> bool:
        """Whether all that it had to do is done for good."""
        return self.idle and self.runner is not None and self.runner.completed

    def _enter(self, state: State) -> None:
        self.state = state
        self.changed.set()

    async def _run(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            await self._once()
            if self._stopping.is_set():
                break
            failures = 1 if loop.time() - began > STABLE_SECONDS else failures + 1
            delay = RESTART.wait(failures, 0)
            logger.error(
                "%s failed and starts again in %.0f s: %s",
                self.config.streamlet,
                delay.total_seconds(),
                self.error,
                exc_info=self.error,
            )
            self._enter("restarting")
            await self._wait(delay)
            self.restarts += 1
        self._enter("stopped")

    async def _wait(self, delay: timedelta) -> None:
        try:
            async with asyncio.timeout(delay.total_seconds()):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _once(self) -> None:
        """Run one instance to its end; `error` says why it ended, unless it was asked to."""
        surroundings = self._surroundings()
        runner = self.runner = StreamletRunner(self._cls, self.config, surroundings)
        with Attempt() as life:
            if await self._started(runner):
                self._enter("running")
                await self._ended(runner)
        failed = life.error is not None
        told = runner.failure.done()  # and counted, by the runner itself
        if failed:
            self.error = life.error
            surroundings.counters.failed += not told
        with Attempt() as end:
            await runner.stop(leave=not failed, drain=FAILED_DRAIN if failed else self._drain)
            if not told and not runner.failure.cancel():
                # A hook, or the last commits, failed during the stop.
                runner.failure.result()
        if end.error is not None:
            surroundings.counters.failed += not runner.failure.done() or runner.failure.cancelled()
            logger.error("%s did not stop well", self.config.streamlet, exc_info=end.error)
            # What ended it comes first; a `stop` after it often fails only because of it.
            self.error = life.error or end.error

    async def _started(self, runner: StreamletRunner) -> bool:
        """Start the runner; false when a stop was asked for before that was done.

        The user's own `start` may wait for something that never comes.
        """
        loop = asyncio.get_running_loop()
        starting = loop.create_task(runner.start())
        stopping = loop.create_task(self._stopping.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait((starting,))
        if starting.cancelled():
            return False
        starting.result()
        return True

    async def _ended(self, runner: StreamletRunner) -> None:
        """Wait until the runner fails, which raises, or a stop is asked for."""
        stopping = asyncio.get_running_loop().create_task(self._stopping.wait())
        try:
            await asyncio.wait((stopping, runner.failure), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if runner.failure.done():
            runner.failure.result()
