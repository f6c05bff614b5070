"""How the engine spares a real Kafka: few, short transactions, fencing first, keys remembered."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from streamlet_sdk import Emission, Inlet, Outlet, Streamlet
from streamlet_sdk.broker import EmbeddedBroker, EmbeddedTransport
from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.broker.lane import EmbeddedLane
from streamlet_sdk.runtime import emitting
from streamlet_sdk.runtime.partitioner import partition_of
from support.engine import Engine, a_config
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    import pytest

EXACTLY_ONCE = {"guarantee": "exactly-once"}


class Echo(Streamlet):
    """Passes on; what is `slow` takes a minute."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        if data == b"slow":
            await asyncio.sleep(60)
        return self.out(data)


class Keyed(Echo):
    """Gives every record one of three keys."""

    @Echo.in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        return self.out(data, key=b"key-%d" % (len(data) % 3))


def numbers(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]


@virtual_time
async def test_a_claim_fences_before_it_reads_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    make, open_ = EmbeddedTransport.lane, EmbeddedConsumer.open

    async def lane(self: Any, name: str, *rest: Any) -> Any:
        made = await make(self, name, *rest)
        steps.append("fenced")
        return made

    async def opened(self: Any, claim: Any, start: Any) -> int:
        steps.append(claim.topic)
        return await open_(self, claim, start)

    monkeypatch.setattr(EmbeddedTransport, "lane", lane)
    monkeypatch.setattr(EmbeddedConsumer, "open", opened)
    config = a_config(Echo, delivery=EXACTLY_ONCE)
    async with Engine(Echo, config=config) as engine:
        await engine.feed("in", b"a")
        await engine.run()
    assert [step for step in steps if step in {"fenced", "in"}] == ["fenced", "in"]


@virtual_time
async def test_a_transactional_id_names_group_topic_and_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: Counter[str] = Counter()
    make = EmbeddedTransport.lane

    async def lane(self: Any, name: str, *rest: Any) -> Any:
        names[name] += 1
        return await make(self, name, *rest)

    monkeypatch.setattr(EmbeddedTransport, "lane", lane)
    config = a_config(Echo, delivery=EXACTLY_ONCE)
    async with Engine(Echo, config=config, partitions=3) as engine:
        await engine.feed("in", *numbers(9))
        await engine.run()
    # The same ones for whoever has the partitions next: that is how he fences.
    async with Engine(Echo, config=config, partitions=3, replicas=2) as engine:
        await engine.feed("in", *numbers(9))
        await engine.run()
    assert set(names) == {f"{config.group('in')}.in.{number}" for number in range(3)}
    assert min(names.values()) >= 2


@virtual_time
async def test_no_transaction_is_open_while_a_handler_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[float] = []
    begin = EmbeddedLane.begin

    async def noted(self: Any) -> None:
        begun.append(asyncio.get_running_loop().time())
        await begin(self)

    monkeypatch.setattr(EmbeddedLane, "begin", noted)
    config = a_config(Echo, delivery=EXACTLY_ONCE)
    async with Engine(Echo, config=config) as engine:
        await engine.feed("in", b"a", b"slow", b"b")
        await asyncio.sleep(30)
        assert engine.values("out") == [b"a"], "what is ready does not wait for the slow one"
        assert len(begun) == 1
        await engine.run()
        assert engine.values("out") == [b"a", b"slow", b"b"]


@virtual_time
async def test_transactions_hold_many_records_and_are_a_while_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[float] = []
    begin = EmbeddedLane.begin

    async def noted(self: Any) -> None:
        begun.append(asyncio.get_running_loop().time())
        await begin(self)

    monkeypatch.setattr(EmbeddedLane, "begin", noted)
    config = a_config(Echo, delivery=EXACTLY_ONCE)
    async with Engine(Echo, config=config) as engine:
        for number in range(200):
            await engine.feed("in", b"%d" % number)
            await asyncio.sleep(0.01)
        await engine.run()
        assert len(engine.values("out")) == 200
    pauses = [later - earlier for earlier, later in pairwise(begun)]
    assert len(pauses) >= 5
    assert min(pauses) > 0.099


@virtual_time
async def test_the_partition_of_a_key_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: Counter[bytes] = Counter()

    def counting(key: bytes, count: int) -> int:
        computed[key] += 1
        return partition_of(key, count)

    monkeypatch.setattr(emitting, "partition_of", counting)
    async with Engine(Keyed, partitions=4) as engine:
        await engine.feed("in", *numbers(300))
        await engine.run()
        for record in engine.records("out"):
            assert record.key is not None
    assert computed
    assert set(computed.values()) == {1}


@virtual_time
async def test_records_without_a_key_stay_together_and_reach_every_partition() -> None:
    broker = EmbeddedBroker()
    async with Engine(Echo, broker=broker, partitions=4) as engine:
        for first in range(0, 400, 10):
            await engine.feed("in", *(b"%d" % (first + number) for number in range(10)))
            await engine.run()
        spread = Counter(record.partition for record in engine.records("out"))
    assert set(spread) == {0, 1, 2, 3}
    assert min(spread.values()) > 400 / 4 / 2
