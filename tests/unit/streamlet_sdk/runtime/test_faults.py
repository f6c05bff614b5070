"""The broker rejects, does not answer, goes away; replicas die, come and go."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk import Emission, Inlet, Outlet, Streamlet
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.broker.broker import EmbeddedTransport
from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.broker.faults import Fault
from streamlet_sdk.broker.lane import EmbeddedLane
from streamlet_sdk.errors import DeliveryError, DeniedError, FencedError, UnavailableError
from streamlet_sdk.local.wires import Fed
from support.engine import Engine, a_config
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from streamlet_sdk.broker.producer import EmbeddedProducer
    from streamlet_sdk.runtime.transport import Batch, Chunk, Claim

GUARANTEES = ("at-least-once", "at-most-once", "exactly-once")


class Echo(Streamlet):
    """Passes on; `slow` takes a minute, `hang` for ever."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        if data == b"slow":
            await asyncio.sleep(60)
        if data == b"hang":
            await asyncio.Event().wait()
        return self.out(data)


def numbers(count: int) -> list[bytes]:
    """Distinct values."""
    return [str(number).encode() for number in range(count)]


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_everything_arrives_once_when_nothing_fails(guarantee: str) -> None:
    @virtual_time
    async def run() -> None:
        config = a_config(Echo, delivery={"guarantee": guarantee})
        async with Engine(Echo, config=config, partitions=3, replicas=2) as engine:
            await engine.feed("in", *numbers(500))
            await engine.run()
            assert Counter(engine.values("out")) == Counter(numbers(500))
            assert engine.counters.emitted == 500
        assert sum((await engine.committed("in")).values()) == 500

    run()


@virtual_time
async def test_a_batch_of_unknown_outcome_is_written_again() -> None:
    async with Engine(Echo) as engine:
        engine.broker.faults.batch("out", Fault(unanswered=True, done=True))
        await engine.feed("in", *numbers(5))
        await engine.run()
        assert set(engine.values("out")) == set(numbers(5))
        assert engine.counters.emitted == 5


@virtual_time
async def test_at_most_once_never_writes_twice() -> None:
    config = a_config(Echo, delivery={"guarantee": "at-most-once"})
    async with Engine(Echo, config=config) as engine:
        engine.broker.faults.batch("out", Fault(unanswered=True, done=True))
        await engine.feed("in", *numbers(5))
        await engine.run()
        assert Counter(engine.values("out")) == Counter(numbers(5))


@pytest.mark.parametrize("done", [True, False])
def test_exactly_once_survives_an_unanswered_commit(*, done: bool) -> None:
    @virtual_time
    async def run() -> None:
        config = a_config(Echo, delivery={"guarantee": "exactly-once"})
        async with Engine(Echo, config=config) as engine:
            lane = f"{config.group('in')}.in.0"
            engine.broker.faults.transaction(lane, Fault(unanswered=True, done=done))
            await engine.feed("in", *numbers(50))
            await engine.run()
            assert Counter(engine.values("out")) == Counter(numbers(50))
        assert await engine.committed("in") == {0: 50}

    run()


@virtual_time
async def test_exactly_once_dead_letters_inside_the_transaction() -> None:
    config = a_config(Echo, delivery={"guarantee": "exactly-once", "retry": {"attempts": 1}})
    broker = EmbeddedBroker(max_record_bytes=5000)

    class Grows(Echo):
        def go(self, data: bytes) -> Emission[bytes]:  # type: ignore[override] # sync on purpose
            if data == b"3":
                raise ValueError("three")
            return self.out(data * (5000 if data == b"7" else 1))

    async with Engine(Grows, config=config, broker=broker) as engine:
        await engine.feed("in", *numbers(10))
        await engine.run()
        assert Counter(engine.values("out")) == Counter(set(numbers(10)) - {b"3", b"7"})
        assert sorted(engine.values("in-dead-letters"), key=str) == [b"3", b"7"]
    assert await engine.committed("in") == {0: 10}


