"""One life of a streamlet: start, run until it fails or is asked to stop, and end well.

Whoever keeps a streamlet alive (a pod's process, the sandbox) calls it; what follows a failure is
theirs to decide.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from streamlet_sdk.runtime.attempts import Attempt

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from streamlet_sdk.runtime.runner import StreamletRunner

logger = logging.getLogger(__name__)

# A failed instance is given little time: what it cannot finish is read again anyway.
FAILED_DRAIN: Final = timedelta(seconds=1)


class Stop:
    """The wish that a streamlet ends.

    Attributes:
        drain: how long it may take to finish; the configured time when absent.
    """

    def __init__(self) -> None:
        """Nobody wishes it yet."""
        self.drain: timedelta | None = None
        self._wished = asyncio.Event()

    def wish(self, drain: timedelta | None = None) -> None:
        """Ask for the end."""
        self.drain = drain
        self._wished.set()

    @property
    def wished(self) -> bool:
        """Whether the end was asked for."""
        return self._wished.is_set()

    async def within(self, delay: timedelta) -> bool:
        """Wait for the wish; false when it did not come within `delay`."""
        try:
            async with asyncio.timeout(delay.total_seconds()):
                await self._wished.wait()
        except TimeoutError:
            return False
        return True

    async def wait(self) -> None:
        """Wait for the wish."""
        await self._wished.wait()

    async def leaves_time_for(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work`; false, and `work` cancelled, when the wish comes before it is done.

        Raises:
            Exception: whatever `work` raises.
        """
        loop = asyncio.get_running_loop()
        doing = loop.create_task(work)
        stopping = loop.create_task(self.wait())
        await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.wait((doing,))
        if doing.cancelled():
            return False
        doing.result()
        return True


class Witness(Protocol):
    """Who is told of a life while it lasts."""

    def running(self) -> None:
        """Everything is started."""
        ...

    def failed(self, error: Exception) -> None:
        """It ends with `error`; what it holds is let go next."""
        ...


async def lived(runner: StreamletRunner, stop: Stop, witness: Witness) -> Exception | None:
    """Run `runner` to its end; the error that ended it, or none when it was asked to stop.

    Failures are counted, and the streamlet's own `stop` is called, also after one.
    """
    with Attempt() as life:
        # The user's own `start` may wait for something that never comes.
        if await stop.leaves_time_for(runner.start()):
            witness.running()
            await _ended(runner, stop)
    failed = life.error is not None
    if life.error is not None:
        witness.failed(life.error)
    told = runner.failure.done()  # and counted, by the runner itself
    runner.counters.failed += failed and not told
    with Attempt() as end:
        await runner.stop(leave=not failed, drain=FAILED_DRAIN if failed else stop.drain)
        if not told and not runner.failure.cancel():
            # A hook, or the last commits, failed during the stop.
            runner.failure.result()
    if end.error is not None:
        runner.counters.failed += not runner.failure.done() or runner.failure.cancelled()
        logger.error("%s did not stop well", runner.config.streamlet, exc_info=end.error)
    # What ended it comes first; a `stop` after it often fails only because of it.
    return life.error or end.error


async def _ended(runner: StreamletRunner, stop: Stop) -> None:
    """Wait until the runner fails, which raises, or a stop is asked for."""
    stopping = asyncio.get_running_loop().create_task(stop.wait())
    try:
        await asyncio.wait((stopping, runner.failure), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    if runner.failure.done():
        runner.failure.result()
