"""Every metric that is documented is served, moves with what it is about, and has a good name."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streamlet_sdk import Delivery, Emission, Inlet, Outlet, Reject, Retry, Streamlet, source
from streamlet_sdk.metrics import Metrics
from streamlet_sdk.runtime.counters import Counters, Distribution, Lag
from streamlet_sdk.runtime.pod.metrics import Observed, PodCollector, documented
from streamlet_sdk.runtime.transport import ConsumerSpec
from streamlet_sdk.runtime.watchdog import LOOP_LAG
from support.engine import STREAMLET, Engine, a_config
from support.transport import Journal
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

    from streamlet_sdk.runtime.pod.metrics import Documented

TRIES = Retry(attempts=2, backoff=timedelta(seconds=1), jitter=0)


class Sorter(Streamlet):
    """Passes on; `bad` fails always, `once` at the first try."""

    in_ = Inlet(bytes, delivery=Delivery(retry=TRIES))
    out = Outlet(bytes)
    failed: set[bytes]

    async def start(self) -> None:
        self.failed = set()

    @in_.each
    def sort(self, data: bytes) -> Emission[bytes]:
        if data == b"once" and data not in self.failed:
            self.failed.add(data)
            raise ValueError("try again")
        if data == b"bad":
            raise Reject("bad")
        return self.out(data * 2)


class Ticks(Streamlet):
    """A source."""

    out = Outlet(bytes)

    @source
    def ticks(self) -> Iterator[Emission[bytes]]:
        for _ in range(3):
            yield self.out(b"tick")


class Writes(Streamlet):
    """Writes as a server does: outside of any handler, and waits for it."""

    out = Outlet(bytes)

    async def start(self) -> None:
        await self.out.write(b"once")


def observed(
    counters: Counters,
    *,
    lag: Distribution | None = None,
    troubles: Mapping[str, str] | None = None,
    own: CollectorRegistry | None = None,
) -> Observed:
    """What a pod shows."""
    return Observed(
        config=a_config(Sorter),
        sdk_version="0.1.0",
        counters=counters,
        loop_lag=lag or Distribution(LOOP_LAG),
        troubles=lambda: troubles or {},
        is_ready=lambda: not troubles,
        own=lambda: own,
    )


def families(seen: Observed) -> list[Metric]:
    """What a scrape tells, as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(PodCollector(seen))
    return list(text_string_to_metric_families(generate_latest(registry).decode()))


def samples(seen: Observed) -> dict[str, float]:
    """The value of every sample of the platform's by its name, summed over what it is about."""
    found: dict[str, float] = {}
    for family in families(seen):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return {name.removeprefix("cloudflow_"): value for name, value in found.items()}


@virtual_time
async def test_every_metric_of_records_moves_with_them() -> None:
    async with Engine(Sorter, partitions=2) as engine:
        await engine.feed("in", b"a", b"bb", b"once", b"bad")
        await engine.run()
        await asyncio.sleep(5)  # until it is committed
        found = samples(observed(engine.counters))
    assert found["inlet_records_total"] == 4
    assert found["inlet_bytes_total"] >= len(b"abbonce" + b"bad")
    assert found["inlet_retries_total"] == 1
    assert found["inlet_dead_letters_total"] == 1
    assert found["inlet_skips_total"] == 0
    assert found["inlet_handler_seconds_count"] == 5
    assert found["inlet_latency_seconds_count"] == 4
    assert found["inlet_commits_total"] >= 1
    assert found["outlet_records_total"] == 3 + 1
    assert found["outlet_bytes_total"] == 14 + 3
    assert found["outlet_pending_records"] == 0


@virtual_time
async def test_what_is_skipped_and_what_ends_a_streamlet_is_counted() -> None:
    config = a_config(Sorter, delivery={"on_exhausted": "skip"})
    async with Engine(Sorter, config=config) as engine:
        await engine.feed("in", b"bad", b"bad")
        await engine.run()
        found = samples(observed(engine.counters))
    assert found["inlet_skips_total"] == 2
    assert found["inlet_dead_letters_total"] == 0


@virtual_time
async def test_a_replica_that_comes_and_goes_makes_rebalances_that_are_counted() -> None:
    async with Engine(Sorter, partitions=3) as engine:
        await asyncio.sleep(1)
        alone = samples(observed(engine.counters))
        spec = ConsumerSpec(topic="in", group=engine.config.group("in"))
        others = [engine.broker.transport(client=name).consumer(spec) for name in ("b", "c")]
        slow = Journal("b", [])
        slow.on_revoke = lambda claims, deadline: asyncio.sleep(2)
        await others[0].start(slow)
        await asyncio.sleep(5)
        await others[1].start(Journal("c", []))  # everybody waits for the slow one
        await asyncio.sleep(5)
        shared = samples(observed(engine.counters))
        for other in others:
            await other.close(leave=True, deadline=asyncio.get_running_loop().time() + 10)
    assert alone["inlet_rebalances_total"] == 0
    assert shared["inlet_rebalances_total"] == 2
    assert 2.0 <= shared["inlet_rebalance_seconds_total"] < 5.0


