"""Whatever groups Kafka tells of, those are left that no inlet has, and nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloudflow_operator.left_groups import SHOWN, left_groups
from streamlet_sdk.contract import groups_of
from support.applications import NAME, NAMESPACE, a_streamlet, a_topic, desired_of

NAMES = ("alpha", "beta", "beta-2", "gamma")
CLUSTERS = ("default", "east")
GROUPS = [f"{groups_of(NAMESPACE, NAME)}{name}.in" for name in NAMES]

sets = st.sets(st.sampled_from(NAMES))
told = st.fixed_dictionaries(
    dict.fromkeys(CLUSTERS, st.none() | st.lists(st.sampled_from(GROUPS), unique=True))
)


@given(sets, told, told)
def test_what_is_left_is_what_was_told_last_of_each_cluster_without_what_is_used(
    streamlets: set[str], first: dict[str, list[str] | None], then: dict[str, list[str] | None]
) -> None:
    readers = tuple(f"{name}.in" for name in sorted(streamlets))
    writers = [a_topic(f"of-{name}", (f"{name}.out",)) for name in sorted(streamlets)]
    wanted = desired_of(
        streamlets=[a_streamlet(name) for name in sorted(streamlets)],
        topics=[a_topic("raw", (), readers), *writers],
    )
    before = left_groups(first, desired_of(streamlets=[], topics=[]), None, 1)
    found = left_groups(then, wanted, before, 2)
    known = {at: names if names is not None else first[at] or [] for at, names in then.items()}
    used = {f"{groups_of(NAMESPACE, NAME)}{name}.in" for name in streamlets}
    assert {(one.cluster, one.name) for one in found.groups} == {
        (at, name) for at, names in known.items() for name in names if name not in used
    }
    assert found.count == len(found.groups)
    assert (found.observed_generation == 2) == (None not in then.values())


@given(st.sets(st.integers(0, 99)), st.integers(1, 3))
def test_all_are_counted_and_the_first_named(numbers: set[int], generation: int) -> None:
    names = [f"{groups_of(NAMESPACE, NAME)}old-{number}.in" for number in numbers]
    wanted = desired_of(streamlets=[], topics=[])
    found = left_groups({"default": names}, wanted, None, generation)
    assert found.count == len(names)
    assert [one.name for one in found.groups] == sorted(names)[:SHOWN]
