"""What every transport owes to consumers that share a topic."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamlet_sdk.runtime.transport import ConsumerSpec
from support.transport import deadline, eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from streamlet_sdk.runtime.transport import Claim
    from support.transport import Reader, World


async def _settled(readers: Sequence[Reader], shares: list[int]) -> None:
    """Wait until the readers own disjoint partitions, `shares` many each in any order."""

    def is_settled() -> bool:
        owned = [partition for reader in readers for partition in reader.partitions]
        counts = sorted(len(reader.partitions) for reader in readers)
        return counts == sorted(shares) and sorted(owned) == list(range(sum(shares)))

    await eventually(is_settled, f"shares of {shares}")


async def test_members_share_the_partitions_evenly(world: World) -> None:
    topic, group = await world.topic(partitions=5), world.name("group")
    readers = [await world.reader(topic, group) for _ in range(2)]
    await _settled(readers, [2, 3])
    readers.append(await world.reader(topic, group))
    await _settled(readers, [1, 2, 2])


async def test_a_member_too_many_owns_nothing_and_waits(world: World) -> None:
    topic, group = await world.topic(), world.name("group")
    readers = [await world.reader(topic, group) for _ in range(2)]
    await _settled(readers, [0, 1])
    # Who has nothing knows that it is a member.
    await eventually(lambda: all(one.journal.joins for one in readers), "both to be told")
    owner = max(readers, key=lambda reader: len(reader.partitions))
    await owner.close()
    readers.remove(owner)
    await _settled(readers, [1])


async def test_groups_do_not_share(world: World) -> None:
    topic = await world.topic(partitions=2)
    await world.write(topic, b"for both")
    for group in (world.name("group"), world.name("group")):
        reader = await world.reader(topic, group)
        await reader.opened(2)
        assert await reader.values(1) == [b"for both"]


async def test_a_leaving_member_hands_over_where_it_committed(world: World) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    for partition in (0, 1):
        await world.write(topic, b"a", b"b", b"c", partition=partition)
    first = await world.reader(topic, group)
    claims = await first.opened(2)
    await first.read(6)
    await first.consumer.commit(dict.fromkeys(claims, 2), deadline())
    second = await world.reader(topic, group)
    await _settled([first, second], [1, 1])
    await first.close()
    await second.opened(2)
    assert second.positions == {0: 2, 1: 2}
    assert await second.values(2) == [b"c", b"c"]


async def test_everything_is_revoked_before_anything_is_assigned_anew(world: World) -> None:
    topic, group = await world.topic(partitions=4), world.name("group")
    one = await world.reader(topic, group, name="one")
    await one.owning(4)
    two = await world.reader(topic, group, name="two")
    await _settled([one, two], [2, 2])
    three = await world.reader(topic, group, name="three")
    await _settled([one, two, three], [1, 1, 2])
    owner: dict[str, str] = {}
    for entry in world.diary:
        name, change = entry.split()
        if change.startswith("+"):
            assert owner.get(change[1:]) is None, world.diary
            owner[change[1:]] = name
        else:
            assert owner.pop(change[1:]) == name, world.diary
    assert [reader.journal.lost_claims for reader in (one, two, three)] == [[], [], []]


async def test_claims_count_during_revocation_and_are_dead_after_it(world: World) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a", b"b")
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    await reader.read(2)
    confirmed: list[set[Claim]] = []

    async def finish(claims: Sequence[Claim], until: float) -> None:
        assert all(claim.alive for claim in claims)
        assert until > asyncio.get_running_loop().time()
        confirmed.append(await reader.consumer.commit({claim: 2}, until))

    reader.journal.on_revoke = finish
    await reader.close()
    assert confirmed == [{claim}]
    assert not claim.alive
    assert await world.transport.admin().offsets(group) == {(topic, 0): 2}


async def test_a_commit_while_others_join_counts_too(world: World) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    for partition in (0, 1):
        await world.write(topic, b"a", b"b", partition=partition)
    reader = await world.reader(topic, group)
    await reader.opened(2)
    await reader.read(4)
    confirmed: list[int] = []

    async def finish(claims: Sequence[Claim], until: float) -> None:
        commits = await reader.consumer.commit(dict.fromkeys(claims, 2), until)
        confirmed.extend(sorted(claim.partition for claim in commits))

    reader.journal.on_revoke = finish
    other = await world.reader(topic, group)
    await _settled([reader, other], [1, 1])
    assert confirmed == [0, 1]
    await other.opened(1)
    assert list(other.positions.values()) == [2]
    reader.journal.on_revoke = lambda _claims, _until: None


async def test_a_dead_claim_commits_nothing(world: World) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    await world.write(topic, b"a", b"b")
    reader = await world.reader(topic, group)
    old = await reader.opened(2)
    other = await world.reader(topic, group)
    await _settled([reader, other], [1, 1])
    assert not any(claim.alive for claim in old)
    assert await reader.consumer.commit(dict.fromkeys(old, 1), deadline()) == set()
    assert await world.transport.admin().offsets(group) == {}
    [new] = reader.claims
    mixed = {old[0]: 1, old[1]: 1, new: 0}
    assert await reader.consumer.commit(mixed, deadline()) == {new}
    assert await world.transport.admin().offsets(group) == {(topic, new.partition): 0}


async def test_a_new_claim_of_the_same_partition_has_another_epoch(world: World) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    reader = await world.reader(topic, group)
    old = await reader.owning(2)
    other = await world.reader(topic, group)
    await _settled([reader, other], [1, 1])
    new = reader.claims + other.claims
    assert not {claim.epoch for claim in old} & {claim.epoch for claim in new}


async def test_dead_claims_in_the_credit_are_ignored(world: World) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    for partition in (0, 1):
        await world.write(topic, b"a", partition=partition)
    reader = await world.reader(topic, group)
    old = await reader.opened(2)
    other = await world.reader(topic, group)
    await _settled([reader, other], [1, 1])
    new = await reader.opened(1)
    credit = dict.fromkeys([*old, *new], 10)
    chunks: list[Claim] = []
    async with asyncio.timeout(30):
        while not chunks:
            chunks = [chunk.claim for chunk in await reader.consumer.poll(credit, 1.0)]
    assert chunks == new


async def test_a_listener_that_fails_in_revocation_does_not_stop_the_group(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    reader = await world.reader(topic, group)
    old = await reader.owning(2)

    def fail(_claims: Sequence[Claim], _until: float) -> None:
        raise RuntimeError("a defect in the engine")

    reader.journal.on_revoke = fail
    other = await world.reader(topic, group)
    await eventually(lambda: len(other.partitions) == 1, "a share for the other member")
    assert not any(claim.alive for claim in old)
    assert any(record.exc_info for record in caplog.records), "the error must be visible"


async def test_a_restarted_static_member_is_back_without_a_rebalance(world: World) -> None:
    topic, group = await world.topic(partitions=4), world.name("group")
    stable = await world.reader(topic, group, member="stable")
    restarted = await world.reader(topic, group, member="restarted")
    await _settled([stable, restarted], [2, 2])
    kept, had = stable.claims, restarted.partitions
    revocations = stable.journal.revocations
    await restarted.close(leave=False)
    again = await world.reader(topic, group, member="restarted")
    await again.owning(2)
    assert again.partitions == had
    assert (stable.claims, stable.journal.revocations) == (kept, revocations)


async def test_a_member_that_leaves_is_replaced_by_the_others_at_once(world: World) -> None:
    topic, group = await world.topic(partitions=4), world.name("group")
    stays = await world.reader(topic, group, member="stays")
    leaves = await world.reader(topic, group, member="leaves")
    await _settled([stays, leaves], [2, 2])
    await leaves.close(leave=True)
    await _settled([stays], [4])


async def test_partitions_that_are_added_are_shared_and_read_from_their_start(
    world: World,
) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"old")
    reader = await world.reader(topic, group)
    await reader.opened(1, "latest")
    await world.transport.admin().grow(topic, 3)
    for partition in (1, 2):
        await world.write(topic, b"new", partition=partition)
    await reader.opened(3, "latest")
    assert reader.positions == {0: 1, 1: 0, 2: 0}
    assert await reader.values(2) == [b"new", b"new"]


async def test_a_deleted_topic_takes_its_claims_and_offsets_along(world: World) -> None:
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, b"a")
    reader = await world.reader(topic, group)
    [claim] = await reader.opened(1)
    await reader.consumer.commit({claim: 1}, deadline())
    await world.transport.admin().delete(topic)
    await eventually(lambda: not claim.alive, "the end of the claim")
    await reader.close()
    offsets = await world.transport.admin().offsets(group)
    assert (topic, 0) not in offsets


async def test_members_named_alike_by_nobody_are_different(world: World) -> None:
    topic, group = await world.topic(partitions=2), world.name("group")
    spec = ConsumerSpec(topic=topic, group=group)
    assert spec.member == ""
    readers = [await world.reader(topic, group, name="same") for _ in range(2)]
    await _settled(readers, [1, 1])
