"""Members that die, freeze or come twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.errors import FencedError, UnavailableError
from streamlet_sdk.runtime.transport import ConsumerSpec
from support.embedded import bench, crash, embedded
from support.transport import Journal, Row, deadline, send
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlet_sdk.runtime.transport import Claim


@virtual_time
async def test_a_killed_member_keeps_its_partitions_until_its_session_ends() -> None:
    async with bench(broker=EmbeddedBroker(session_timeout=timedelta(seconds=8))) as it:
        dead = await it.reader("dead")
        crash(dead)
        heir = await it.reader("heir")
        await asyncio.sleep(7)
        assert heir.partitions == []
        await asyncio.sleep(2)
        assert heir.partitions == [0, 1]
        assert dead.journal.revocations == 0
        assert dead.journal.lost_claims == []


@virtual_time
async def test_a_ghost_holds_up_the_healthy_members_of_a_rebalance() -> None:
    async with bench(broker=EmbeddedBroker(session_timeout=timedelta(seconds=8))) as it:
        healthy = await it.reader("healthy")
        dead = await it.reader("dead")
        crash(dead)
        await it.reader("new")
        assert healthy.partitions == []
        await asyncio.sleep(9)
        assert len(healthy.partitions) == 1


@virtual_time
async def test_a_session_may_be_ended_by_hand() -> None:
    async with bench() as it:
        dead, heir = await it.reader("dead"), await it.reader("heir")
        crash(dead)
        embedded(dead).expire()
        await asyncio.sleep(0.1)
        assert heir.partitions == [0, 1]


@virtual_time
async def test_a_killed_static_member_is_replaced_at_once() -> None:
    async with bench(4) as it:
        dead = await it.reader("dead", member="pod-0")
        other = await it.reader("other", member="pod-1")
        had, kept = dead.partitions, other.claims
        old = dead.claims
        crash(dead)
        heir = await it.reader("heir", member="pod-0")
        assert heir.partitions == had
        assert (other.claims, other.journal.revocations) == (kept, 0)
        assert not any(claim.alive for claim in old)
        await asyncio.sleep(60)
        assert heir.partitions == had, "the session of the dead one must not end the heir's"


@virtual_time
async def test_a_static_member_that_returns_into_a_rebalance_waits_for_its_end() -> None:
    async with bench(4) as it:
        dead = await it.reader("dead", member="pod-0")
        stuck = await it.reader("stuck", member="pod-1")
        crash(dead)
        crash(stuck)
        new = await it.reader("new")
        heir = await it.reader("heir", member="pod-0")
        assert new.partitions == heir.partitions == [], "the second dead one holds everyone up"
        await asyncio.sleep(11)
        assert sorted(new.partitions + heir.partitions) == [0, 1, 2, 3]


@virtual_time
async def test_a_twin_waits_until_the_first_is_gone() -> None:
    async with bench() as it:
        first = await it.reader("first", member="pod-0")
        twin = await it.reader("twin", member="pod-0")
        assert (first.partitions, twin.partitions) == ([0, 1], [])
        await first.close()
        await asyncio.sleep(0.1)
        assert twin.partitions == [0, 1]


@virtual_time
async def test_a_twin_may_give_up_waiting() -> None:
    async with bench() as it:
        first = await it.reader("first", member="pod-0")
        twin = await it.reader("twin", member="pod-0")
        await twin.close()
        assert first.partitions == [0, 1]
        assert first.journal.revocations == 0


@virtual_time
async def test_a_member_that_revokes_too_slowly_loses_its_claims_and_comes_back() -> None:
    async with bench(broker=EmbeddedBroker(rebalance_timeout=timedelta(seconds=5))) as it:
        slow = await it.reader("slow")
        old = slow.claims
        confirmed: list[set[Claim]] = []

        async def dawdle(claims: Sequence[Claim], _until: float) -> None:
            await asyncio.sleep(20)
            offsets = dict.fromkeys(claims, 1)
            confirmed.append(await slow.consumer.commit(offsets, deadline()))

        slow.journal.on_revoke = dawdle
        quick = await it.reader("quick")
        await asyncio.sleep(4)
        assert all(claim.alive for claim in old)
        await asyncio.sleep(2)
        assert quick.partitions == [0, 1]
        assert slow.journal.lost_claims == old
        assert not any(claim.alive for claim in old)
        slow.journal.on_revoke = lambda _claims, _until: None
        await asyncio.sleep(20)
        assert confirmed == [set()]
        assert (len(slow.partitions), len(quick.partitions)) == (1, 1)


@virtual_time
async def test_closing_ends_at_its_deadline_whatever_the_listener_does() -> None:
    async with bench() as it:
        stuck = await it.reader("stuck")
        [claim, _] = stuck.claims
        stuck.journal.on_revoke = lambda _claims, _until: asyncio.Event().wait()
        began = asyncio.get_running_loop().time()
        await stuck.consumer.close(leave=True, deadline=deadline(3))
        assert asyncio.get_running_loop().time() == pytest.approx(began + 3)
        assert not claim.alive
        heir = await it.reader("heir")
        assert heir.partitions == [0, 1]


@virtual_time
async def test_a_rebalance_and_a_close_share_one_revocation() -> None:
    async with bench() as it:
        leaver = await it.reader("leaver")

        async def finish(_claims: Sequence[Claim], _until: float) -> None:
            await asyncio.sleep(2)

        leaver.journal.on_revoke = finish
        heir = await it.reader("heir")
        await leaver.close()
        await asyncio.sleep(0.1)
        assert leaver.journal.revocations == 1
        assert heir.partitions == [0, 1]


@virtual_time
async def test_an_expired_member_that_lives_is_told_and_joins_again() -> None:
    async with bench() as it:
        paused = await it.reader("paused")
        old = paused.claims
        embedded(paused).expire()
        await asyncio.sleep(0.1)
        assert paused.journal.lost_claims == old
        assert paused.partitions == [0, 1]
        assert not set(paused.claims) & set(old)


@virtual_time
async def test_a_killed_client_can_do_nothing_any_more() -> None:
    async with bench() as it:
        transport = it.client("dead")
        producer = await transport.producer()
        reader = await it.reader("reader")
        [claim, _] = await reader.opened(2)
        polling = asyncio.ensure_future(reader.consumer.poll({claim: 1}, 1000.0))
        await asyncio.sleep(1)
        crash(reader)
        transport.kill()
        with pytest.raises(UnavailableError):
            await polling
        with pytest.raises(UnavailableError):
            await reader.consumer.open(claim, "earliest")
        assert await reader.consumer.commit({claim: 1}, deadline()) == set()
        batch = producer.batch("t", 0)
        assert isinstance((await producer.submit(batch)).exception(), Exception)
        assert it.broker.topic("t").records() == []


@virtual_time
async def test_the_transaction_of_a_killed_client_ends_by_its_timeout() -> None:
    async with bench(1) as it:
        transport = it.client("dead")
        lane = await transport.lane("lane", {"transaction.timeout.ms": "10000"})
        await lane.begin()
        await send(lane, "t", Row(b"open"))
        transport.kill()
        producer = await it.client().producer()
        await send(producer, "t", Row(b"behind"))
        topic = it.broker.topic("t")
        assert topic.records() == []
        await asyncio.sleep(11)
        assert [record.value for record in topic.records()] == [b"behind"]


@virtual_time
async def test_a_transaction_that_timed_out_commits_nothing() -> None:
    async with bench(1) as it:
        reader = await it.reader()
        [claim] = await reader.opened(1)
        lane = await it.client().lane("lane", {"transaction.timeout.ms": "10000"})
        await lane.begin()
        it.broker.faults.cut()
        committing = asyncio.ensure_future(lane.commit({claim: 1}, reader.consumer, deadline(1000)))
        await asyncio.sleep(11)
        it.broker.faults.restore()
        with pytest.raises(FencedError):
            await committing
        assert await it.client().admin().offsets("g") == {}


@virtual_time
async def test_a_lane_may_rest_between_transactions() -> None:
    async with bench(1) as it:
        lane = await it.client().lane("lane", {"transaction.timeout.ms": "10000"})
        for value in (b"a", b"b"):
            await lane.begin()
            await send(lane, "t", Row(value))
            await lane.commit({}, None, deadline())
            await asyncio.sleep(60)
        assert [record.value for record in it.broker.topic("t").records()] == [b"a", b"b"]


@virtual_time
async def test_closing_a_transport_leaves_groups_and_aborts_transactions() -> None:
    async with bench(1) as it:
        transport = it.client()
        consumer = transport.consumer(ConsumerSpec(topic="t", group="g"))
        await consumer.start(Journal("leaver", []))
        lane = await transport.lane("lane")
        await lane.begin()
        await send(lane, "t", Row(b"aborted"))
        await transport.close()
        heir = await it.reader("heir")
        assert heir.partitions == [0]
        await send(await it.client().producer(), "t", Row(b"behind"))
        assert [record.value for record in it.broker.topic("t").records()] == [b"behind"]
        assert len(it.broker.topic("t").records(committed=False)) == 2


@virtual_time
async def test_readers_that_are_gone_leave_nothing_behind() -> None:
    async with bench() as it:
        for group in ("g", None):
            closed, killed = await it.reader(group=group), await it.reader(group=group)
            for reader in (closed, killed):
                for claim in reader.claims:
                    await reader.consumer.open(claim, "earliest")
            await closed.close()
            crash(killed)
        assert not it.broker._cluster.readers
        assert not any(log._wakers for log in it.broker.topic("t").partitions)
