"""Work goes on only while nobody else can have the partition, where that would show."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk import Emission, Inlet, Outlet, Streamlet
from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.broker.faults import Fault
from support.engine import Engine, a_config, seconds
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from streamlet_sdk.runtime.transport import Claim

AT_MOST_ONCE = {"guarantee": "at-most-once"}


class Patient(Streamlet):
    """Takes its time for each record."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        await asyncio.sleep(0.1)
        return self.out(data)


class Quick(Streamlet):
    """Passes on, without giving way."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    def go(self, data: bytes) -> Emission[bytes]:
        return self.out(data)


class Twofold(Streamlet):
    """Passes on to two topics."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    other = Outlet(bytes)

    @in_.each
    def go(self, data: bytes) -> list[Emission[bytes]]:
        return [self.out(data), self.other(data)]


class Listed(Streamlet):
    """Passes lists on, each after half a second."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.batches(max_records=4)
    async def go(self, batch: list[bytes]) -> list[Emission[bytes]]:
        await asyncio.sleep(0.5)
        return [self.out(data) for data in batch]


class Keyed(Patient):
    """Takes its time for several records at once."""

    @Patient.in_.each(concurrency=2, ordered_by="key")
    async def go(self, data: bytes) -> Emission[bytes]:
        await asyncio.sleep(0.1)
        return self.out(data)


@pytest.mark.parametrize("cls", [Patient, Quick, Listed, Keyed])
def test_at_most_once_nothing_comes_of_a_claim_that_others_may_have(cls: type[Streamlet]) -> None:
    @virtual_time
    async def run() -> None:
        config = a_config(cls, delivery=AT_MOST_ONCE)
        async with Engine(cls, config=config) as engine:
            await asyncio.sleep(1)
            [claim] = _claims(engine)
            await engine.feed("in", *_numbers(10))
            await asyncio.sleep(0.25 if cls is not Quick else 0)
            claim.lease.until = 0.0
            before = engine.values("out")
            await asyncio.sleep(60)
            assert len(before) < 10
            assert engine.values("out") == before
            claim.lease.until = math.inf
            await engine.run()
            assert Counter(engine.values("out")) == Counter(_numbers(10)), (
                "it was its own all the time"
            )

    run()


@virtual_time
async def test_at_most_once_a_claim_that_was_lost_meanwhile_leaves_nothing_to_come_late() -> None:
    config = a_config(Patient, delivery=AT_MOST_ONCE)
    async with Engine(Patient, config=config) as engine:
        await asyncio.sleep(1)
        [claim] = _claims(engine)
        await engine.feed("in", *_numbers(10))
        await asyncio.sleep(0.25)
        claim.lease.until = 0.0
        await asyncio.sleep(1)
        before = engine.values("out")
        _expire(engine)
        await engine.feed("in", b"of the next owner")
        await engine.run()
        assert engine.values("out") == [*before, b"of the next owner"]


@virtual_time
async def test_at_most_once_what_waits_for_the_broker_does_not_come_late() -> None:
    config = a_config(Quick, delivery=AT_MOST_ONCE)
    async with Engine(Quick, config=config) as engine:
        await asyncio.sleep(1)
        [claim] = _claims(engine)
        engine.broker.faults.batch("out", Fault(delay=seconds(20)))
        await engine.feed("in", b"on its way")
        await asyncio.sleep(5)
        await engine.feed("in", b"waits behind it")
        await asyncio.sleep(5)
        claim.lease.until = 0.0
        await asyncio.sleep(20)
        assert engine.values("out") == [b"on its way"]
        _expire(engine)
        await engine.feed("in", b"of the next owner")
        await engine.run()
        assert engine.values("out") == [b"on its way", b"of the next owner"]


@virtual_time
async def test_at_most_once_what_waits_for_the_broker_is_kept_while_nobody_has_the_claim() -> None:
    config = a_config(Quick, delivery=AT_MOST_ONCE)
    async with Engine(Quick, config=config) as engine:
        await asyncio.sleep(1)
        [claim] = _claims(engine)
        engine.broker.faults.batch("out", Fault(delay=seconds(20)))
        await engine.feed("in", b"on its way")
        await asyncio.sleep(5)
        await engine.feed("in", b"waits behind it")
        await asyncio.sleep(5)
        claim.lease.until = 0.0
        await asyncio.sleep(20)
        claim.lease.until = math.inf
        await engine.run()
        assert engine.values("out") == [b"on its way", b"waits behind it"]


@virtual_time
async def test_at_most_once_what_the_client_holds_does_not_come_late() -> None:
    config = a_config(Twofold, delivery=AT_MOST_ONCE)
    async with Engine(Twofold, config=config) as engine:
        await asyncio.sleep(1)
        [claim] = _claims(engine)
        engine.broker.faults.batch("out", Fault(delay=seconds(20)))
        await engine.feed("in", b"a")
        await asyncio.sleep(10)
        claim.lease.until = 0.0
        await asyncio.sleep(20)
        _expire(engine)
        await engine.feed("in", b"of the next owner")
        await engine.run()
        assert engine.values("out") == [b"a", b"of the next owner"]
        assert engine.values("other") == [b"of the next owner"]


@virtual_time
async def test_at_least_once_what_is_in_hand_is_finished_whoever_has_the_claim() -> None:
    async with Engine(Patient) as engine:
        await asyncio.sleep(1)
        [claim] = _claims(engine)
        claim.lease.until = 0.0
        await engine.feed("in", *_numbers(10))
        await engine.run()
        assert engine.values("out") == _numbers(10)


def _numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def _claims(engine: Engine) -> list[Claim]:
    runner = engine.replicas[0].runner
    assert runner is not None
    return list(runner.inlets[0].claims)


def _expire(engine: Engine) -> None:
    """End the session of the consumer."""
    runner = engine.replicas[0].runner
    assert runner is not None
    consumer = runner.inlets[0]._consumer
    assert isinstance(consumer, EmbeddedConsumer)
    consumer.expire()
