"""Troubles come and go, and each of both is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlet_sdk.runtime.health import Health

if TYPE_CHECKING:
    import pytest


def test_a_trouble_is_told_once_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    health = Health()
    health.trouble("outlet out", "no broker")
    health.trouble("outlet out", "still no broker")
    assert health.troubles == {"outlet out": "still no broker"}
    health.well("outlet out")
    health.well("outlet out")
    assert health.troubles == {}
    health.trouble("outlet out", "again")
    levels = [(r.levelname, r.getMessage().partition(" after")[0]) for r in caplog.records]
    assert levels == [
        ("WARNING", "outlet out: no broker"),
        ("INFO", "outlet out: well again"),
        ("WARNING", "outlet out: again"),
    ]


def test_places_do_not_answer_for_each_other() -> None:
    health = Health()
    health.trouble("a", "one")
    health.trouble("b", "two")
    health.well("a")
    assert health.troubles == {"b": "two"}


def test_what_a_probe_was_given_does_not_change_under_it() -> None:
    health = Health()
    health.trouble("a", "one")
    given = health.troubles
    health.well("a")
    assert given == {"a": "one"}
