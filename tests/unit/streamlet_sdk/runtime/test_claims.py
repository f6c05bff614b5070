"""Claims that come and go at bad moments, windows that are small, and offsets with gaps."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk import Emission, Inlet, Outlet, Record, Streamlet
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.broker.faults import Fault
from streamlet_sdk.local.wires import Fed
from streamlet_sdk.runtime import outbox
from streamlet_sdk.runtime.partitioner import partition_of
from streamlet_sdk.runtime.transport import TopicSpec
from support.engine import STREAMLET, Engine, a_config, seconds
from support.outside import Outside
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlet_sdk.runtime.inlet import InletRunner
    from streamlet_sdk.runtime.transport import Claim

EXACTLY_ONCE = {"guarantee": "exactly-once"}


class Echo(Streamlet):
    """Passes on; `slow` takes a minute. Taking partitions over takes `opening` seconds."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    opening = 0.0

    async def partitions_assigned(self, inlet: str, partitions: Sequence[int]) -> None:
        await asyncio.sleep(self.opening * (1 + partitions[0]))

    @in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        if data == b"slow":
            await asyncio.sleep(60)
        return self.out(data)


class OpensSlowly(Echo):
    opening = 5.0


class Patient(Echo):
    """Takes its time for each record."""

    @Echo.in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        await asyncio.sleep(0.1)
        return self.out(data)


def inlet(engine: Engine, replica: int = 0) -> InletRunner:
    """The inlet of a replica."""
    runner = engine.replicas[replica].runner
    assert runner is not None
    return runner.inlets[0]


def expire(engine: Engine, replica: int = 0) -> None:
    """End the session of a replica's consumer."""
    consumer = inlet(engine, replica)._consumer
    assert isinstance(consumer, EmbeddedConsumer)
    consumer.expire()


def numbers(count: int) -> list[bytes]:
    """Distinct values."""
    return [str(number).encode() for number in range(count)]


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
def test_a_claim_that_is_lost_while_it_opens_harms_nobody(guarantee: str) -> None:
    @virtual_time
    async def run() -> None:
        config = a_config(OpensSlowly, delivery={"guarantee": guarantee})
        async with Engine(OpensSlowly, config=config) as engine:
            await engine.feed("in", b"a")
            await asyncio.sleep(1)
            expire(engine)
            await engine.run()
            assert engine.counters.failed == 0
            assert engine.values("out") == [b"a"]

    run()


@virtual_time
async def test_a_claim_that_was_lost_does_not_fence_its_next_owner() -> None:
    fenced: list[str] = []

    class Ignores(OpensSlowly):
        async def partitions_assigned(self, inlet: str, partitions: Sequence[int]) -> None:
            try:
                await super().partitions_assigned(inlet, partitions)
            except asyncio.CancelledError:
                fenced.append("cancelled")  # and goes on, as users' code may

    config = a_config(Ignores, delivery=EXACTLY_ONCE)
    async with Engine(Ignores, config=config) as engine:
        await asyncio.sleep(1)
        expire(engine)
        await engine.feed("in", *numbers(20))
        await engine.run()
        assert fenced == ["cancelled"]
        assert Counter(engine.values("out")) == Counter(numbers(20))
        assert engine.counters.failed == 0


@virtual_time
async def test_a_rebalance_while_claims_open_loses_and_doubles_nothing() -> None:
    config = a_config(OpensSlowly, delivery=EXACTLY_ONCE)
    async with Engine(OpensSlowly, config=config, partitions=3) as engine:
        await engine.feed("in", *numbers(30))
        await asyncio.sleep(6)  # the first one is open, the others are not
        plan = engine.application.plan.streamlets[0]
        second = engine.application._supervisor(plan, engine.counters, 1)
        engine.application.streamlets["worker"].replicas.append(second)
        second.start()
        await engine.run()
        assert Counter(engine.values("out")) == Counter(numbers(30))
        assert engine.counters.failed == 0


@virtual_time
async def test_a_stop_while_claims_open_is_quick_and_leaves_nothing_running() -> None:
    class OpensForEver(Echo):
        opening = 1e6

    engine = Engine(OpensForEver, config=a_config(OpensForEver, settings={"drain_timeout": 10}))
    async with engine:
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 15


