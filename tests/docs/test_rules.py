"""The rules of the Kafka client name tests; those are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
RULES = TESTS.parent / "docs" / "adr" / "0009-rules-of-the-kafka-client.md"


def test_every_rule_names_tests_that_are_there() -> None:
    rows = [row for row in RULES.read_text().splitlines() if re.match(r"\| \d+ \|", row)]
    assert len(rows) == 25
    assert [row for row in rows if "`test_" not in row] == []
    there = {
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    named = set(re.findall(r"`(test_\w+)`", RULES.read_text()))
    assert named - there == set()
