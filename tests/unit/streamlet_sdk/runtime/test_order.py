"""Concurrency, order, batches: what runs side by side and what follows what."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from streamlet_sdk import Delivery, Emission, Failure, Inlet, Outlet, Record, Retry, Streamlet
from streamlet_sdk.local.wires import Fed
from support.engine import Engine, a_config
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence


class Sleeps(Streamlet):
    """Sleeps as many seconds as its input says; counts how many do so at once."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    at_once = 0
    most = 0

    async def start(self) -> None:
        self.at_once = self.most = 0
        type(self).last = self

    async def nap(self, data: bytes) -> Emission[bytes]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(float(data.split(b":")[0]))
        self.at_once -= 1
        return self.out(data)


class ByKey(Sleeps):
    @Sleeps.in_.each(concurrency=4, ordered_by="key")
    async def go(self, data: bytes) -> Emission[bytes]:
        return await self.nap(data)


class Unordered(Sleeps):
    @Sleeps.in_.each(concurrency=2, ordered_by=None)
    async def go(self, data: bytes) -> Emission[bytes]:
        return await self.nap(data)


class ByPartition(Sleeps):
    @Sleeps.in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        return await self.nap(data)


@virtual_time
async def test_by_default_records_of_a_partition_follow_each_other() -> None:
    async with Engine(ByPartition) as engine:
        await engine.feed("in", b"3", b"1", b"2")
        await engine.run()
        assert engine.values("out") == [b"3", b"1", b"2"]
        assert ByPartition.last.most == 1


@virtual_time
async def test_partitions_run_side_by_side() -> None:
    async with Engine(ByPartition, partitions=3) as engine:
        await engine.feed("in", b"1", b"1", b"1")
        await engine.run()
        assert ByPartition.last.most == 3


@virtual_time
async def test_keys_run_side_by_side_and_each_stays_in_order() -> None:
    async with Engine(ByKey) as engine:
        for value in (b"3:a", b"1:b", b"1:a", b"1:b2", b"1:a2"):
            await engine.feed("in", Fed(value=value, key=value[2:3]))
        await engine.run()
        values = engine.values("out")
        assert [v for v in values if b"a" in (v or b"")] == [b"3:a", b"1:a", b"1:a2"]
        assert [v for v in values if b"b" in (v or b"")] == [b"1:b", b"1:b2"]
        assert values[0] == b"1:b"
        assert ByKey.last.most == 2


@virtual_time
async def test_unordered_records_pass_each_other_within_the_concurrency() -> None:
    async with Engine(Unordered) as engine:
        await engine.feed("in", b"9", b"1", b"1", b"1")
        await engine.run()
        assert engine.values("out") == [b"1", b"1", b"1", b"9"]
        assert Unordered.last.most == 2


@virtual_time
async def test_only_what_is_done_without_a_gap_is_committed() -> None:
    async with Engine(Unordered) as engine:
        await engine.feed("in", b"1", b"50", b"1", b"1")
        await asyncio.sleep(20)
        assert len(engine.values("out")) == 3
        assert await engine.committed("in") == {0: 1}
        await engine.run()
        await asyncio.sleep(2)
        assert await engine.committed("in") == {0: 4}


class Lists(Streamlet):
    """Handles lists; fails as its input says."""

    in_ = Inlet(bytes, delivery=Delivery(retry=Retry(attempts=2, backoff=timedelta(seconds=1))))
    out = Outlet(bytes)
    seen: list[list[bytes]]

    async def start(self) -> None:
        self.seen = []
        type(self).last = self

    @in_.batches(max_records=3, max_wait=timedelta(seconds=5))
    def go(
        self, values: list[bytes], records: Sequence[Record[bytes]]
    ) -> list[Emission[bytes] | Failure]:
        self.seen.append(values)
        if b"raise" in values:
            raise ValueError("the list failed")
        return [
            record.failed(ValueError("only this"))
            if value == b"fail"
            else self.out(value, cause=record)
            for value, record in zip(values, records, strict=True)
        ]


