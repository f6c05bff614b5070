"""A missing part skips its tests here and fails them where it is required, never in silence."""

from __future__ import annotations

import pytest

from support.require import VARIABLE, missing, required_parts


def test_a_missing_part_skips_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs kafka: no broker answers"):
        missing("kafka", "no broker answers")


def test_a_required_part_fails_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "kubernetes, kafka")
    with pytest.raises(pytest.fail.Exception, match="no broker answers"):
        missing("kafka", "no broker answers")


def test_a_misspelt_part_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "kafak")
    with pytest.raises(ValueError, match="kafak"):
        required_parts()
