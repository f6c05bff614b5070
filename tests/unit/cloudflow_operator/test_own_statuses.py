"""Which versions tell nothing new."""

from __future__ import annotations

from typing import Any

from cloudflow_operator.own_statuses import OwnStatuses
from cloudflow_operator.watching import Place


def version(number: int, status: str = "", **changed: Any) -> dict[str, Any]:
    metadata = {"name": "plant", "namespace": "lab", "generation": 1, "labels": {"a": "b"}}
    metadata |= {"resourceVersion": str(number), "managedFields": [{"time": number}], **changed}
    return {"metadata": metadata, "spec": {"version": "1"}, "status": {"phase": status}}


def test_a_status_that_was_written_to_what_was_read_is_one() -> None:
    own = OwnStatuses()
    own.wrote(version(5), version(6, "Pending"))
    assert own.is_one(version(6, "Pending"))
    assert not own.is_one(version(5))
    assert not own.is_one(version(7, "Pending"))


def test_a_change_in_between_is_news() -> None:
    changes: list[dict[str, Any]] = [
        {"generation": 2},
        {"annotations": {"restart": "now"}},
        {"labels": {}},
    ]
    for changed in changes:
        own = OwnStatuses()
        own.wrote(version(5), version(7, **changed))
        assert not own.is_one(version(7, **changed))


def test_a_note_and_the_status_after_it_are_both_known() -> None:
    own = OwnStatuses()
    for number in (6, 8):
        own.wrote(version(5), version(number))
    assert own.is_one(version(6))
    assert own.is_one(version(8))
    own.wrote(version(8), version(9))
    assert not own.is_one(version(6))


def test_nothing_is_known_of_one_that_is_gone() -> None:
    own = OwnStatuses()
    own.wrote(version(5), version(6))
    own.forget(Place("lab", "plant"))
    assert not own.is_one(version(6))
