"""What to do when a real part that a test needs is not there: skip, or fail where it must be."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

VARIABLE = "CLOUDFLOW_REQUIRE"
"""Names of the parts that must be there, separated by commas; continuous integration sets it."""

PARTS = frozenset({"registry", "kafka", "kubernetes", "node"})


def required_parts() -> frozenset[str]:
    """The parts named by `CLOUDFLOW_REQUIRE`.

    Raises:
        ValueError: when a name is not one of `PARTS`; a misspelt one would skip for ever.
    """
    named = frozenset(part.strip() for part in os.environ.get(VARIABLE, "").split(",")) - {""}
    if unknown := named - PARTS:
        message = f"{VARIABLE} names {sorted(unknown)}; known parts are {sorted(PARTS)}"
        raise ValueError(message)
    return named


def missing(part: str, reason: str) -> NoReturn:
    """End the running test: skipped with `reason`, or failed when `part` is required."""
    if part in required_parts():
        pytest.fail(f"{part} is required by {VARIABLE}, but {reason}", pytrace=False)
    pytest.skip(f"needs {part}: {reason}")
