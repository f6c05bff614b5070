"""Sources: bounded, checkpointed, restarted, completed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel

from streamlet_sdk import Checkpoint, Emission, Outlet, Streamlet, source
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.broker.faults import Fault
from support.engine import Engine, a_config
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Cursor(BaseModel):
    """How far a source has come."""

    next: int


class Counts(Streamlet):
    """Emits numbers from its position on, a checkpoint after each pair."""

    out = Outlet(bytes)
    limit = 10
    handed: list[int | None]
    fails_at: int | None = None

    async def start(self) -> None:
        type(self).handed = getattr(type(self), "handed", None) or []

    @source(position=Cursor)
    async def count(
        self, position: Cursor | None
    ) -> AsyncIterator[Emission[bytes] | Checkpoint[Cursor]]:
        first = 0 if position is None else position.next
        self.handed.append(None if position is None else position.next)
        for number in range(first, self.limit):
            if number == type(self).fails_at:
                type(self).fails_at = None
                raise ValueError("once")
            yield self.out(str(number).encode())
            if number % 2:
                yield Checkpoint(Cursor(next=number + 1))


def fresh(**changes: object) -> type[Counts]:
    """A class of its own, so that tests do not share what it keeps."""
    return type("Counts", (Counts,), {"handed": [], **changes})


def numbers(*given: range) -> list[bytes]:
    """Numbers as text."""
    return [str(number).encode() for part in given for number in part]


@virtual_time
async def test_a_source_that_ends_is_completed_and_idle() -> None:
    async with Engine(fresh()) as engine:
        await engine.run()
        assert engine.values("out") == numbers(range(10))
        (replica,) = engine.replicas
        assert replica.completed
        assert replica.restarts == 0
        assert engine.counters.emitted == 10


@virtual_time
async def test_a_new_instance_is_handed_the_last_position() -> None:
    broker = EmbeddedBroker()
    kind = fresh()
    async with Engine(kind, broker=broker) as engine:
        await engine.run()
        await engine.replicas[0].stop()
        kind.limit = 14
        again = engine.application._supervisor(
            engine.application.plan.streamlets[0], engine.counters, 1
        )
        again.start()
        await again.begun()
        while not again.completed:
            await asyncio.sleep(0.1)
        await again.stop()
        assert kind.handed == [None, 10]
        assert engine.values("out") == numbers(range(14))


@virtual_time
async def test_an_error_restarts_it_from_the_last_checkpoint() -> None:
    kind = fresh(fails_at=5)
    async with Engine(kind) as engine:
        await engine.run()
        assert kind.handed == [None, 4]
        assert engine.values("out") == numbers(range(5), range(4, 10))
        assert engine.counters.failed == 1
        assert engine.replicas[0].restarts == 0


@virtual_time
async def test_nothing_is_checkpointed_before_it_is_acknowledged() -> None:
    engine = Engine(fresh(), config=a_config(Counts, settings={"drain_timeout": 5}))
    engine.broker.faults.batch("out", Fault(delay=timedelta(seconds=30)), times=10)
    async with engine:
        await asyncio.sleep(20)
    positions = engine.broker.topic("_cloudflow.positions").records()
    assert [record.value for record in positions] == []


class Endless(Streamlet):
    """Emits without end, as fast as it may."""

    out = Outlet(bytes)
    made = 0

    @source(max_in_flight=7)
    async def flood(self) -> AsyncIterator[Emission[bytes]]:
        while True:
            type(self).made += 1
            yield self.out(b"x")


@virtual_time
async def test_what_is_in_flight_is_bounded() -> None:
    Endless.made = 0
    engine = Engine(Endless, config=a_config(Endless, settings={"drain_timeout": 1}))
    async with engine:
        engine.broker.faults.cut()
        before = Endless.made
        await asyncio.sleep(5)
        assert Endless.made - before <= 7 + 1
        engine.broker.faults.restore()


class Directory(Streamlet):
    """A sync source that runs again and again."""

    out = Outlet(bytes)

    @source(every=timedelta(seconds=5))
    def files(self) -> Iterator[Emission[bytes]]:
        yield self.out(b"a")
        yield self.out(b"b")


@virtual_time
async def test_a_sync_source_runs_again_after_its_pause() -> None:
    async with Engine(Directory) as engine:
        await asyncio.sleep(12)
        assert engine.values("out") == [b"a", b"b"] * 3


class Wrong(Streamlet):
    """Yields what is no emission, once."""

    out = Outlet(bytes)
    wrong = True

    @source
    def go(self) -> Iterator[Emission[bytes]]:
        if type(self).wrong:
            type(self).wrong = False
            yield b"bare"  # type: ignore[misc] # what users get wrong
        yield self.out(b"right")


@virtual_time
async def test_what_is_no_emission_is_named(caplog: object) -> None:
    Wrong.wrong = True
    async with Engine(Wrong) as engine:
        await engine.run()
        assert engine.values("out") == [b"right"]
        assert engine.counters.failed == 1
