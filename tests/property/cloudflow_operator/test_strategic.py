"""Laws of strategic merge patches."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloudflow_operator.desired.strategic import merged

NAMES = st.sampled_from("abc")
VALUES = st.integers(0, 3)


def _sections(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    entry = st.fixed_dictionaries({"name": NAMES}, optional={"image": values, "tty": values})
    entries = st.lists(entry, max_size=3, unique_by=lambda one: str(one["name"]))
    return st.fixed_dictionaries(
        {},
        optional={
            "containers": entries,
            "nodeSelector": st.dictionaries(NAMES, values, max_size=3),
            "tolerations": st.lists(VALUES, max_size=2),
        },
    )


ORIGINALS = _sections(VALUES)
PATCHES = _sections(VALUES | st.none())


@given(ORIGINALS)
def test_an_empty_patch_changes_nothing(original: dict[str, Any]) -> None:
    assert merged(original, {}) == original


@given(ORIGINALS, PATCHES)
def test_a_patch_twice_is_the_patch_once(original: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merged(original, patch)
    assert merged(once, patch) == once


@given(ORIGINALS, PATCHES)
def test_null_is_never_left(original: dict[str, Any], patch: dict[str, Any]) -> None:
    assert "None" not in repr(merged(original, patch))


@given(ORIGINALS, PATCHES)
def test_entries_that_a_patch_does_not_name_stay_in_their_order(
    original: dict[str, Any], patch: dict[str, Any]
) -> None:
    named = {one["name"] for one in patch.get("containers", ())}
    before = [one for one in original.get("containers", ()) if one["name"] not in named]
    after = [one for one in merged(original, patch).get("containers", ()) if one in before]
    assert after == before
