"""How long a retry waits, and what a policy refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlet_sdk import Retry

SECOND = timedelta(seconds=1)


def test_waits_double_up_to_the_longest() -> None:
    retry = Retry(backoff=SECOND, max_backoff=5 * SECOND, jitter=0)
    waits = [retry.wait(attempt, 0.5).total_seconds() for attempt in range(1, 6)]
    assert waits == [1, 2, 4, 5, 5]


def test_a_first_wait_longer_than_the_longest_is_kept() -> None:
    assert Retry(backoff=60 * SECOND, jitter=0).wait(1, 0) == 60 * SECOND


@given(attempt=st.integers(1, 10_000), chance=st.floats(0, 1), jitter=st.floats(0, 1))
def test_jitter_shortens_a_wait_by_no_more_than_its_part(
    attempt: int, chance: float, jitter: float
) -> None:
    plain = Retry(jitter=0).wait(attempt, 0)
    waited = Retry(jitter=jitter).wait(attempt, chance)
    assert plain * (1 - jitter) - timedelta(microseconds=1) <= waited <= plain


@pytest.mark.parametrize(
    ("given_values", "says"),
    [
        ({"attempts": 0}, "at least 1, not 0"),
        ({"backoff": -SECOND}, "must not be negative"),
        ({"max_backoff": -SECOND}, "must not be negative"),
        ({"jitter": 1.5}, "between 0 and 1, not 1.5"),
    ],
)
def test_what_cannot_be_meant_is_refused(given_values: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Retry(**given_values)  # type: ignore[arg-type] # wrong values, right names
