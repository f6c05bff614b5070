"""Being a member of a group: who is replaced, who is expelled, and how long others wait for it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import RequestTimedOutError
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest

from streamlet_sdk.errors import FencedError
from streamlet_sdk.runtime.kafka.client import Client
from streamlet_sdk.runtime.kafka.consumer import KafkaConsumer
from streamlet_sdk.runtime.kafka.properties import Properties
from streamlet_sdk.runtime.transport import ConsumerSpec, TopicSpec
from support.kafka import a_world, ask, expel
from support.transport import Journal, Reader, Row, deadline, eventually, send

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlet_sdk.runtime.transport import Claim

# A member that is cut off after it has said that it owns its partitions.
MEMBER = """
import asyncio, sys
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.transport import ConsumerSpec

bootstrap, topic, group, member = sys.argv[1:]

class Owner:
    def assigned(self, claims):
        sys.stdout.write(f"{len(claims)}\\n")
        sys.stdout.flush()

    async def revoked(self, claims, deadline):
        pass

    def lost(self, claims):
        pass

async def main():
    spec = ConsumerSpec(topic=topic, group=group, member=member)
    await KafkaTransport(bootstrap).consumer(spec).start(Owner())
    await asyncio.Event().wait()

asyncio.run(main())
"""
# No heartbeat tells a member anything while a test runs; sessions are long enough for that.
DEAF = {"heartbeat.interval.ms": "15000", "session.timeout.ms": "30000"}


class CountingClient(Client):
    """Counts how often a member has asked to join."""

    joins = 0

    async def send(self, node_id: Any, request: Any, **how: Any) -> Any:
        self.joins += isinstance(request, JoinGroupRequest)
        untyped: Any = super()
        return await untyped.send(node_id, request, **how)


class DeafClient(Client):
    """Hears no answer to the next request of a kind."""

    deaf_to: Any = ()

    async def send(self, node_id: Any, request: Any, **how: Any) -> Any:
        untyped: Any = super()
        response = await untyped.send(node_id, request, **how)
        if isinstance(request, self.deaf_to):
            self.deaf_to = ()
            raise RequestTimedOutError
        return response


async def _fenced(reader: Reader) -> None:
    """Poll until somebody else has taken the reader's place."""
    async with asyncio.timeout(30):
        while True:
            await reader.poll()


async def _shared(readers: Sequence[Reader], count: int) -> None:
    def is_shared() -> bool:
        return sorted(p for reader in readers for p in reader.partitions) == list(range(count))

    await eventually(is_shared, f"{count} partitions, each with one owner")


async def test_a_member_that_was_killed_is_back_at_once_and_others_notice_nothing(
    kafka: str,
) -> None:
    async with a_world(kafka) as world:
        topic, group = await world.topic(partitions=4), world.name("group")
        stays = await world.reader(topic, group, member="stays")
        await stays.owning(4)
        killed = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", MEMBER, kafka, topic, group, "killed"),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert killed.stdout is not None
            assert await killed.stdout.readline() == b"2\n"
            await stays.owning(2)
        finally:
            killed.kill()
            await killed.wait()
        kept, revocations = stays.claims, stays.journal.revocations
        again = await world.reader(topic, group, member="killed")
        await again.owning(2)
        await stays.poll()
        assert (stays.claims, stays.journal.revocations) == (kept, revocations)
        assert all(claim.alive for claim in kept)


@pytest.mark.parametrize("member", ["", "named"])
async def test_who_leaves_for_good_is_not_waited_for(kafka: str, member: str) -> None:
    # A session would last longer than anybody waits here.
    async with a_world(kafka, {"session.timeout.ms": "120000"}) as world:
        topic, group = await world.topic(partitions=2), world.name("group")
        leaves = await world.reader(topic, group, member=member)
        await leaves.owning(2)
        stays = await world.reader(topic, group)
        await _shared([leaves, stays], 2)
        await leaves.close(leave=True)
        await stays.owning(2)


async def test_of_two_members_with_one_name_the_older_one_ends_and_says_so(kafka: str) -> None:
    async with a_world(kafka) as world:
        topic, group = await world.topic(partitions=2), world.name("group")
        older = await world.reader(topic, group, member="twin")
        await older.opened(2)
        newer = await world.reader(topic, group, member="twin")
        await newer.opened(2)
        with pytest.raises(FencedError, match=r"another process has joined.*member twin of group"):
            await _fenced(older)
        assert [claim.partition for claim in older.journal.lost_claims] == [0, 1]
        assert older.journal.revocations == 0
        await older.close()
        await world.write(topic, b"for the newer one")
        assert await newer.values(1) == [b"for the newer one"]
        assert (newer.journal.revocations, newer.journal.lost_claims) == (0, [])


