"""What the chart has from elsewhere is as it is there, and a file that is not is noticed."""

from __future__ import annotations

import json
import sys
import tomllib
from typing import TYPE_CHECKING

import yaml

from cloudflow_operator.api.schema import definition
from support.chart import CHART, generator, only, rendered
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_definition_is_the_operators_and_kept() -> None:
    made = only(rendered({}), "CustomResourceDefinition")
    kept = made["metadata"].pop("annotations")
    assert kept == {"helm.sh/resource-policy": "keep"}
    assert made == definition()


def test_alerts_and_dashboard_are_those_of_the_pages() -> None:
    made = rendered({"alerts.enabled": True, "dashboard.enabled": True})
    alerts = yaml.safe_load(ROOT.joinpath("docs/monitoring/alerts.yaml").read_text())
    assert only(made, "PrometheusRule")["spec"] == alerts
    dashboard = json.loads(ROOT.joinpath("docs/monitoring/dashboard.json").read_text())
    assert json.loads(only(made, "ConfigMap")["data"]["cloudflow.json"]) == dashboard


def test_the_chart_has_the_version_of_the_package() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
    chart = yaml.safe_load(CHART.joinpath("Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == project["version"]


def test_the_chart_is_current() -> None:
    stale = [path.name for path, text in generator().files().items() if path.read_text() != text]
    assert stale == []


def test_a_stale_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    generate = generator()
    file = tmp_path / "made.yaml"
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "files", lambda: {file: "new\n"})
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 1
    assert "made.yaml is not what its sources say: run `make chart`" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert file.read_text() == "new\n"
