"""A distribution counts as if each duration was put into its bucket alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlet_sdk.runtime.counters import HANDLING, Distribution

durations = st.floats(min_value=0, max_value=120) | st.sampled_from(HANDLING)
bounds = st.lists(durations, min_size=1, max_size=12, unique=True).map(sorted)


def plainly(edges: list[float], seconds: list[float]) -> list[int]:
    """How many are in each bucket, a bound belonging to the one below it."""
    lower = [-1.0, *edges]
    upper = [*edges, float("inf")]
    return [
        sum(low < each <= high for each in seconds) for low, high in zip(lower, upper, strict=True)
    ]


@given(bounds, st.lists(st.tuples(durations, st.integers(1, 5))))
def test_durations_are_counted_as_a_plain_histogram_does(
    edges: list[float], added: list[tuple[float, int]]
) -> None:
    made = Distribution(edges)
    for seconds, times in added:
        made.add(seconds, times)
    each = [seconds for seconds, times in added for _ in range(times)]
    assert made.counts == plainly(edges, each)
    assert made.total == pytest.approx(sum(each))


@given(
    st.lists(st.floats(min_value=0, max_value=HANDLING[0])),
    st.lists(st.floats(min_value=HANDLING[0], max_value=120, exclude_min=True)),
)
def test_many_that_are_quick_count_as_if_each_was_measured(
    quick: list[float], slow: list[float]
) -> None:
    made = Distribution(HANDLING)
    made.add_mostly_quick(len(quick) + len(slow), sum(quick) + sum(slow), slow)
    assert made.counts == plainly(list(HANDLING), [*quick, *slow])
    assert made.total == pytest.approx(sum(quick) + sum(slow))
