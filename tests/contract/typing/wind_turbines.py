"""Streamlets as users write them; both type checkers accept every line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from streamlet_sdk import (
    Checkpoint,
    Delivery,
    Emission,
    Failure,
    Inlet,
    Outlet,
    Parameter,
    Record,
    Reject,
    Retry,
    Streamlet,
    VolumeMount,
    source,
)


class CamelCase(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Metric(CamelCase):
    device_id: UUID
    timestamp: datetime
    name: str
    value: float


class InvalidMetric(CamelCase):
    metric: Metric
    error: str


class LogLevel(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


class MetricsValidation(Streamlet):
    in_ = Inlet(Metric)
    valid = Outlet(Metric)
    invalid = Outlet(InvalidMetric, key=lambda bad: bad.metric.device_id)
    floor = Parameter(float, default=0.0, description="Smallest value that counts as good.")

    @in_.each
    def validate(self, metric: Metric) -> Emission:
        if metric.value < self.floor:
            return self.invalid(InvalidMetric(metric=metric, error="below the floor"))
        return self.valid(metric)


class StrictValidation(MetricsValidation):
    """One more outlet; the handler overridden without its decorator."""

    suspicious = Outlet(Metric)

    def validate(self, metric: Metric) -> Emission:
        return self.suspicious(metric) if metric.value > 1e6 else super().validate(metric)


class MetricLogger(Streamlet):
    in_ = Inlet(Metric)
    log_level = Parameter(LogLevel, default=LogLevel.DEBUG)
    prefix = Parameter(str, default="metric")

    @in_.each
    async def log(self, metric: Metric, record: Record) -> None:
        where = f"{record.partition}/{record.offset}"
        self.context.logger.info("%s %s at %s", self.prefix, metric, where)


class Merge(Streamlet):
    """Fan-in of two types."""

    metrics = Inlet(Metric)
    complaints = Inlet(InvalidMetric, start="latest")
    out = Outlet(Metric, key=lambda metric: metric.device_id)

    @metrics.each(concurrency=16, ordered_by="key")
    async def pass_on(self, metric: Metric, record: Record[Metric]) -> Emission[Metric]:
        return self.out(metric, key=record.key, timestamp_ms=record.timestamp_ms)

    @complaints.each
    def unwrap(self, bad: InvalidMetric) -> Emission[Metric] | None:
        return self.out(bad.metric) if bad.error != "ignore" else None


class Audit(Streamlet):
    """One record, two outlets, one commit."""

    in_ = Inlet(Metric)
    out = Outlet(Metric)
    audit = Outlet(bytes)

    @in_.each
    def both(self, metric: Metric) -> Iterable[Emission]:
        return [self.out(metric), self.audit(metric.name.encode(), headers={"reason": "audit"})]


class Cursor(BaseModel):
    since: datetime
    last_id: int


class Poller(Streamlet):
    """An asynchronous source with a remembered position."""

    out = Outlet(Metric)
    url = Parameter(str)

    async def fetch(self, cursor: Cursor | None) -> list[tuple[int, Metric]]:
        return []

    @source(position=Cursor, every=timedelta(seconds=30))
    async def poll(
        self, position: Cursor | None
    ) -> AsyncIterator[Emission[Metric] | Checkpoint[Cursor]]:
        for number, metric in await self.fetch(position):
            yield self.out(metric)
            yield Checkpoint(Cursor(since=metric.timestamp, last_id=number))


class FileIngress(Streamlet):
    """A source that blocks."""

    out = Outlet(Metric)
    data = VolumeMount("/mnt/data", access="ReadWriteMany")

    @source(every=timedelta(seconds=5))
    def files(self) -> Iterator[Emission[Metric]]:
        for path in sorted(self.data.glob("*.json")):
            for line in path.read_text().splitlines():
                yield self.out(Metric.model_validate(json.loads(line)))


class Ticks(Streamlet):
    """A bare source that never ends."""

    out = Outlet(Metric)

    @source
    async def forever(self) -> AsyncIterator[Emission]:
        while True:
            yield self.out(Metric.model_construct())


class Count(BaseModel):
    key: str
    total: int


class CountPerKey(Streamlet):
    """State per instance."""

    in_ = Inlet(Metric)
    out = Outlet(Count, key=lambda count: count.key)
    counts: Counter[str]

    async def start(self) -> None:
        self.counts = Counter()

    @in_.each
    def count(self, metric: Metric, record: Record[Metric]) -> Emission[Count]:
        key = record.key_text or ""
        self.counts[key] += 1
        return self.out(Count(key=key, total=self.counts[key]))


class Score(BaseModel):
    metric: Metric
    score: float


class ModelServing(Streamlet):
    """Batches whose emissions name their cause."""

    in_ = Inlet(Metric)
    out = Outlet(Score)
    models = VolumeMount("/models", access="ReadOnlyMany")
    model = Parameter(str, pattern=r"[a-z0-9.-]+")

    @in_.batches(max_records=64, thread=True)
    def predict(
        self, metrics: list[Metric], records: Sequence[Record[Metric]]
    ) -> Iterator[Emission[Score]]:
        for metric, record in zip(metrics, records, strict=True):
            yield self.out(Score(metric=metric, score=metric.value), cause=record)


class Pool(Protocol):
    async def executemany(self, sql: str, rows: Sequence[tuple[str, float]]) -> list[int]: ...


class DatabaseEgress(Streamlet):
    """Batches of which single records may fail."""

    in_ = Inlet(Metric, delivery=Delivery(retry=Retry(attempts=5), on_exhausted="dead-letter"))
    dsn = Parameter(str, secret=True)
    pool: Pool

    @in_.batches(max_records=500, max_wait=timedelta(milliseconds=200), concurrency=4)
    async def write(
        self, metrics: list[Metric], records: Sequence[Record[Metric]]
    ) -> list[Failure]:
        rows = [(metric.name, metric.value) for metric in metrics]
        rejected = await self.pool.executemany("insert", rows)
        return [records[index].failed(ValueError("constraint")) for index in rejected]


class ExactlyOnce(Streamlet):
    in_ = Inlet(Metric, delivery=Delivery(guarantee="exactly-once"))
    out = Outlet(Metric)

    @in_.each
    def double(self, metric: Metric) -> Emission[Metric]:
        if metric.value != metric.value:
            raise Reject("not a number")
        return self.out(metric.model_copy(update={"value": metric.value * 2}))


class Compacted(Streamlet):
    """Tombstones, repair of bytes, and a schema from a file."""

    in_ = Inlet(Metric, tombstones=True)
    out = Outlet(Metric)
    raw = Inlet(avro="schemas/SensorData.avsc")

    @in_.each
    def keep(self, metric: Metric | None, record: Record) -> Emission:
        return self.out.tombstone(key=record.key) if metric is None else self.out(metric)

    @in_.undecodable
    def repair(self, data: bytes, error: Exception) -> Metric | None:
        return None

    @raw.each
    def ignore(self, data: dict[str, object]) -> None: ...


class Either(Streamlet):
    """Unions and plain types as schemas."""

    in_ = Inlet(Metric | InvalidMetric)
    out = Outlet(
        Metric | InvalidMetric,
        key=lambda value: value.device_id if isinstance(value, Metric) else None,
    )
    plain = Outlet(dict[str, int])

    @in_.each
    def go(self, value: Metric | InvalidMetric) -> Emission:
        return self.out(value)
