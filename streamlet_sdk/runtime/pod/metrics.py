"""The metrics of a pod, as Prometheus reads them: made anew for each scrape from the counters.

Every metric is documented once, in `docs/reference/metrics.md`, which is generated from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from wsgiref.types import WSGIApplication

    from prometheus_client import Metric

    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.runtime.counters import (
        Counters,
        Distribution,
        InletCounters,
        OutletCounters,
    )

Labels: TypeAlias = "tuple[str, ...]"
OF_STREAMLET: Final = ("application", "streamlet")
OF_INLET: Final = (*OF_STREAMLET, "inlet", "topic")
OF_OUTLET: Final = (*OF_STREAMLET, "outlet", "topic")
OF_PARTITION: Final = (*OF_INLET, "partition")
OF_TROUBLE: Final = (*OF_STREAMLET, "where")
OF_INFO: Final = (*OF_STREAMLET, "class", "sdk_version")
PREFIX: Final = "cloudflow_"


@dataclass(frozen=True, slots=True)
class Counted:
    """A count or a gauge: `of` gives its value for what it is about."""

    name: str
    help: str
    of: Callable[[Any], float]
    is_gauge: bool = False


INLET: Final = (
    Counted("inlet_records", "Records handed to the handler.", lambda i: i.received),
    Counted("inlet_bytes", "Bytes of their keys and values.", lambda i: i.received_bytes),
    Counted("inlet_retries", "Handler calls after a failed one.", lambda i: i.retried),
    Counted("inlet_dead_letters", "Records given up as dead letters.", lambda i: i.dead_lettered),
    Counted("inlet_skips", "Records given up and dropped.", lambda i: i.skipped),
    Counted("inlet_commits", "Commits of offsets that were confirmed.", lambda i: i.commits),
    Counted(
        "inlet_commits_lost",
        "Commits that the group refused; their records may come again.",
        lambda i: i.commits_lost,
    ),
    Counted(
        "inlet_rebalances", "Times that partitions were assigned anew.", lambda i: i.rebalances
    ),
    Counted(
        "inlet_rebalance_seconds",
        "Time without partitions because of rebalances.",
        lambda i: i.rebalance_seconds,
    ),
    Counted(
        "inlet_in_flight_records",
        "Records delivered and not committed; the window bounds them.",
        lambda i: i.in_flight,
        is_gauge=True,
    ),
    Counted(
        "inlet_commit_age_seconds",
        "How long the oldest processed record has waited for its commit.",
        lambda i: i.uncommitted_seconds,
        is_gauge=True,
    ),
)
OUTLET: Final = (
    Counted("outlet_records", "Records that the broker has acknowledged.", lambda o: o.written),
    Counted("outlet_bytes", "Bytes of their values.", lambda o: o.written_bytes),
    Counted(
        "outlet_pending_records",
        "Records on their way to the broker.",
        lambda o: o.pending,
        is_gauge=True,
    ),
)
LAG: Final = (
    Counted(
        "inlet_lag_records",
        "Records of a partition that are not processed yet.",
        lambda lag: lag.records,
        is_gauge=True,
    ),
    Counted(
        "inlet_lag_seconds",
        "Age of the oldest record of a partition that is not processed yet.",
        lambda lag: lag.seconds,
        is_gauge=True,
    ),
)
STREAMLET: Final = (
    Counted(
        "streamlet_failures", "Ends of the streamlet or a source by an error.", lambda c: c.failed
    ),
    Counted(
        "streamlet_blocked", "Times that a handler held up the event loop.", lambda c: c.blocked
    ),
)
HANDLING: Final = (
    "inlet_handler_seconds",
    "Time of a handler call; of a synchronous one with decoding and encoding.",
)
LATENCY: Final = (
    "inlet_latency_seconds",
    "From a record's timestamp until all that it caused was acknowledged.",
)
LOOP_LAG: Final = ("event_loop_lag_seconds", "How late the event loop turned.")
READY: Final = ("streamlet_ready", "Whether /readyz says yes.")
TROUBLE: Final = ("streamlet_trouble", "1 for everything that does not work right now.")
INFO: Final = ("streamlet_info", "What runs here; always 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a pod's metrics are made from; read from any thread."""

    config: StreamletConfig
    sdk_version: str
    counters: Counters
    loop_lag: Distribution
    troubles: Callable[[], Mapping[str, str]]
    is_ready: Callable[[], bool]
    own: Callable[[], CollectorRegistry | None]