def test_what_a_transaction_must_not_hold_is_found_by_halving(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    submit = EmbeddedLane.submit

    async def counted(lane: EmbeddedLane, batch: Batch) -> asyncio.Future[int]:
        sizes.append(batch.count)
        return await submit(lane, batch)

    monkeypatch.setattr(EmbeddedLane, "submit", counted)

    class Grows(Echo):
        def go(self, data: bytes) -> Emission[bytes]:  # type: ignore[override] # sync on purpose
            return self.out(data * (5000 if data in {b"7", b"800"} else 1))

    @virtual_time
    async def run() -> None:
        config = a_config(Echo, delivery={"guarantee": "exactly-once"})
        async with Engine(Grows, config=config, broker=EmbeddedBroker(max_record_bytes=5000)) as it:
            await it.feed("in", *numbers(1000))
            await it.run()
            assert Counter(it.values("out")) == Counter(set(numbers(1000)) - {b"7", b"800"})
            assert sorted(it.values("in-dead-letters"), key=str) == [b"7", b"800"]

    run()
    # Two culprits in a thousand: ten halves each, and a few batches that go along every time.
    assert len(sizes) < 300


@virtual_time
async def test_work_goes_on_after_the_broker_was_away() -> None:
    async with Engine(Echo) as engine:
        await engine.feed("in", *numbers(5))
        await engine.run()
        engine.broker.faults.cut()
        await asyncio.sleep(30)
        engine.broker.faults.restore()
        await engine.feed("in", b"after")
        await engine.run()
        assert set(engine.values("out")) == {*numbers(5), b"after"}


@virtual_time
async def test_an_outage_is_told_once_and_asked_about_less_and_less(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    asked: list[float] = []
    made = EmbeddedTransport.producer

    async def away(transport: EmbeddedTransport, *given: Any) -> EmbeddedProducer:
        asked.append(asyncio.get_running_loop().time())
        if asked[-1] < asked[0] + 60:
            raise UnavailableError("no broker answers")
        return await made(transport, *given)

    async with Engine(Echo) as engine:
        await engine.feed("in", b"a")
        await engine.run()
        monkeypatch.setattr(EmbeddedTransport, "producer", away)
        engine.broker.faults.batch("out", Fault(unanswered=True, done=False))
        await engine.feed("in", b"b")
        await engine.run()
        assert set(engine.values("out")) == {b"a", b"b"}
    told = [line for line in caplog.messages if line.startswith("connecting to write")]
    assert len(told) == 2
    assert told[0].endswith("no broker answers")
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert max(pauses[:2]) < 0.3
    assert min(pauses[-5:]) > 0.9


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
def test_a_killed_replica_loses_nothing(guarantee: str) -> None:
    @virtual_time
    async def run() -> None:
        config = a_config(Echo, delivery={"guarantee": guarantee})
        async with Engine(Echo, config=config, partitions=4, replicas=2) as engine:
            await engine.feed("in", *numbers(300))
            await asyncio.sleep(0.15)
            engine.kill(0)
            await engine.feed("in", *numbers(400)[300:])
            await asyncio.sleep(60)
            values = Counter(engine.values("out"))
            assert set(values) == set(numbers(400))
            if guarantee == "exactly-once":
                assert set(values.values()) == {1}

    run()


@virtual_time
async def test_a_commit_that_is_refused_is_counted_and_repeated() -> None:
    async with Engine(Echo) as engine:
        engine.broker.faults.refuse_commits(engine.config.group("in"))
        await engine.feed("in", *numbers(5))
        await engine.run()
        await asyncio.sleep(3)
        assert engine.counters.commits_lost == 1
        assert await engine.committed("in") == {0: 5}


@virtual_time
async def test_a_commit_that_is_not_allowed_ends_the_streamlet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def denied(*_: object) -> set[Claim]:
        raise DeniedError("group app is not allowed")

    async with Engine(Echo) as engine:
        await engine.feed("in", b"a")
        with monkeypatch.context() as patch:
            patch.setattr(EmbeddedConsumer, "commit", denied)
            await asyncio.sleep(1.5)
        (replica,) = engine.replicas
        assert str(replica.error) == "group app is not allowed"
        await engine.run()
        assert replica.restarts == 1
        assert set(engine.values("out")) == {b"a"}


@virtual_time
async def test_a_replica_without_partitions_hears_that_its_group_refuses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refused(_consumer: object, credit: dict[Claim, int], _timeout: float) -> list[Chunk]:
        if not credit:
            raise FencedError("another process has this name")
        await asyncio.sleep(1)
        return []

    async with Engine(Echo, replicas=2) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(EmbeddedConsumer, "poll", refused)
            await asyncio.sleep(1.5)
        [said] = [str(replica.error) for replica in engine.replicas if replica.error]
        assert said == "another process has this name"


@virtual_time
async def test_stopping_finishes_what_was_begun() -> None:
    engine = Engine(Echo, config=a_config(Echo, settings={"drain_timeout": 120}))
    async with engine:
        await engine.feed("in", b"slow", b"next")
        await asyncio.sleep(5)
    assert engine.values("out") == [b"slow"]


@virtual_time
async def test_a_handler_that_never_ends_is_cut_off_and_its_record_kept() -> None:
    engine = Engine(Echo, config=a_config(Echo, settings={"drain_timeout": 10}))
    async with engine:
        await engine.feed("in", b"a", b"hang", b"b")
        await asyncio.sleep(5)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 15
    assert engine.values("out") == [b"a"]


@virtual_time
async def test_partitions_that_are_added_are_read_from_their_beginning() -> None:
    async with Engine(Echo) as engine:
        await engine.feed("in", *numbers(5))
        await engine.run()
        admin = engine.application.cluster.transport.admin()
        await admin.grow("in", 3)
        await admin.close()
        await engine.feed("in", *(Fed(value=value) for value in numbers(50)[5:]))
        await engine.run()
        assert Counter(engine.values("out")) == Counter(numbers(50))


class Writes(Streamlet):
    """Writes outside of a handler's outcome."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    async def go(self, data: bytes) -> None:
        where = await self.out.write(data)
        await self.out.write(f"{where.topic}/{where.partition}@{where.offset}".encode())


@virtual_time
async def test_an_acknowledged_write_tells_where_the_record_lies() -> None:
    async with Engine(Writes) as engine:
        await engine.feed("in", b"a")
        await engine.run()
        assert engine.values("out") == [b"a", b"out/0@0"]
        assert engine.counters.emitted == 2


@virtual_time
async def test_an_acknowledged_write_has_no_place_in_exactly_once() -> None:
    config = a_config(Writes, delivery={"guarantee": "exactly-once", "retry": {"attempts": 1}})
    async with Engine(Writes, config=config) as engine:
        await engine.feed("in", b"a")
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        told = dict(letter.headers)
        assert told["cloudflow-exception-type"].decode().endswith(DeliveryError.__name__)
        assert b"outside of the transaction" in told["cloudflow-message"]
        assert engine.values("out") == []
