"""What is counted is what is scraped, and all of it is described."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from cloudflow_operator.interfaces import DEPLOYMENT
from cloudflow_operator.metrics import ALL, LEADER, PREFIX, QUEUE_DEPTH, Metrics, Result
from cloudflow_operator.requests import Request
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Iterator


def scraped(metrics: Metrics) -> dict[str, float]:
    return {
        f"{sample.name.removeprefix(PREFIX)}{dict(sample.labels) or ''}": sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def names(metrics: Metrics) -> Iterator[str]:
    for family in text_string_to_metric_families(metrics.text().decode()):
        if family.name.startswith(PREFIX) and not family.name.endswith("_created"):
            yield family.name + ("_total" if family.type == "counter" else "")


def test_every_metric_is_described_and_follows_the_conventions() -> None:
    assert sorted(names(Metrics("1"))) == sorted(one.full_name for one in ALL)
    for one in ALL:
        assert one.help.endswith(".")
        assert not one.name.endswith("_total")


def test_results_are_there_before_the_first_of_them() -> None:
    found = scraped(Metrics("1"))
    assert {name for name in found if name.startswith("reconciles_total")} == {
        f"reconciles_total{ {'result': one.value} }" for one in Result
    }


def test_looks_are_counted_by_result_and_timed() -> None:
    metrics = Metrics("1")
    metrics.reconciled(Result.DONE, timedelta(milliseconds=30))
    metrics.reconciled(Result.FAILED, timedelta(seconds=3))
    found = scraped(metrics)
    assert found["reconciles_total{'result': 'done'}"] == 1
    assert found["reconciles_total{'result': 'failed'}"] == 1
    assert found["reconcile_duration_seconds_bucket{'le': '0.05'}"] == 1
    assert found["reconcile_duration_seconds_sum"] == 3.03


def test_requests_are_counted_by_what_they_need() -> None:
    metrics = Metrics("1")
    where = "/apis/apps/v1/namespaces/plant/deployments"
    metrics.requested(Request("", "PATCH", f"{where}/one"), 200)
    metrics.requested(Request("", "PATCH", f"{where}/two"), 200)
    metrics.requested(Request("", "GET", where, {"watch": "true"}), None)
    metrics.requested(Request("", "GET", "/version"), 200)
    counted = {k: v for k, v in scraped(metrics).items() if k.startswith("api_requests_total{")}
    kind = "'resource': 'deployments'"
    assert counted == {
        f"api_requests_total{{'code': '200', {kind}, 'verb': 'patch'}}": 2,
        f"api_requests_total{{'code': 'none', {kind}, 'verb': 'watch'}}": 1,
    }


def test_applications_are_counted_by_their_last_phase() -> None:
    metrics = Metrics("1")
    metrics.phase("plant", "one", "Pending")
    metrics.phase("plant", "two", "Running")
    metrics.phase("plant", "one", "Running")
    metrics.phase("other", "one", "Running")
    metrics.phase("plant", "two", None)
    metrics.phase("plant", "unknown", None)
    found = scraped(metrics)
    assert found["applications{'phase': 'Pending'}"] == 0
    assert found["applications{'phase': 'Running'}"] == 2


def test_gauges_are_asked_at_each_scrape() -> None:
    metrics, depth = Metrics("1"), [3]
    metrics.follow(QUEUE_DEPTH, lambda: depth[0])
    metrics.follow(LEADER, lambda: True)
    assert scraped(metrics)["queue_depth"] == 3
    depth[0] = 4
    found = scraped(metrics)
    assert (found["queue_depth"], found["leader"]) == (4, 1)


def test_the_last_word_of_a_watch_has_its_time() -> None:
    metrics = Metrics("1")
    metrics.heard(DEPLOYMENT)
    first = scraped(metrics)["last_watch_event_timestamp_seconds{'kind': 'Deployment'}"]
    metrics.heard(DEPLOYMENT)
    assert scraped(metrics)["last_watch_event_timestamp_seconds{'kind': 'Deployment'}"] >= first > 0


def test_the_version_and_the_process_are_told() -> None:
    found = scraped(Metrics("1.2.3"))
    assert found["info{'version': '1.2.3'}"] == 1
    assert found["process_resident_memory_bytes"] > 0


@virtual_time
async def test_a_loop_that_was_held_up_is_seen() -> None:
    metrics, loop = Metrics("1"), asyncio.get_running_loop()
    task = asyncio.create_task(metrics.watch_loop())
    await asyncio.sleep(0.5)
    twin: Any = loop
    twin.move(3)
    await asyncio.sleep(0.1)
    task.cancel()
    found = scraped(metrics)
    assert found["event_loop_lag_seconds_bucket{'le': '1.0'}"] == 0
    assert found["event_loop_lag_seconds_bucket{'le': '5.0'}"] == 1