@virtual_time
async def test_a_killed_replica_leaves_no_opening_behind() -> None:
    async with Engine(OpensSlowly, replicas=2, partitions=2) as engine:
        await asyncio.sleep(1)
        engine.kill(0)
        await engine.replicas[0].kill()
        await engine.feed("in", b"a", b"b")
        await engine.application.streamlets["worker"].replicas.pop(0).stop()
        await engine.run()
        assert Counter(engine.values("out")) == Counter([b"a", b"b"])


@virtual_time
async def test_a_transaction_that_ends_in_doubt_during_a_rebalance_commits_once() -> None:
    config = a_config(Echo, delivery=EXACTLY_ONCE)
    async with Engine(Echo, config=config, partitions=2) as engine:
        lane = f"{config.group('in')}.in.0"
        for done in (True, False, True):
            engine.broker.faults.transaction(lane, Fault(unanswered=True, done=done))
        await engine.feed("in", *numbers(20))
        await asyncio.sleep(0.3)
        plan = engine.application.plan.streamlets[0]
        second = engine.application._supervisor(plan, engine.counters, 1)
        engine.application.streamlets["worker"].replicas.append(second)
        second.start()
        await engine.feed("in", *numbers(40)[20:])
        await engine.run()
        assert Counter(engine.values("out")) == Counter(numbers(40))


@virtual_time
async def test_a_claim_opens_when_the_broker_is_back() -> None:
    config = a_config(Echo, delivery=EXACTLY_ONCE)
    async with Engine(Echo, config=config) as engine:
        # Its end is unknown, so the claim is opened anew, which is when the broker is away.
        fault = Fault(unanswered=True, done=True)
        engine.broker.faults.transaction(f"{config.group('in')}.in.0", fault)
        await engine.feed("in", *numbers(5))
        await asyncio.sleep(0.3)
        engine.broker.faults.cut()
        await asyncio.sleep(60)
        engine.broker.faults.restore()
        await engine.feed("in", b"more")
        await engine.run()
        assert Counter(engine.values("out")) == Counter([*numbers(5), b"more"])
        assert engine.counters.failed == 0


@virtual_time
async def test_claims_are_let_go_while_an_earlier_commit_waits_for_its_answer() -> None:
    async def unanswered(offsets: object, deadline: float) -> set[Claim]:
        await asyncio.sleep(deadline - asyncio.get_running_loop().time())
        return set()

    async with Engine(Echo, partitions=2) as engine:
        consumer = inlet(engine)._consumer
        monkey = pytest.MonkeyPatch()
        monkey.setattr(consumer, "commit", unanswered)
        await engine.feed("in", *numbers(5))
        await asyncio.sleep(2)
        deadline = asyncio.get_running_loop().time() + 4
        async with asyncio.timeout_at(deadline):
            await inlet(engine).revoked(inlet(engine).claims, deadline)
        assert inlet(engine).claims == []
        monkey.undo()


@virtual_time
async def test_at_most_once_loses_nothing_to_a_commit_that_is_refused() -> None:
    config = a_config(Echo, delivery={"guarantee": "at-most-once"})
    async with Engine(Echo, config=config) as engine:
        engine.broker.faults.refuse_commits(config.group("in"), times=3)
        await engine.feed("in", *numbers(5))
        await engine.run()
        assert engine.values("out") == numbers(5)
        assert engine.counters.commits_lost == 3
    assert await engine.committed("in") == {0: 5}


@virtual_time
async def test_at_most_once_loses_nothing_when_partitions_move_or_a_replica_stops() -> None:
    config = a_config(Patient, delivery={"guarantee": "at-most-once"})
    async with Engine(Patient, config=config, partitions=2) as engine:
        await engine.feed("in", *numbers(20))
        await asyncio.sleep(0.3)
        plan = engine.application.plan.streamlets[0]
        second = engine.application._supervisor(plan, engine.counters, 1)
        engine.application.streamlets[STREAMLET].replicas.append(second)
        second.start()
        await asyncio.sleep(5)
        await engine.feed("in", *(b"late %d" % number for number in range(20)))
        await asyncio.sleep(0.3)
        await second.stop()
        engine.application.streamlets[STREAMLET].replicas.remove(second)
        await engine.run()
        late = [b"late %d" % number for number in range(20)]
        assert Counter(engine.values("out")) == Counter([*numbers(20), *late])


