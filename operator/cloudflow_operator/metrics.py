"""The metrics of the operator, each described once, in `ALL`.

`main` makes one `Metrics` and hands its methods to whoever has something to count. The page
`docs/reference/operator-metrics.md` is generated from here.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from cloudflow_operator.rights import use

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from cloudflow_operator.interfaces import Kind
    from cloudflow_operator.requests import Request

PREFIX: Final = "cloudflow_operator_"
LOOK_SECONDS: Final = 1.0

_WORK: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LATENESS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)


class Described(NamedTuple):
    """A metric.

    Attributes:
        name: without prefix, and for a counter without `_total`.
        help: what it says.
        type: of prometheus_client.
        labels: that tell its series apart.
        buckets: of a histogram.
    """

    name: str
    help: str
    type: type[Counter | Gauge | Histogram]
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """As queries name it; a histogram adds `_bucket`, `_sum` and `_count`."""
        return PREFIX + self.name + ("_total" if self.type is Counter else "")


RECONCILES: Final = Described(
    "reconciles",
    "Looks at an application by result: `done`, `failed`, `gone`, or `crashed` by a defect.",
    Counter,
    ("result",),
)
DURATION: Final = Described(
    "reconcile_duration_seconds",
    "How long a look at an application took.",
    Histogram,
    buckets=_WORK,
)
QUEUE_DEPTH: Final = Described("queue_depth", "Applications that wait to be looked at.", Gauge)
QUEUE_AGE: Final = Described(
    "queue_age_seconds", "How long the one that waits longest is due; 0 when none is.", Gauge
)
REQUESTS: Final = Described(
    "api_requests",
    "Requests to the API server but those of kopf's own watch; code `none` had no answer.",
    Counter,
    ("verb", "resource", "code"),
)
LAST_EVENT: Final = Described(
    "last_watch_event_timestamp_seconds",
    "When the last event of a watch came, bookmarks included, in Unix time.",
    Gauge,
    ("kind",),
)
LEADER: Final = Described("leader", "1 for the replica that leads, else 0.", Gauge)
WATCH_STALE: Final = Described(
    "watch_stale", "1 while the watch misses changes that a list shows, else 0.", Gauge
)
APPLICATIONS: Final = Described(
    "applications", "Applications by phase, as this replica saw them last.", Gauge, ("phase",)
)
LOOP_LAG: Final = Described(
    "event_loop_lag_seconds", "How late the event loop turned.", Histogram, buckets=_LATENESS
)
INFO: Final = Described("info", "What runs here; always 1.", Gauge, ("version",))

ALL: Final = (
    RECONCILES,
    DURATION,
    QUEUE_DEPTH,
    QUEUE_AGE,
    REQUESTS,
    LAST_EVENT,
    LEADER,
    WATCH_STALE,
    APPLICATIONS,
    LOOP_LAG,
    INFO,
)


class Result(StrEnum):
    """What came of a reconcile."""

    DONE = "done"
    """All is as it shall be, as far as the operator can make it so."""
    FAILED = "failed"
    """The API server did not do all of it."""
    GONE = "gone"
    """The application is not there any more."""
    CRASHED = "crashed"
    """A defect of the operator."""


class Metrics:
    """Counts; made once in a process, used on its event loop."""

    def __init__(self, version: str) -> None:
        """Count nothing yet; `version` is the operator's."""
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._made: dict[Described, Any] = {one: self._make(one) for one in ALL}
        self._phases: dict[tuple[str, str], str] = {}
        self._made[INFO].labels(version).set(1)
        for result in Result:  # so that the first failure is an increase
            self._made[RECONCILES].labels(result.value)

    def text(self) -> bytes:
        """Everything in the text format of Prometheus."""
        return generate_latest(self._registry)

    def reconciled(self, result: Result, took: timedelta) -> None:
        """Count a look at an application."""
        self._made[RECONCILES].labels(result.value).inc()
        self._made[DURATION].observe(took.total_seconds())

    def requested(self, request: Request, status: int | None) -> None:
        """Count an attempt at a request; a `requests.Observer`."""
        query = "?watch=1" if request.query.get("watch") else ""
        if (found := use(request.method, request.path + query)) is not None:
            code = "none" if status is None else str(status)
            self._made[REQUESTS].labels(found.verb, found.resource, code).inc()

    def heard(self, kind: Kind) -> None:
        """Keep that the server said something to a watch of that kind just now."""
        self._made[LAST_EVENT].labels(kind.name).set_to_current_time()

    def phase(self, namespace: str, name: str, phase: str | None) -> None:
        """Keep how an application is; None when it is gone."""
        before = self._phases.pop((namespace, name), None)
        if before is not None:
            self._made[APPLICATIONS].labels(before).dec()
        if phase is not None:
            self._phases[namespace, name] = phase
            self._made[APPLICATIONS].labels(phase).inc()

    def follow(self, gauge: Described, value: Callable[[], float]) -> None:
        """Ask for the value of a gauge without labels at each scrape."""
        self._made[gauge].set_function(value)

    async def watch_loop(self) -> None:
        """Measure how late the event loop turns; for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self._made[LOOP_LAG].observe(max(0.0, loop.time() - due))

    def _make(self, one: Described) -> Any:
        words = (PREFIX + one.name, one.help, one.labels)
        if one.buckets:
            return Histogram(*words, registry=self._registry, buckets=one.buckets)
        return one.type(*words, registry=self._registry)
