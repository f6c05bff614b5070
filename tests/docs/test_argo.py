"""Argo CD's script of the page says of every phase what Argo has to know, in the Lua of Argo."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import pytest
import yaml

from cloudflow_operator.conditions import Reason
from cloudflow_operator.names import GROUP
from support.documents import code_blocks
from support.sources import ROOT

KEY: Final = f"resource.customizations.health.{GROUP}_CloudflowApplication"
GENERATION: Final = 2


def health(status: dict[str, Any] | None) -> tuple[str, str]:
    """What the script says of an application with that status."""
    (block,) = (one for one in code_blocks(ROOT / "docs/installing.md", "yaml") if KEY in one)
    lua = import_module("lupa.lua51").LuaRuntime()
    script = lua.eval(f"function(obj) {yaml.safe_load(block)['data'][KEY]} end")
    resource = {"metadata": {"generation": GENERATION}, "status": status}
    told = script(lua.table_from(resource, recursive=True))
    return told.status, told.message


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Reason.RUNNING, "Healthy"),
        (Reason.PAUSED, "Suspended"),
        (Reason.PENDING, "Progressing"),
        (Reason.CRASH_LOOP, "Degraded"),
        (Reason.ERROR, "Degraded"),
    ],
)
def test_every_phase_has_its_health(phase: Reason, expected: str) -> None:
    status = {"observedGeneration": GENERATION, "phase": str(phase), "message": "as it is"}
    assert health(status) == (expected, "as it is")


@pytest.mark.parametrize(
    "status", [None, {}, {"observedGeneration": GENERATION - 1, "phase": "Running"}]
)
def test_what_the_operator_has_not_seen_is_on_its_way(status: dict[str, Any] | None) -> None:
    assert health(status) == ("Progressing", "the operator has not looked at it yet")
