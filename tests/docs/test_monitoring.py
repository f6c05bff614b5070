"""The dashboard and the alert rules ask for metrics and labels that exist."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import REGISTRY

from streamlet_sdk.runtime.pod.metrics import documented
from support.documents import code_blocks
from support.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ROOT / "docs" / "monitoring"
# What Prometheus and a histogram add, and the query language's own words.
ADDED = {"instance", "namespace", "pod", "le"}
METRIC = re.compile(r"\b(?:cloudflow|process|python)_\w+")
GROUPED = re.compile(r"\b(?:by|on|group_left) \(([\w, ]+)\)")
MATCHED = re.compile(r"(\w+)(?:=~|!~|!=|=)\"")
SHOWN = re.compile(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}")


def known() -> dict[str, set[str]]:
    """Labels of every series, by its name."""
    found: dict[str, set[str]] = {
        family.name + ("_total" if family.type == "counter" else ""): set()
        for family in REGISTRY.collect()
    }
    for metric in documented():
        labels = set(metric.labels)
        if metric.kind == "histogram":
            found |= {f"{metric.name}_{part}": labels for part in ("bucket", "sum", "count")}
        else:
            found[metric.name] = labels
    return found


def dashboard() -> dict[str, Any]:
    """The document."""
    made: dict[str, Any] = json.loads(FOLDER.joinpath("dashboard.json").read_text())
    return made


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    document = yaml.safe_load(FOLDER.joinpath("alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str, str]]:
    """What is asked, by whom, and the text that shows it."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"], target["legendFormat"]
    for rule in rules():
        yield rule["alert"], rule["expr"], " ".join(rule["annotations"].values())


@pytest.mark.parametrize(("name", "query", "shown"), list(queries()), ids=lambda v: v[:40])
def test_a_query_asks_for_what_exists(name: str, query: str, shown: str) -> None:
    series = known()
    asked = METRIC.findall(query)
    assert asked, name
    assert [metric for metric in asked if metric not in series] == []
    labels = set().union(*(series[metric] for metric in asked)) | ADDED
    grouped = {label for group in GROUPED.findall(query) for label in group.split(", ")}
    assert grouped | set(MATCHED.findall(query)) <= labels
    kept = grouped or labels
    assert set(SHOWN.findall(shown)) - {"value"} <= kept, name
    assert query.count("(") == query.count(")")
    assert query.count("{") == query.count("}")


def test_counters_are_asked_by_their_change_and_gauges_are_not() -> None:
    counters = {metric.name for metric in documented() if metric.kind == "counter"}
    for name, query, _ in queries():
        for metric in METRIC.findall(query):
            change = re.search(rf"\b(?:rate|increase)\({metric}\b", query) is not None
            rises = metric in counters or metric.endswith(("_bucket", "_sum", "_count", "_total"))
            assert change == rises, name


def test_every_metric_of_a_pod_is_on_the_dashboard() -> None:
    text = json.dumps(dashboard())
    assert [metric.name for metric in documented() if metric.name not in text] == []


def test_panels_lie_beside_each_other() -> None:
    cells = [
        (x, y)
        for panel in dashboard()["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))


def test_the_page_says_what_to_do_about_every_alert() -> None:
    page = FOLDER.joinpath("README.md").read_text()
    told = re.findall(r"^\| (Cloudflow\w+) \|", page, re.MULTILINE)
    assert sorted(told) == sorted(rule["alert"] for rule in rules())


def test_the_examples_of_the_page_are_yaml() -> None:
    for block in code_blocks(FOLDER / "README.md", "yaml"):
        assert yaml.safe_load(block)["kind"] == "PodMonitor"
