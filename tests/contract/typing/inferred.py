"""What a user's editor must know about ports, parameters and handlers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, assert_type

from streamlet_sdk import (
    BoundOutlet,
    Emission,
    Inlet,
    MemorySize,
    Outlet,
    Parameter,
    Record,
    Streamlet,
    VolumeMount,
    Written,
)

from .wind_turbines import Compacted, Either, InvalidMetric, LogLevel, Metric


class Everything(Streamlet):
    in_ = Inlet(Metric)
    out = Outlet(Metric)
    nothing = Parameter(str, default=None)
    number = Parameter(int)
    ratio = Parameter(float, default=0.5)
    flag = Parameter(bool, default=True)
    size = Parameter(MemorySize, default=MemorySize(5))
    pause = Parameter(timedelta, default=timedelta(seconds=1))
    level = Parameter(LogLevel)
    models = VolumeMount("/models")

    @in_.each(concurrency=4)
    async def go(self, metric: Metric, record: Record) -> list[Emission]:
        assert_type(self.out(metric), Emission[Metric])
        assert_type(self.out.tombstone(key="k"), Emission[None])
        assert_type(await self.out.write(metric), Written)
        return [self.out(metric)]


streamlet = Everything(number=3)
assert_type(streamlet.nothing, str | None)
assert_type(streamlet.number, int)
assert_type(streamlet.ratio, float)
assert_type(streamlet.flag, bool)
assert_type(streamlet.size, MemorySize)
assert_type(streamlet.pause, timedelta)
assert_type(streamlet.level, LogLevel)
assert_type(streamlet.models, Path)
assert_type(streamlet.out, BoundOutlet[Metric])
assert_type(Everything.out, Outlet[Metric])
assert_type(Everything.in_, Inlet[Metric])
assert_type(Compacted.in_, Inlet[Metric | None])
assert_type(Compacted.raw, Inlet[dict[str, Any]])
assert_type(Either.in_, Inlet[Metric | InvalidMetric])
assert_type(Either.plain, Outlet[dict[str, int]])
streamlet.number = 3


async def a_handler_stays_a_method(metric: Metric) -> None:
    assert_type(await streamlet.go(metric, Record(metric)), list[Emission])