async def test_two_members_with_one_name_do_not_replace_each_other_for_ever(kafka: str) -> None:
    async with a_world(kafka) as world:
        topic, group = await world.topic(), world.name("group")
        older = await world.reader(topic, group, member="twin")
        await older.opened(1)
        newer = await world.reader(topic, group, member="twin")
        [claim] = await newer.opened(1)
        for _ in range(3):
            with pytest.raises(FencedError):
                await _fenced(older)
        assert older.claims == []
        assert claim.alive
        assert newer.claims == [claim]


@pytest.mark.parametrize("kind", [JoinGroupRequest, SyncGroupRequest])
async def test_who_replaced_itself_by_a_join_without_an_answer_joins_again(
    kafka: str, kind: Any
) -> None:
    properties = Properties({"heartbeat.interval.ms": "200"})
    client = DeafClient(kafka, "deaf", properties.connection())
    async with a_world(kafka) as world:
        topic, group = await world.topic(), world.name("group")
        spec = ConsumerSpec(topic=topic, group=group, member="named")
        consumer = KafkaConsumer(lambda: client, spec, properties.consumer())
        reader = Reader(consumer, Journal("named", []))
        await consumer.start(reader.journal)
        [first] = await reader.opened(1)
        client.deaf_to = kind
        await expel(kafka, group, reader)
        await eventually(lambda: not first.alive, "the loss of the claim")
        [second] = await reader.opened(1)
        assert client.deaf_to == ()
        if kind is JoinGroupRequest:
            # One that was given up before arrives after all.
            await ask(kafka, _a_join(group, "named", topic))
            await eventually(lambda: not second.alive, "the loss of the claim")
            await reader.opened(1)
        await world.write(topic, b"a")
        assert await reader.values(1) == [b"a"]
        await reader.close()


def _a_join(group: str, member: str, topic: str) -> JoinGroupRequest:
    protocol = RoundRobinPartitionAssignor
    metadata = protocol.metadata([topic]).encode()
    names: list[Any] = [(protocol.name, metadata)]
    return JoinGroupRequest(group, 10_000, 10_000, "", member, "consumer", names)