@virtual_time
async def test_lists_are_full_or_waited_for() -> None:
    async with Engine(Lists) as engine:
        began = asyncio.get_running_loop().time()
        await engine.feed("in", b"a", b"b", b"c", b"d")
        await engine.run()
        assert Lists.last.seen == [[b"a", b"b", b"c"], [b"d"]]
        assert 5 <= asyncio.get_running_loop().time() - began < 6
        assert engine.values("out") == [b"a", b"b", b"c", b"d"]


@virtual_time
async def test_a_record_of_a_list_fails_alone() -> None:
    async with Engine(Lists) as engine:
        await engine.feed("in", b"a", b"fail", b"c")
        await engine.run()
        assert engine.values("out") == [b"a", b"c"]
        assert engine.values("in-dead-letters") == [b"fail"]
        assert Lists.last.seen == [[b"a", b"fail", b"c"], [b"fail"]]


@virtual_time
async def test_a_list_that_raises_is_repeated_then_taken_apart() -> None:
    async with Engine(Lists) as engine:
        await engine.feed("in", b"a", b"raise", b"c")
        await engine.run()
        whole = [b"a", b"raise", b"c"]
        assert Lists.last.seen == [whole, whole, [b"a"], [b"raise"], [b"c"]]
        assert engine.values("out") == [b"a", b"c"]
        assert engine.values("in-dead-letters") == [b"raise"]
        assert await engine.committed("in") in ({}, {0: 3})


@virtual_time
async def test_an_emission_of_a_list_inherits_from_its_cause() -> None:
    async with Engine(Lists) as engine:
        await engine.feed(
            "in",
            Fed(value=b"a", timestamp_ms=1, headers=[("correlation-id", b"1")]),
            Fed(value=b"b", timestamp_ms=2, headers=[("correlation-id", b"2")]),
        )
        await engine.run()
        told = [(r.timestamp, dict(r.headers)) for r in engine.records("out")]
        assert told == [(1, {"correlation-id": b"1"}), (2, {"correlation-id": b"2"})]


class Sums(Streamlet):
    """One emission for a whole list, too large for the broker when asked."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.batches(max_records=2, max_wait=timedelta(milliseconds=10))
    def go(self, values: list[bytes]) -> Emission[bytes]:
        return self.out(b"x" * 2_000_000 if b"big" in values else b"+".join(values))


@virtual_time
async def test_an_emission_without_cause_belongs_to_the_whole_list() -> None:
    async with Engine(Sums) as engine:
        await engine.feed("in", b"a", b"b", b"c", b"big", b"e")
        await engine.run()
        assert engine.values("out") == [b"a+b", b"e"]
        assert engine.values("in-dead-letters") == [b"c", b"big"]


class InThreads(Streamlet):
    """Blocks, in a thread."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each(concurrency=3, ordered_by=None, thread=True)
    def go(self, data: bytes) -> Emission[bytes]:
        if data == b"bad":
            raise ValueError("in a thread")
        return self.out(data.upper())


@virtual_time
async def test_handlers_in_threads_work_and_fail_like_others() -> None:
    config = a_config(InThreads, delivery={"retry": {"attempts": 1}})
    async with Engine(InThreads, config=config) as engine:
        await engine.feed("in", b"a", b"bad", b"b")
        await engine.run()
        assert set(engine.values("out")) == {b"A", b"B"}
        assert engine.values("in-dead-letters") == [b"bad"]


class Leaves(Sleeps):
    """Cannot let a partition go."""

    @Sleeps.in_.each
    async def go(self, data: bytes) -> Emission[bytes]:
        return self.out(data)

    async def partitions_revoked(self, inlet: str, partitions: Sequence[int]) -> None:
        raise OSError(f"no state written for {inlet} {list(partitions)}")


@virtual_time
async def test_an_error_while_partitions_are_let_go_is_told() -> None:
    engine = Engine(Leaves)
    async with engine:
        await engine.feed("in", b"a")
        await engine.run()
    (replica,) = engine.replicas
    assert str(replica.error) == "no state written for in [0]"
    assert engine.counters.failed == 1
    assert await engine.committed("in") == {0: 1}
