"""The page about guarantees names what there is."""

from __future__ import annotations

from chaos.scenarios import SCENARIOS
from support.sources import ROOT

PAGE = ROOT / "docs" / "concepts" / "guarantees.md"


def test_every_scenario_is_explained() -> None:
    text = PAGE.read_text()
    table = text[text.index("## What is broken") : text.index("## What was measured")]
    assert [each.name for each in SCENARIOS if f"`{each.name}`" not in table] == []
