"""An application on an embedded broker, driven call by call; what both kits are made of."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.local.application import LocalApplication, LocalPlan
from streamlet_sdk.local.idle import Quiet
from streamlet_sdk.local.wires import Fed, Feed
from streamlet_sdk.runtime.assembly import Surroundings
from streamlet_sdk.runtime.transport import ConsumerSpec
from streamlet_sdk.serde import SchemaBook
from streamlet_sdk.testing.driver import Driver
from streamlet_sdk.testing.lines import Bystander, Line
from streamlet_sdk.testing.pending import Pending, named

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from streamlet_sdk.broker.topics import StoredRecord
    from streamlet_sdk.local.application import LocalStreamlet
    from streamlet_sdk.local.supervisor import Supervisor
    from streamlet_sdk.runtime.transport import TopicSpec
    from streamlet_sdk.serde import PortCodec

T = TypeVar("T")

# Every test begins at the same moment, so that timestamps can be expected.
BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
LIMIT: Final = timedelta(seconds=10)
QUIET_POLL: Final = timedelta(minutes=1)


class CrashedError(CloudflowError):
    """A test made a replica crash."""


class LeftBehindError(CloudflowError):
    """A streamlet has stopped, and tasks that it made still run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What runs on a bench.

    Attributes:
        limit: how long one call may take, in real time.
    """

    streamlets: Sequence[LocalStreamlet]
    topics: Sequence[TopicSpec]
    limit: timedelta = LIMIT


@dataclass(slots=True)
class Bench:
    """Runs a design, which starts with the first call that needs it.

    Attributes:
        schemas: known to the test; the application learns them as it would from any writer.
    """

    design: Design
    broker: EmbeddedBroker = field(default_factory=lambda: EmbeddedBroker(quiet_poll=QUIET_POLL))
    schemas: SchemaBook = field(default_factory=SchemaBook)
    _application: LocalApplication | None = None
    _driver: Driver = field(default_factory=Driver)
    _lines: dict[str, Line] = field(default_factory=dict)
    _waiting: list[tuple[str, Sequence[PortCodec[Any]], Sequence[Fed]]] = field(
        default_factory=list
    )
    _feeds: dict[str, Feed] = field(default_factory=dict)
    _seen: list[Exception] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The time as the application has it."""
        return BEGIN + timedelta(seconds=self._driver.loop.time())

    @property
    def now_ms(self) -> int:
        """The same in milliseconds since the epoch."""
        return round(self.now.timestamp() * 1000)

    def started(self) -> LocalApplication:
        """The application, running."""
        if self._application is not None:
            return self._application
        return self.call(self._running)

    def feed(self, topic: str, codecs: Sequence[PortCodec[Any]], records: Sequence[Fed]) -> None:
        """Let the next call that goes on write records; they are encoded by one of `codecs`."""
        self._waiting.append((topic, codecs, records))

    def records(self, topic: str) -> list[StoredRecord]:
        """What a reader finds in a topic, partition by partition."""
        self.started()
        return self.broker.topic(topic).records()

    def run(self, timeout: timedelta | None = None) -> None:
        """Go on until nothing is to be done, see `Kit.run`."""

        async def until_quiet() -> None:
            quiet = Quiet(await self._fed())
            while True:
                await self._driver.loop.at_rest()
                self._raise_failure()
                if await quiet.check():
                    return
                await self._driver.loop.moved()

        self.call(until_quiet, timeout)

    def advance(self, time: timedelta) -> None:
        """Let time pass, see `Kit.advance`."""

        async def pass_time() -> None:
            await self._fed()
            await asyncio.sleep(time.total_seconds())
            await self._driver.loop.at_rest()
            self._raise_failure()

        self.call(pass_time)

    def crash(self, replicas: Sequence[Supervisor]) -> None:
        """End replicas without a word, see `Kit.crash`."""

        async def die() -> None:
            await self._fed()
            for replica in replicas:
                self._lines[replica.name].kill()
                if replica.runner is not None and not replica.runner.failure.done():
                    error = CrashedError(f"{replica.name} crashed because the test said so")
                    replica.runner.failure.set_exception(error)
            while any(replica.state == "running" for replica in replicas):
                await self._driver.loop.moved()
            self._seen += [replica.error for replica in replicas if replica.error is not None]

        self.call(die)

    def restart(self) -> None:
        """Stop everything in good order and start it again, see `Kit.restart`."""
        self.started()
        self.call(self._stop)
        self.started()

    def rebalance(self, topic: str, group: str) -> None:
        """Let somebody join a group, who takes all the others' partitions away, and leave it."""

        async def disturb() -> None:
            await self._fed()
            loop = self._driver.loop
            spec = ConsumerSpec(topic=topic, group=group, member="bystander")
            consumer = self.broker.transport(client="bystander").consumer(spec)
            await consumer.start(Bystander())
            await loop.at_rest()
            await consumer.close(leave=True, deadline=loop.time())
            await loop.at_rest()
            self._raise_failure()

        self.call(disturb)

    def close(self) -> None:
        """Stop everything, unless a call was broken off.

        Raises:
            Exception: what ended a streamlet and was not raised yet.
            LeftBehindError: when a streamlet's own tasks still run.
        """
        try:
            if self._application is not None and not self._driver.is_broken:
                self.call(self._finish)
        finally:
            self._driver.close()

    def call(
        self, work: Callable[[], Coroutine[Any, Any, T]], timeout: timedelta | None = None
    ) -> T:
        """Run a coroutine on the bench's loop.

        Raises:
            StillBusyError: when it takes longer than `timeout`, in real time.
        """
        limit = self.design.limit if timeout is None else timeout
        return self._driver.call(work, limit, self._pending)

    async def _running(self) -> LocalApplication:
        if self._application is None:
            plan = LocalPlan(
                streamlets=self.design.streamlets,
                topics=self.design.topics,
                transport=self._line,
                surroundings=self._surroundings,
            )
            self._application = LocalApplication(plan)
            await self._application.start()
            # Partitions are taken over now, so that an inlet that starts at the latest record
            # has begun before anything is fed.
            await self._driver.loop.at_rest()
        return self._application

    async def _fed(self) -> LocalApplication:
        """The application, running, with everything written that was fed."""
        application = await self._running()
        waiting, self._waiting = self._waiting, []
        for topic, codecs, records in waiting:
            if topic not in self._feeds:
                self._feeds[topic] = Feed(application.cluster, topic)
            for codec in codecs:
                await self._feeds[topic].publish(codec)
            await self._feeds[topic].write(records)
        return application

    async def _stop(self) -> None:
        application = await self._fed()
        for feed in self._feeds.values():
            await feed.close()
        self._feeds.clear()
        await application.stop()
        self._application = None
        self._raise_failures(application.supervisors)

    async def _finish(self) -> None:
        await self._stop()
        await self.broker.close()
        await self._driver.loop.at_rest()
        if left := self._driver.others():
            raise LeftBehindError(
                f"after the stop these tasks still run: {', '.join(sorted(map(named, left)))}",
                hint="Cancel in `stop` what `start` and handlers began.",
            )

    def _raise_failure(self) -> None:
        application = self._application
        self._raise_failures(() if application is None else application.supervisors)

    def _raise_failures(self, supervisors: Sequence[Supervisor]) -> None:
        """Raise the first error that was not raised yet."""
        for supervisor in supervisors:
            for what, error in _errors(supervisor):
                if not any(error is seen for seen in self._seen):
                    self._seen.append(error)
                    error.add_note(f"It ended {what}, which starts again when time goes on.")
                    raise error

    def _pending(self) -> str:
        supervisors = () if self._application is None else self._application.supervisors
        return str(Pending(supervisors, self.broker, self._driver.loop))

    def _line(self, client: str) -> Line:
        self._lines[client] = Line(self.broker, client)
        return self._lines[client]

    def _surroundings(self, **given: Any) -> Surroundings:
        """Surroundings without chance and sockets, in which time is the loop's."""
        self._lines[given["replica"]].revive()
        given["host"] = None
        return Surroundings(**given, chance=lambda: 0.0, now_ms=lambda: self.now_ms)


def _errors(supervisor: Supervisor) -> Iterator[tuple[str, Exception]]:
    if supervisor.error is not None:
        yield supervisor.name, supervisor.error
    for source in supervisor.runner.sources if supervisor.runner is not None else ():
        if source.error is not None:
            yield f"the source {source.plan.name}", source.error