@virtual_time
async def test_at_most_once_what_is_committed_when_a_stop_comes_is_still_handled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = EmbeddedConsumer.commit

    async def slow(self: EmbeddedConsumer, *given: Any) -> set[Claim]:
        confirmed = await commit(self, *given)
        await asyncio.sleep(2)
        return confirmed

    monkeypatch.setattr(EmbeddedConsumer, "commit", slow)
    config = a_config(Echo, delivery={"guarantee": "at-most-once"})
    async with Engine(Echo, config=config, partitions=2) as engine:
        await engine.feed("in", *numbers(20))
        await asyncio.sleep(1)
        await engine.application.streamlets[STREAMLET].replicas[0].stop()
        committed = sum((await engine.committed("in")).values())
        assert 0 < committed < 20, "of two partitions one was being committed"
        assert len(engine.values("out")) == committed


# Windows


def key_to(partition: int) -> bytes:
    """A key that goes to `partition` of two."""
    return next(key for key in numbers(9) if partition_of(key, 2) == partition)


class Measures(Streamlet):
    """Looks at how much is in the window whenever it is called."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    most: int
    most_bytes: int
    opening = 0.0
    engine: Engine

    async def partitions_assigned(self, inlet: str, partitions: Sequence[int]) -> None:
        await asyncio.sleep(self.opening * partitions[0])

    @in_.each
    async def go(self, data: bytes, record: Record[bytes]) -> Emission[bytes]:
        cls = type(self)
        ledgers = [opened.worker.ledger for opened in inlet(self.engine)._open.values()]
        cls.most = max(cls.most, sum(ledger.outstanding for ledger in ledgers))
        cls.most_bytes = max(cls.most_bytes, sum(ledger.outstanding_size for ledger in ledgers))
        await asyncio.sleep(60 if data.startswith(b"slow") else 0.001)
        return self.out(data[:10])


def measuring(partitions: int, opening: float = 0.0, **settings: Any) -> Engine:
    """An engine whose class measures its own window."""
    kind = type("Measures", (Measures,), {"most": 0, "most_bytes": 0, "opening": opening})
    engine = Engine(kind, config=a_config(kind, settings=settings), partitions=partitions)
    kind.engine = engine  # type: ignore[attr-defined] # made at run time
    return engine


def measured(engine: Engine) -> type[Measures]:
    """The class that measured."""
    return engine.application.plan.streamlets[0].cls  # type: ignore[return-value] # made above


@pytest.mark.parametrize("opening", [0.0, 0.005])
def test_the_window_in_records_is_kept_and_used(opening: float) -> None:
    @virtual_time
    async def run() -> None:
        engine = measuring(4, opening, window_records=40, commit_interval=1000)
        async with engine:
            await engine.feed("in", *numbers(400))
            await engine.run()
            assert len(engine.values("out")) == 400
            assert 20 <= measured(engine).most <= 40

    run()


@virtual_time
async def test_the_window_in_bytes_is_kept_but_for_one_record_of_each_partition() -> None:
    # One fetch may pass the window by what it brings: here at most 40 records.
    engine = measuring(2, window_bytes=20_000, window_records=40)
    async with engine:
        await engine.feed("in", *[bytes(5_000)] * 60, bytes(100_000), *[bytes(5_000)] * 5)
        await engine.run()
        assert len(engine.values("out")) == 66


@virtual_time
async def test_a_window_smaller_than_its_partitions_lets_one_record_of_each_in() -> None:
    engine = measuring(3, window_bytes=1, window_records=1)
    async with engine:
        await engine.feed("in", *numbers(12))
        await engine.run()
        assert len(engine.values("out")) == 12
        assert measured(engine).most <= 3


@virtual_time
async def test_a_partition_that_is_stuck_starves_no_other() -> None:
    engine = measuring(2, window_records=10)
    async with engine:
        stuck, free = key_to(0), key_to(1)
        await engine.feed("in", *[Fed(key=stuck, value=b"slow")] * 20)
        await engine.feed("in", *(Fed(key=free, value=value) for value in numbers(100)))
        await asyncio.sleep(30)
        assert set(engine.values("out")) == set(numbers(100))


class Large(Streamlet):
    """Makes a megabyte of every record."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    handled: int

    @in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        type(self).handled += 1
        return self.out(bytes(1_000_000))


