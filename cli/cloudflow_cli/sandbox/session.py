"""One run of an application: streamlets, feeds and taps, until something says stop.

Everything is on one event loop. It ends in this order: nothing is fed any more, the streamlets
drain, the taps see what came until then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudflow_cli import render
from cloudflow_cli.sandbox import feeding, live, waiting
from cloudflow_cli.sandbox.request import IDLE
from cloudflow_cli.sandbox.status import statuses
from cloudflow_cli.sandbox.stop import Why
from cloudflow_cli.sandbox.summary import Summary
from streamlet_sdk.errors import CloudflowError, ProblemsError
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.tap import Tap
from streamlet_sdk.runtime.threads import DaemonThreads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cloudflow_cli.sandbox.feeding import RecordFile
    from cloudflow_cli.sandbox.hosting import Hosted
    from cloudflow_cli.sandbox.logs import Log
    from cloudflow_cli.sandbox.request import Until
    from cloudflow_cli.sandbox.sink import Sink
    from cloudflow_cli.sandbox.stop import Stop
    from cloudflow_cli.sandbox.tapping import Shown
    from streamlet_sdk.records import Record

logger = logging.getLogger(__name__)

# In a row; with the delays between them that is a quarter of a minute, in which an outside system
# may come up.
FAILURES: Final = 5


@dataclass(frozen=True, slots=True)
class Tapped:
    """A topic, how its records are shown, and where."""

    shown: Shown
    sink: Sink

    def seen(self, record: Record[bytes | None]) -> None:
        """Show one record."""
        self.sink.write(self.shown.line(record))


@dataclass(slots=True, kw_only=True)
class Session:
    """Runs once."""

    hosted: Hosted
    stop: Stop
    log: Log
    until: Until
    feeds: Sequence[RecordFile] = ()
    tapped: Sequence[Tapped] = ()
    _taps: list[Tap] = field(default_factory=list)

    async def run(self) -> Summary:
        """Run until something asks to stop, then drain.

        Raises:
            TransportError: when the broker refuses a topic.
        """
        began = time.monotonic()
        application = self.hosted.application
        application.active = len(self.feeds)
        self.hosted.watchdog.start()
        async with live.view(application, self.log):
            try:
                unfinished = await self._until_asked()
            finally:
                await application.stop()
                await self._close_taps()
                self.hosted.watchdog.stop()
        topics = self.hosted.prepared.running.topics
        left = [sentence async for sentence in self.hosted.left()]
        records = {id_: await self.hosted.records(id_) for id_ in topics}
        await self.hosted.ground.close()
        return Summary(
            why=self._why(),
            seconds=time.monotonic() - began,
            streamlets=list(statuses(application)),
            topics=records,
            implicit=[id_ for id_, topic in topics.items() if topic.implicit],
            unfinished=[*unfinished, *left],
        )

    async def _until_asked(self) -> list[str]:
        """Run; what is not processed when time is over."""
        application = self.hosted.application
        await application.prepare()
        await self._open_taps()
        conducting = asyncio.get_running_loop().create_task(self._conduct())
        why = await self.stop.asked()
        conducting.cancel()
        await asyncio.wait((conducting,))
        is_unfinished = why in (Why.TIMEOUT, Why.FAILING)
        return waiting.unfinished(application) if is_unfinished else []

    def _why(self) -> Why:
        """Why it ended; a tap that failed while it did counts too."""
        errors = [sink.error for sink in self._sinks()]
        if any(error and not isinstance(error, BrokenPipeError) for error in errors):
            return Why.TAP
        return self.stop.why or Why.ASKED

    async def _conduct(self) -> None:
        """Start everything, feed, and ask to stop when that is due."""
        with Attempt() as attempt:
            application = self.hosted.application
            await application.start()
            logger.info("Running")
            if self.feeds:
                await waiting.claimed(application)
                threads = DaemonThreads("feed")
                await asyncio.gather(*(self._feed(file, threads) for file in self.feeds))
            if self.until == IDLE:
                is_idle = await application.until_idle(give_up_after=FAILURES)
                self.stop.ask(Why.IDLE if is_idle else Why.FAILING)
        if attempt.error is not None:
            logger.error("The application does not run", exc_info=attempt.error)
            self.stop.ask(Why.START)

    async def _feed(self, file: RecordFile, threads: DaemonThreads) -> None:
        application, topic = self.hosted.application, file.request.topic
        count = 0
        with Attempt() as attempt:
            name = self.hosted.topic(topic)
            count = await feeding.write(file, application.cluster, name, threads)
        if attempt.error is not None:
            logger.error("Feeding %s failed\n%s", topic, _said(attempt.error, file))
            self.stop.ask(Why.FEED)
            return
        logger.info("Fed %s into %s", render.count(count, "record"), topic)
        application.active -= 1

    async def _open_taps(self) -> None:
        """Read from the beginning, past the end of the application's own clients."""
        transport = self.hosted.ground.transport("taps")
        for sink in self._sinks():
            sink.start()
        for each in self.tapped:
            name = self.hosted.topic(each.shown.topic)
            tap = Tap(transport, name, each.seen, each.sink.room)
            self._taps.append(tap)
            await tap.start()

    async def _close_taps(self) -> None:
        for tap in self._taps:
            await tap.caught_up()
            await tap.close()
        for sink in self._sinks():
            await sink.close()

    def _sinks(self) -> Iterator[Sink]:
        """Every sink once: several topics may be tapped to stdout."""
        return iter({id(each.sink): each.sink for each in self.tapped}.values())


def _said(error: Exception, file: RecordFile) -> str:
    if isinstance(error, ProblemsError):
        name = render.short(file.request.name)
        return "\n".join(render.problem_text(one, name, verbose=False) for one in error.problems)
    hint = f"\n  {error.hint}" if isinstance(error, CloudflowError) and error.hint else ""
    return f"{type(error).__name__}: {error}{hint}"
