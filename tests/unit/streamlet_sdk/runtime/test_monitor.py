"""What a look at a streamlet tells: lag, commit age, what stands still, and a broker that is away.

In virtual time: looks come every five seconds and take none.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from streamlet_sdk import Emission, Inlet, Outlet, Streamlet
from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.runtime.assembly import Surroundings
from streamlet_sdk.runtime.counters import Counters, Lag
from streamlet_sdk.runtime.health import Health
from streamlet_sdk.runtime.monitor import LOOK_SECONDS, STUCK_SECONDS
from streamlet_sdk.runtime.ports import Cluster
from streamlet_sdk.runtime.runner import StreamletRunner
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.runtime.transport import TopicSpec
from streamlet_sdk.serde import SchemaBook
from support.engine import Engine, a_config
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    import pytest

    from streamlet_sdk.runtime.transport import Chunk, Claim


class Gate(Streamlet):
    """Passes records on while its gate is open."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    gate: asyncio.Event

    async def start(self) -> None:
        self.gate = asyncio.Event()

    @in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        await self.gate.wait()
        return self.out(data)


class Two(Streamlet):
    """Has two inlets."""

    a = Inlet(bytes)
    b = Inlet(bytes)

    @a.each
    def take(self, data: bytes) -> None: ...

    @b.each
    def get(self, data: bytes) -> None: ...


class Watched:
    """One runner on an embedded broker, as a pod has it, whose clock is the loop's."""

    def __init__(self, cls: type[Streamlet] = Gate, partitions: int = 1, **settings: Any) -> None:
        self.config = a_config(cls, settings=settings)
        # Its broker, topics and feeds are an engine's that runs nothing.
        self.engine = Engine(cls, config=self.config)
        self.broker = self.engine.broker
        for binding in self.config.ports.values():
            self.broker.create(TopicSpec(name=binding.kafka_name, partitions=partitions))
        self.transport = self.broker.transport(client="pod")
        self.health = Health()
        self.counters = Counters()
        schemas = SchemaTopic(self.transport, SchemaBook())
        self.schemas = schemas
        self.runner = StreamletRunner(
            cls,
            self.config,
            Surroundings(
                clusters={"default": Cluster(self.transport, schemas)},
                counters=self.counters,
                health=self.health,
                now_ms=lambda: int(asyncio.get_running_loop().time() * 1000),
            ),
        )

    async def __aenter__(self) -> Self:
        await self.schemas.start()
        await self.runner.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runner.stop()
        await self.schemas.close()
        await self.transport.close()
        await self.broker.close()

    def write(self, count: int, port: str = "in", partition: int = 0) -> None:
        """Add records of this moment to a partition."""
        now = int(asyncio.get_running_loop().time() * 1000)
        rows = [(now, None, b"%d" % number, (), 1) for number in range(count)]
        self.broker.topic(port).append(partition, rows, count, None)

    def open(self) -> None:
        """Let records through."""
        assert isinstance(self.runner.streamlet, Gate)
        self.runner.streamlet.gate.set()

    @property
    def lag(self) -> dict[int, Lag]:
        """By partition."""
        return self.counters.inlet("in", "in").lag


async def looks(count: int = 1) -> None:
    """Let this many looks be taken."""
    await asyncio.sleep(count * LOOK_SECONDS + 0.01)


@virtual_time
async def test_lag_is_what_is_not_processed_and_how_old_the_oldest_of_it_is() -> None:
    async with Watched(partitions=2) as watched:
        await looks()
        assert watched.lag == {0: Lag(0, 0.0), 1: Lag(0, 0.0)}
        watched.write(7)
        watched.write(2, partition=1)
        await looks()
        assert {p: lag.records for p, lag in watched.lag.items()} == {0: 7, 1: 2}
        before = watched.lag[0].seconds
        await looks()
        assert watched.lag[0].seconds - before >= LOOK_SECONDS
        watched.open()
        await looks()
        assert watched.lag == {0: Lag(0, 0.0), 1: Lag(0, 0.0)}


@virtual_time
async def test_lag_counts_what_the_window_leaves_in_the_topic() -> None:
    async with Watched(window_records=3) as watched:
        watched.write(10)
        await looks()
        assert watched.lag[0].records == 10
        assert watched.counters.inlet("in", "in").in_flight == 3


@virtual_time
async def test_a_commit_that_is_refused_makes_the_oldest_grow_old() -> None:
    async with Watched() as watched:
        watched.open()
        watched.broker.faults.refuse_commits(watched.config.group("in"), times=30)
        watched.write(3)
        await looks(4)
        counters = watched.counters.inlet("in", "in")
        assert counters.uncommitted_seconds >= 2 * LOOK_SECONDS
        assert counters.commits_lost > 0
        await looks(6)
        assert counters.uncommitted_seconds == 0.0
        assert counters.in_flight == 0
        assert counters.commits == 1


@virtual_time
async def test_each_inlet_has_a_commit_age_of_its_own() -> None:
    async with Watched(Two) as watched:
        watched.broker.faults.refuse_commits(watched.config.group("a"), times=1000)
        watched.write(3, "a")
        watched.write(3, "b")
        await looks(5)
        assert watched.counters.inlet("a", "a").uncommitted_seconds >= 3 * LOOK_SECONDS
        assert watched.counters.inlet("b", "b").uncommitted_seconds == 0.0
        watched.broker.faults._refused_commits.clear()


def standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that never finds what is there."""

    async def nothing(_: object, credit: dict[Claim, int], timeout: float) -> list[Chunk]:
        await asyncio.sleep(timeout)
        return []

    monkeypatch.setattr(EmbeddedConsumer, "poll", nothing)


def test_a_partition_that_stands_still_is_told_after_a_minute_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @virtual_time
    async def run() -> None:
        async with Watched() as watched:
            standing_still(monkeypatch)
            await looks()  # the last poll of the other kind is over
            watched.write(5)
            await asyncio.sleep(STUCK_SECONDS - 1)
            assert watched.health.stuck["in"] == []
            await looks(3)
            [line] = watched.health.stuck["in"]
            assert line.startswith("in/0 stands at 0 of 5 for ")
            monkeypatch.undo()
            watched.open()
            await looks(2)
            assert watched.health.stuck["in"] == []

    run()


@virtual_time
async def test_a_handler_that_takes_long_is_not_a_partition_that_stands_still() -> None:
    async with Watched(window_records=2) as watched:
        watched.write(5)  # two in hand, three that there is no room for
        await asyncio.sleep(3 * STUCK_SECONDS)
        assert watched.health.stuck["in"] == []
        assert watched.lag[0].seconds >= 2 * STUCK_SECONDS


def test_a_broker_that_is_away_is_told_once_and_nothing_counts_as_stuck_meanwhile(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    @virtual_time
    async def run() -> None:
        async with Watched() as watched:
            standing_still(monkeypatch)
            await looks()
            watched.write(5)
            await asyncio.sleep(STUCK_SECONDS + 2 * LOOK_SECONDS)
            assert watched.health.stuck["in"]
            watched.broker.faults.cut()
            await asyncio.sleep(10 * LOOK_SECONDS)
            assert "inlet in" in watched.health.troubles
            assert not watched.health.stuck.get("in")
            watched.broker.faults.restore()
            await looks(3)
            assert watched.health.troubles == {}
            monkeypatch.undo()
            watched.open()

    run()
    told = [r.getMessage() for r in caplog.records if r.getMessage().startswith("inlet in: ")]
    assert len(told) == 2
    assert "well again" in told[1]
