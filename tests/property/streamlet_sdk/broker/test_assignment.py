"""Who reads what, for any number of partitions and any history."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamlet_sdk.broker.assignment import assignment

MEMBERS = st.text("abcdef", min_size=1, max_size=3)
HISTORIES = st.dictionaries(MEMBERS, st.lists(st.integers(0, 20), unique=True), max_size=8)


@given(st.integers(0, 20), HISTORIES)
def test_every_partition_has_one_owner_and_shares_are_even(
    count: int, held: dict[str, list[int]]
) -> None:
    owned = assignment(count, held)
    assert owned.keys() == held.keys()
    partitions = sorted(partition for share in owned.values() for partition in share)
    assert partitions == (list(range(count)) if held else [])
    sizes = [len(share) for share in owned.values()]
    assert not sizes or max(sizes) - min(sizes) <= 1


@given(st.integers(0, 20), st.sets(MEMBERS, max_size=8))
def test_an_assignment_that_is_even_stays(count: int, members: set[str]) -> None:
    settled = assignment(count, dict.fromkeys(members, ()))
    assert assignment(count, settled) == settled


@given(st.integers(1, 20), st.sets(MEMBERS, min_size=2, max_size=8))
def test_who_stays_keeps_what_it_had_when_another_leaves(count: int, members: set[str]) -> None:
    before = assignment(count, dict.fromkeys(members, ()))
    before.pop(min(members))
    after = assignment(count, before)
    assert all(set(before[member]) <= set(after[member]) for member in before)


@given(st.integers(0, 20), HISTORIES)
def test_the_order_of_the_members_does_not_matter(count: int, held: dict[str, list[int]]) -> None:
    backwards = {member: held[member] for member in reversed(list(held))}
    assert assignment(count, backwards) == assignment(count, held)