@virtual_time
async def test_refused_commits_are_counted() -> None:
    async with Engine(Sorter) as engine:
        engine.broker.faults.refuse_commits(engine.config.group("in"), times=2)
        await engine.feed("in", b"a")
        await asyncio.sleep(5)
        found = samples(observed(engine.counters))
    assert found["inlet_commits_lost_total"] == 2


@virtual_time
async def test_what_a_source_writes_is_counted() -> None:
    async with Engine(Ticks) as engine:
        await engine.run()
        found = samples(observed(engine.counters))
    assert found["outlet_records_total"] == 3
    assert found["outlet_bytes_total"] == 12


@virtual_time
async def test_what_is_written_and_waited_for_is_counted() -> None:
    async with Engine(Writes) as engine:
        found = samples(observed(engine.counters))
    assert found["outlet_records_total"] == 1
    assert found["outlet_bytes_total"] == 4


def everything() -> Observed:
    """A pod with something of everything."""
    counters = Counters(failed=1, blocked=2)
    inlet = counters.inlet("in", "in")
    inlet.in_flight, inlet.uncommitted_seconds = 3, 1.5
    inlet.lag = {0: Lag(5, 2.0), 1: Lag(0, 0.0)}
    inlet.handling.add(0.2)
    counters.outlet("out", "out").pending = 4
    lag = Distribution(LOOP_LAG)
    lag.add(0.3)
    return observed(counters, lag=lag, troubles={"outlet out": "no broker"})


def test_what_is_documented_is_what_is_served_with_these_types_and_labels() -> None:
    served = {
        (family.name, family.type): set().union(*(set(s.labels) for s in family.samples)) - {"le"}
        for family in families(everything())
        if family.name.startswith("cloudflow_")
    }
    told = {
        (metric.name.removesuffix("_total"), metric.kind): set(metric.labels)
        for metric in documented()
    }
    assert served == told


def test_no_metric_is_served_twice() -> None:
    names = [family.name for family in families(everything())]
    assert len(names) == len(set(names))


def test_gauges_say_what_is_now() -> None:
    found = samples(everything())
    assert found["inlet_lag_records"] == 5
    assert found["inlet_lag_seconds"] == 2.0
    assert found["inlet_in_flight_records"] == 3
    assert found["inlet_commit_age_seconds"] == 1.5
    assert found["outlet_pending_records"] == 4
    assert found["streamlet_ready"] == 0
    assert found["streamlet_trouble"] == 1
    assert found["streamlet_failures_total"] == 1
    assert found["streamlet_blocked_total"] == 2
    assert found["event_loop_lag_seconds_count"] == 1


def test_a_histogram_adds_up() -> None:
    [family] = [f for f in families(everything()) if f.name == "cloudflow_inlet_handler_seconds"]
    buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert buckets["0.1"] == 0
    assert buckets["0.5"] == buckets["+Inf"] == 1
    assert list(buckets.values()) == sorted(buckets.values())
    [total] = [s.value for s in family.samples if s.name.endswith("_sum")]
    assert total == pytest.approx(0.2)


@pytest.mark.parametrize("metric", list(documented()), ids=lambda metric: metric.name)
def test_names_follow_the_conventions_of_prometheus(metric: Documented) -> None:
    assert metric.name.startswith("cloudflow_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.kind == "histogram":
        assert metric.name.endswith("_seconds")
    if "lag" in metric.name or "age" in metric.name:
        assert metric.name.removesuffix("_total").endswith(("_seconds", "_records"))
    assert metric.labels[:2] == ("application", "streamlet")
    assert metric.help.endswith((".", "; always 1."))


def test_the_users_own_metrics_stand_beside_the_platforms() -> None:
    own = Metrics(application="app", streamlet=STREAMLET)
    own.counter("turbines_seen", "Turbines.").inc(3)
    found = families(observed(Counters(), own=own.registry))
    [family] = [f for f in found if f.name == "turbines_seen"]
    [sample] = [s for s in family.samples if s.name == "turbines_seen_total"]
    assert (sample.value, sample.labels["streamlet"]) == (3, STREAMLET)


def test_a_scrape_survives_what_the_loop_does_meanwhile() -> None:
    counters = Counters()
    done = threading.Event()

    def grow() -> None:
        number = 0
        while not done.is_set():
            number += 1
            inlet = counters.inlet(f"in{number % 40}", "t")
            inlet.lag = {n: Lag(n, 0.0) for n in range(number % 50)}
            inlet.handling.add(0.01)
            counters.outlet(f"out{number % 40}", "t").acknowledged(1, 1)

    thread = threading.Thread(target=grow, daemon=True)
    thread.start()
    try:
        for _ in range(20):
            assert list(PodCollector(observed(counters)).collect())
    finally:
        done.set()
        thread.join()