@virtual_time
async def test_handlers_wait_while_too_much_waits_for_the_broker() -> None:
    Large.handled = 0
    async with Engine(Large) as engine:
        engine.broker.faults.batch("out", Fault(delay=seconds(600)))
        await engine.feed("in", *numbers(100))
        await asyncio.sleep(300)
        assert Large.handled < 100
        assert Large.handled * 1_000_000 < 2 * outbox.MAX_PENDING_BYTES
        await engine.run()
        assert (Large.handled, len(engine.values("out"))) == (100, 100)


# Offsets with gaps


@virtual_time
async def test_transaction_markers_and_aborted_records_leave_no_rest() -> None:
    broker = EmbeddedBroker()
    broker.create(TopicSpec(name="in"))
    upstream = broker.transport(client="upstream")
    lane = await upstream.lane("upstream")
    deadline = asyncio.get_running_loop().time() + 60
    for number, aborted in enumerate([False, True, False, True]):
        await lane.begin()
        batch = lane.batch("in", 0)
        batch.append(None, str(number).encode(), 0, ())
        await (await lane.submit(batch))
        if aborted:
            await lane.abort(deadline)
        else:
            await lane.commit({}, None, deadline)
    async with Engine(Echo, broker=broker) as engine:
        await engine.run()
        assert engine.values("out") == [b"0", b"2"]
        assert engine.counters.received == 2
    assert await engine.committed("in") == {0: 8}
    await upstream.close()


@virtual_time
async def test_an_open_transaction_upstream_is_waited_for() -> None:
    broker = EmbeddedBroker()
    broker.create(TopicSpec(name="in"))
    upstream = broker.transport(client="upstream")
    lane = await upstream.lane("upstream")
    await lane.begin()
    batch = lane.batch("in", 0)
    batch.append(None, b"open", 0, ())
    await (await lane.submit(batch))
    async with Engine(Echo, broker=broker) as engine:
        await engine.feed("in", b"behind")
        await asyncio.sleep(30)
        assert engine.values("out") == []
        await lane.commit({}, None, asyncio.get_running_loop().time() + 60)
        await engine.run()
        assert engine.values("out") == [b"open", b"behind"]
    await upstream.close()


@pytest.mark.parametrize("guarantee", ["at-least-once", "at-most-once", "exactly-once"])
def test_compacted_topics_are_read_to_their_end(guarantee: str) -> None:
    @virtual_time
    async def run() -> None:
        broker = EmbeddedBroker()
        broker.create(TopicSpec(name="in", config={"cleanup.policy": "compact"}))
        outside = Outside(broker)
        await outside.start()
        await outside.write("in", *(Fed(key=b"k", value=v) for v in numbers(10)))
        await outside.write("in", Fed(key=b"last", value=b"x"), Fed(key=b"k", value=b"end"))
        broker.topic("in").compact()
        config = a_config(Echo, delivery={"guarantee": guarantee})
        async with Engine(Echo, config=config, broker=broker) as engine:
            await engine.run()
            assert engine.values("out") == [b"x", b"end"]
        assert await engine.committed("in") == {0: 12}
        await outside.stop()

    run()


@virtual_time
async def test_a_full_window_does_not_wait_for_the_time_of_a_transaction() -> None:
    config = a_config(Echo, settings={"window-records": 10}, delivery=EXACTLY_ONCE)
    async with Engine(Echo, config=config) as engine:
        began = asyncio.get_running_loop().time()
        await engine.feed("in", *[b"%d" % number for number in range(200)])
        await engine.run()
        assert len(engine.values("out")) == 200
        # In virtual time nothing but waiting passes; twenty full cycles would be two seconds.
        assert asyncio.get_running_loop().time() - began < 1
