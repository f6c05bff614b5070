"""An application on an embedded broker, driven call by call; what both kits are made of."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.local.application import LocalApplication, LocalPlan
from streamlet_sdk.local.idle import Quiet
from streamlet_sdk.local.wires import Fed, Feed
from streamlet_sdk.runtime.assembly import Surroundings
from streamlet_sdk.testing.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from streamlet_sdk.broker.broker import EmbeddedTransport
    from streamlet_sdk.broker.topics import StoredRecord
    from streamlet_sdk.local.application import LocalStreamlet
    from streamlet_sdk.local.supervisor import Supervisor
    from streamlet_sdk.runtime.transport import TopicSpec
    from streamlet_sdk.serde import PortCodec

# Every test begins at the same moment, so that timestamps can be expected.
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
LIMIT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What runs on a bench."""

    streamlets: Sequence[LocalStreamlet]
    topics: Sequence[TopicSpec]


@dataclass(slots=True)
class Bench:
    """Runs a design; starts with the first call that needs it.

    Attributes:
        application: what runs now; None before the start and after a crash.
        limit: how long a call may take, in real time.
    """

    design: Design
    limit: timedelta = LIMIT
    broker: EmbeddedBroker = field(default_factory=EmbeddedBroker)
    application: LocalApplication | None = None
    _driver: Driver = field(default_factory=Driver)
    _transports: list[EmbeddedTransport] = field(default_factory=list)
    _feeds: dict[str, Feed] = field(default_factory=dict)
    _raised: list[Exception] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The time as the application knows it."""
        return BEGIN + timedelta(seconds=self._driver.loop.time())

    def feed(self, topic: str, codec: PortCodec[Any], records: Sequence[Fed]) -> None:
        """Write records that `codec` encoded."""

        async def write() -> None:
            application = await self._running()
            if topic not in self._feeds:
                self._feeds[topic] = Feed(application.cluster, topic)
                await self._feeds[topic].publish(codec)
            await self._feeds[topic].write(records)

        self._call(write, self.limit)

    def run(self, timeout: timedelta | None = None) -> None:
        """Go on until everything is processed.

        Raises:
            Exception: what ended a streamlet since the last call.
            StillBusyError: when it takes longer than `timeout`, in real time.
        """
        self._call(self._until_quiet, self.limit if timeout is None else timeout)

    def advance(self, time: timedelta) -> None:
        """Let time pass, and everything happen that is due by then.

        Raises:
            Exception: what ended a streamlet meanwhile.
            StillBusyError: when it takes longer than the bench's limit, in real time.
        """

        async def pass_time() -> None:
            await self._running()
            await asyncio.sleep(time.total_seconds())
            await self._driver.loop.at_rest()
            self._raise_failure()

        self._call(pass_time, self.limit)

    def records(self, topic: str) -> list[StoredRecord]:
        """What a reader finds in a topic, partition by partition."""
        self._call(self._running, self.limit)
        return self.broker.topic(topic).records()

    def started(self) -> LocalApplication:
        """The application; it is started if it does not run."""
        return self._call(self._running, self.limit)

    def close(self, *, drain: bool = True) -> None:
        """Stop everything; without `drain` at once.

        Raises:
            Exception: what ended a streamlet and was not raised yet.
        """
        try:
            if self.application is not None and not self._driver.is_stuck:
                self._call(lambda: self._stop(drain=drain), self.limit)
        finally:
            self._driver.close()

    def _call(self, work: Callable[[], Coroutine[Any, Any, Any]], limit: timedelta) -> Any:
        return self._driver.call(work, limit, lambda: "…")

    async def _running(self) -> LocalApplication:
        if self.application is None:
            plan = LocalPlan(
                streamlets=self.design.streamlets,
                topics=self.design.topics,
                transport=self._transport,
                surroundings=self._surroundings,
            )
            self.application = LocalApplication(plan)
            await self.application.start()
        return self.application

    async def _until_quiet(self) -> None:
        application = await self._running()
        quiet = Quiet(application)
        loop = self._driver.loop
        while True:
            await loop.at_rest()
            self._raise_failure()
            if await quiet.check():
                return
            await loop.moved()

    async def _stop(self, *, drain: bool) -> None:
        assert self.application is not None
        for feed in self._feeds.values():
            await feed.close()
        self._feeds.clear()
        await self.application.stop(None if drain else timedelta(0))
        self._raise_failure()
        self.application = None
        await self.broker.close()

    def _raise_failure(self) -> None:
        """Raise what ended a streamlet, once."""
        for supervisor in self._supervisors():
            error = supervisor.error
            if error is not None and not any(error is one for one in self._raised):
                self._raised.append(error)
                raise error

    def _supervisors(self) -> Sequence[Supervisor]:
        return () if self.application is None else self.application.supervisors

    def _transport(self, client: str) -> EmbeddedTransport:
        made = self.broker.transport(client=client)
        self._transports.append(made)
        return made

    def _surroundings(self, **given: Any) -> Surroundings:
        """Surroundings without chance, in which time is the loop's."""
        return Surroundings(
            **given,
            chance=lambda: 0.0,
            now_ms=lambda: round(self.now.timestamp() * 1000),
        )
