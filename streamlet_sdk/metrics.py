"""The user's own metrics: counters, gauges and histograms that know their streamlet."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


class Metrics:
    """Makes metrics of one streamlet; asking twice for a name gives the same metric."""

    def __init__(self, *, application: str, streamlet: str) -> None:
        """Keep the labels that every metric carries."""
        self.registry = CollectorRegistry()
        self._labels = {"application": application, "streamlet": streamlet}
        self._made: dict[str, Counter | Gauge | Histogram] = {}

    def counter(self, name: str, description: str) -> Counter:
        """A count that only grows; `name` by Prometheus' conventions, without a prefix."""
        return self._metric(Counter, name, description)

    def gauge(self, name: str, description: str) -> Gauge:
        """A value that goes up and down."""
        return self._metric(Gauge, name, description)

    def histogram(
        self,
        name: str,
        description: str,
        buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS,
    ) -> Histogram:
        """A distribution, by default in buckets for seconds."""
        if name not in self._made:
            made = Histogram(
                name,
                description,
                list(self._labels),
                registry=self.registry,
                buckets=buckets,
            )
            self._made[name] = made.labels(**self._labels)
        return self._metric(Histogram, name, description)

    def _metric(self, kind: type[Metric], name: str, description: str) -> Metric:
        if name not in self._made:
            made = kind(name, description, list(self._labels), registry=self.registry)
            self._made[name] = made.labels(**self._labels)
        found = self._made[name]
        if not isinstance(found, kind):
            raise TypeError(f"metric {name!r} is already a {type(found).__name__.lower()}")
        return found
