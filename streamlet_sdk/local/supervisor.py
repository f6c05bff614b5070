"""Keeps one replica of a streamlet running, as Kubernetes would: restart with growing delays."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from streamlet_sdk.delivery import Retry
from streamlet_sdk.runtime.life import Stop, lived
from streamlet_sdk.runtime.runner import StreamletRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.runtime.assembly import Surroundings
    from streamlet_sdk.streamlet import Streamlet

logger = logging.getLogger(__name__)

State = Literal["starting", "running", "restarting", "stopped"]
RESTART = Retry(backoff=timedelta(seconds=1), max_backoff=timedelta(minutes=1))
# After this long without a failure the delays begin anew.
STABLE_SECONDS = 60.0


class Supervisor:
    """One replica: its runner, and a new one after each failure.

    Attributes:
        name: the replica's own name.
        state: `restarting` while it waits after a failure.
        restarts: how often it was started again.
        failures: how often it failed in a row.
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
        self.failures = 0
        self.error: Exception | None = None
        self.runner: StreamletRunner | None = None
        self._cls = cls
        self._surroundings = surroundings
        self._stop = Stop()
        self._task: asyncio.Task[None] | None = None
        self.changed = asyncio.Event()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def running(self) -> None:
        """Everything of a replica is started."""
        self._enter("running")

    def failed(self, error: Exception) -> None:
        """A life ends."""
        self.error = error

    async def begun(self) -> None:
        """Wait until it has run for the first time or has failed."""
        while self.state == "starting":
            self.changed.clear()
            await self.changed.wait()

    async def stop(self, drain: timedelta | None = None) -> None:
        """Drain and stop; `drain` instead of the configured time."""
        self._stop.wish(drain)
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
        loop = asyncio.get_running_loop()
        while not self._stop.wished:
            began = loop.time()
            runner = self.runner = StreamletRunner(self._cls, self.config, self._surroundings())
            self.error = await lived(runner, self._stop, self) or self.error
            if self._stop.wished:
                break
            self.failures = 1 if loop.time() - began > STABLE_SECONDS else self.failures + 1
            delay = RESTART.wait(self.failures, 0)
            logger.error(
                "%s failed and starts again in %.0f s: %s",
                self.config.streamlet,
                delay.total_seconds(),
                self.error,
                exc_info=self.error,
            )
            self._enter("restarting")
            await self._stop.within(delay)
            self.restarts += 1
        self._enter("stopped")