async def test_an_expelled_member_loses_its_claims_without_a_barrier(
    kafka: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_world(kafka) as world:
        topic, group = await world.topic(), world.name("group")
        await world.write(topic, b"a", b"b")
        reader = await world.reader(topic, group)
        [claim] = await reader.opened(1)
        await expel(kafka, group, reader)
        await eventually(lambda: not claim.alive, "the loss of the claim")
        assert (reader.journal.lost_claims, reader.journal.revocations) == ([claim], 0)
        assert f"what it read of {claim.topic}/{claim.partition} and did not" in caplog.text
        [new] = await reader.opened(1)
        assert new.epoch != claim.epoch
        assert await reader.values(2) == [b"a", b"b"]


async def test_a_commit_of_an_expelled_member_does_not_count(kafka: str) -> None:
    async with a_world(kafka, DEAF) as world:
        topic, group = await world.topic(), world.name("group")
        await world.write(topic, b"a", b"b")
        reader = await world.reader(topic, group)
        [claim] = await reader.opened(1)
        await expel(kafka, group, reader)
        assert await reader.consumer.commit({claim: 2}, deadline()) == set()
        assert await world.transport.admin().offsets(group) == {}
        await eventually(lambda: not claim.alive, "the loss of the claim")


async def test_a_transaction_of_an_expelled_member_does_not_count(kafka: str) -> None:
    async with a_world(kafka, DEAF) as world:
        source, sink, group = await world.topic(), await world.topic(), world.name("group")
        await world.write(source, b"a")
        reader = await world.reader(source, group)
        [claim] = await reader.opened(1)
        lane = await world.lane(world.name("lane"))
        await lane.begin()
        await send(lane, sink, Row(b"A"))
        await expel(kafka, group, reader)
        assert claim.alive, "nobody has told the member"
        with pytest.raises(FencedError, match="without this member"):
            await lane.commit({claim: 1}, reader.consumer, deadline())
        assert await world.transport.admin().offsets(group) == {}


async def test_who_never_gives_back_is_waited_for_no_longer_than_agreed(kafka: str) -> None:
    # The barrier is what is left of the rebalance: here 1.5 s of 4 s.
    async with a_world(kafka, {"max.poll.interval.ms": "4000"}) as world:
        topic, group = await world.topic(partitions=2), world.name("group")
        stuck = await world.reader(topic, group)
        old = await stuck.owning(2)

        async def never(_claims: Sequence[Claim], _until: float) -> None:
            await asyncio.Event().wait()

        stuck.journal.on_revoke = never
        other = await world.reader(topic, group)
        await other.owning(1)
        stuck.journal.on_revoke = lambda _claims, _until: None
        await _shared([stuck, other], 2)
        assert not any(claim.alive for claim in old)
        assert stuck.journal.lost_claims == []
        assert other.journal.revocations == 0, "it never had what the one that is stuck gave back"


async def test_no_commit_is_on_its_way_when_claims_have_been_given_back(kafka: str) -> None:
    async with a_world(kafka) as world:
        topic, group = await world.topic(), world.name("group")
        await world.write(topic, *(b"%d" % number for number in range(100)))
        reader = await world.reader(topic, group)
        [claim] = await reader.opened(1)
        commits: list[asyncio.Task[set[Claim]]] = []

        async def commit_and_leave(_claims: Sequence[Claim], until: float) -> None:
            for offset in range(1, 101):
                commit = reader.consumer.commit({claim: offset}, until)
                commits.append(asyncio.ensure_future(commit))
            await asyncio.sleep(0)

        reader.journal.on_revoke = commit_and_leave
        other = await world.reader(topic, group)
        await eventually(lambda: not claim.alive, "the end of the barrier")
        assert await asyncio.gather(*commits) == [{claim}] * 100
        assert await world.transport.admin().offsets(group) == {(topic, 0): 100}
        reader.journal.on_revoke = lambda _claims, _until: None
        await _shared([reader, other], 1)


async def test_one_who_joins_costs_the_others_one_rebalance_of_one_request(kafka: str) -> None:
    client = CountingClient(kafka, "counting", Properties({}).connection())
    async with a_world(kafka) as world:
        topic, group = await world.topic(partitions=2), world.name("group")
        spec = ConsumerSpec(topic=topic, group=group, member="counting")
        consumer = KafkaConsumer(lambda: client, spec, Properties({}).consumer())
        reader = Reader(consumer, Journal("counting", []))
        await consumer.start(reader.journal)
        await reader.owning(2)
        other = await world.reader(topic, group)
        await _shared([reader, other], 2)
        await other.owning(1)
        assert (client.joins, reader.journal.revocations) == (2, 1)
        await reader.close()


async def test_a_poll_ends_in_its_time_while_the_group_waits(kafka: str) -> None:
    async with a_world(kafka) as world:
        topic, group = await world.topic(partitions=2), world.name("group")
        reader = await world.reader(topic, group)
        await reader.opened(2)
        release = asyncio.Event()

        async def hold(_claims: Sequence[Claim], _until: float) -> None:
            await release.wait()

        reader.journal.on_revoke = hold
        waiting = await world.reader(topic, group)
        await eventually(lambda: reader.journal.revocations == 1, "the barrier")
        for each in (reader, waiting):
            assert await each.poll() == []
        assert reader.claims, "the barrier has not ended before the polls"
        release.set()
        reader.journal.on_revoke = lambda _claims, _until: None
        await _shared([reader, waiting], 2)


async def test_a_member_reads_nothing_while_its_group_may_have_gone_on_without_it(
    kafka: str,
) -> None:
    async with a_world(kafka, DEAF) as world:
        topic, group = await world.topic(), world.name("group")
        reader = await world.reader(topic, group)
        [claim] = await reader.opened(1)
        session = claim.lease.until - deadline(0)
        assert 0 < session <= 30, "it counts from what the group has heard"
        claim.lease.until = deadline(0)
        await world.write(topic, b"a")
        for _ in range(5):
            assert await reader.poll() == []
        claim.lease.until = deadline()
        assert await reader.values(1) == [b"a"]


async def test_a_heartbeat_lets_a_member_go_on(kafka: str) -> None:
    async with a_world(kafka, {"heartbeat.interval.ms": "200"}) as world:
        topic, group = await world.topic(), world.name("group")
        reader = await world.reader(topic, group)
        [claim] = await reader.opened(1)
        claim.lease.until = deadline(0)
        await world.write(topic, b"a")
        assert await reader.values(1) == [b"a"]


async def test_who_was_expelled_knows_that_others_may_go_on(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_world(kafka, {"heartbeat.interval.ms": "200"}) as world:
        topic, group = await world.topic(), world.name("group")
        reader = await world.reader(topic, group)
        [claim] = await reader.opened(1)
        held: list[bool] = []

        def noting(_claims: object) -> None:
            held.append(claim.lease.holds)

        monkeypatch.setattr(reader.journal, "lost", noting)
        await expel(kafka, group, reader)
        await eventually(lambda: held == [False], "the loss of the claim")


async def test_members_that_come_back_share_a_topic_that_was_away_when_they_left(
    kafka: str,
) -> None:
    async with a_world(kafka) as world:
        topic, group = await world.topic(partitions=4), world.name("group")
        members = ("member-a", "member-b")
        readers = [await world.reader(topic, group, member=member) for member in members]
        for reader in readers:
            await reader.opened(2)
        admin = world.transport.admin()
        await admin.delete(topic)
        for reader in readers:
            await reader.owning(0)
        for reader in readers:
            await reader.close(leave=False)
        await admin.create(TopicSpec(name=topic, partitions=4))
        again = [await world.reader(topic, group, member=member) for member in members]
        for reader in again:
            await reader.owning(2)