class PodCollector(Collector):
    """Makes metrics of what is observed."""

    def __init__(self, observed: Observed) -> None:
        """Read nothing before a scrape."""
        self._observed = observed
        self._labels = (observed.config.application, observed.config.streamlet)

    @override
    def collect(self) -> Iterator[Metric]:
        """The platform's metrics, the user's own, and those of the process."""
        seen = self._observed
        counters = seen.counters
        # Copies, for the loop may add to them meanwhile.
        inlets: dict[Labels, InletCounters] = {
            (*self._labels, n, i.topic): i for n, i in list(counters.inlets.items())
        }
        outlets: dict[Labels, OutletCounters] = {
            (*self._labels, n, o.topic): o for n, o in list(counters.outlets.items())
        }
        yield from _counted(STREAMLET, OF_STREAMLET, {self._labels: counters})
        yield from self._state(seen)
        yield from _inlets(inlets)
        yield from _counted(OUTLET, OF_OUTLET, outlets)
        yield _histogram(LOOP_LAG, OF_STREAMLET, {self._labels: seen.loop_lag})
        own = seen.own()
        if own is not None:
            yield from own.collect()
        # Also what a library, or user code, put where prometheus_client keeps it by default.
        yield from REGISTRY.collect()

    def _state(self, seen: Observed) -> Iterator[Metric]:
        yield _gauge(READY, OF_STREAMLET, {self._labels: float(seen.is_ready())})
        troubles: dict[Labels, float] = {(*self._labels, where): 1.0 for where in seen.troubles()}
        yield _gauge(TROUBLE, OF_TROUBLE, troubles)
        config = seen.config
        info = (*self._labels, config.class_name, seen.sdk_version)
        yield _gauge(INFO, OF_INFO, {info: 1.0})


@dataclass(frozen=True, slots=True)
class Documented:
    """A metric as queries name it; a histogram adds `_bucket`, `_sum` and `_count`."""

    name: str
    kind: str
    labels: Labels
    help: str


def documented() -> Iterator[Documented]:
    """Every metric of the platform, in the order of the page that is made of it."""
    counted = ((INLET, OF_INLET), (LAG, OF_PARTITION), (OUTLET, OF_OUTLET))
    for kinds, labels in (*counted, (STREAMLET, OF_STREAMLET)):
        for kind in kinds:
            suffix, word = ("", "gauge") if kind.is_gauge else ("_total", "counter")
            yield Documented(f"{PREFIX}{kind.name}{suffix}", word, labels, kind.help)
    timed = ((HANDLING, OF_INLET), (LATENCY, OF_INLET), (LOOP_LAG, OF_STREAMLET))
    yield from (Documented(PREFIX + n, "histogram", labels, text) for (n, text), labels in timed)
    states = ((READY, OF_STREAMLET), (TROUBLE, OF_TROUBLE), (INFO, OF_INFO))
    yield from (Documented(PREFIX + n, "gauge", labels, text) for (n, text), labels in states)


def application(observed: Observed) -> WSGIApplication:
    """What answers `/metrics`."""
    registry = CollectorRegistry()
    registry.register(PodCollector(observed))
    return make_wsgi_app(registry)


def _inlets(inlets: Mapping[Labels, InletCounters]) -> Iterator[Metric]:
    yield from _counted(INLET, OF_INLET, inlets)
    lags = {
        (*labels, str(partition)): lag
        for labels, inlet in inlets.items()
        for partition, lag in list(inlet.lag.items())
    }
    yield from _counted(LAG, OF_PARTITION, lags)
    yield _histogram(HANDLING, OF_INLET, {key: inlet.handling for key, inlet in inlets.items()})
    yield _histogram(LATENCY, OF_INLET, {key: inlet.latency for key, inlet in inlets.items()})


def _counted(
    kinds: Iterable[Counted], names: Labels, things: Mapping[Labels, Any]
) -> Iterator[Metric]:
    for kind in kinds:
        made = GaugeMetricFamily if kind.is_gauge else CounterMetricFamily
        family = made(PREFIX + kind.name, kind.help, labels=names)
        for labels, thing in things.items():
            family.add_metric(labels, kind.of(thing))
        yield family


def _gauge(kind: tuple[str, str], names: Labels, values: Mapping[Labels, float]) -> Metric:
    family = GaugeMetricFamily(PREFIX + kind[0], kind[1], labels=names)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _histogram(
    kind: tuple[str, str], names: Labels, values: Mapping[Labels, Distribution]
) -> Metric:
    family = HistogramMetricFamily(PREFIX + kind[0], kind[1], labels=names)
    for labels, distribution in values.items():
        count = 0
        buckets: list[tuple[str, float]] = []
        bounds = (*map(floatToGoString, distribution.bounds), "+Inf")
        for bound, more in zip(bounds, list(distribution.counts), strict=True):
            count += more
            buckets.append((bound, count))
        family.add_metric(labels, buckets, sum_value=distribution.total)
    return family
