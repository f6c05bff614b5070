"""The benchmark on a node still works; what it finds is for `make bench-pods` to say."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from support.report import Finding, Report
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform
    from support.kube import Kube


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_everything_is_measured_once(
    platform: Platform, kube: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "pods")
    figures = importlib.import_module("figures")
    report, told = Report(), list[Finding]()
    await figures.Bench(platform, kube, tmp_path, 1, report, told.append).all()
    assert told == report.findings
    assert [finding.what.split(",")[0] for finding in told] == [
        "`build --push` after a change of one line",
        "`deploy --wait` of five streamlets",
        "resident memory of an idle streamlet",
        "a pod from its making to its first record",
    ]
    assert all(finding.value for finding in told)
