"""Mistakes that both type checkers must find: every line marked with E and a number, no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from streamlet_sdk import (
    Delivery,
    Emission,
    Inlet,
    Outlet,
    Parameter,
    Record,
    Streamlet,
    VolumeMount,
    source,
)
from streamlet_sdk.ingress import HttpServer, route

from .wind_turbines import InvalidMetric, Metric


class Wrong(Streamlet):
    in_ = Inlet(Metric)
    out = Outlet(Metric)
    number = Parameter(int, default="x")  # E1: a default of another type
    pause = Parameter(timedelta, default="2 minutes")  # E2: text is for configuration files
    models = VolumeMount("/models", access="ReadOnly")  # E3: no such access mode

    @in_.each  # E4: a handler of another type
    def another(self, metric: InvalidMetric) -> None: ...

    @in_.each(concurrency=4)  # E5: the same, with options
    def another_with_options(self, metric: InvalidMetric) -> None: ...

    @in_.each  # E6: a value instead of an emission
    def bare_value(self, metric: Metric) -> Metric:
        return metric

    @in_.batches(max_records=3)  # E7: one record instead of a list
    def no_list(self, metric: Metric) -> None: ...

    @in_.each
    def another_value(self, metric: Metric) -> Emission:
        return self.out(InvalidMetric(metric=metric, error=""))  # E8: not the outlet's type

    @in_.each
    def too_many(self, metric: Metric, record: Record, more: int) -> None:
        """Types cannot tell; `verify` does."""

    @source  # E9: values instead of emissions
    async def bare_values(self) -> AsyncIterator[Metric]:
        yield Metric.model_construct()


class WrongToo(Streamlet):
    no_kind = Parameter(list)  # E10: no configuration file could give one
    in_ = Inlet(Metric, delivery=Delivery(guarantee="exactly-twice"))  # E11: no such guarantee
    out = Outlet(Metric, key=lambda metric: metric.value)  # E12: a float is no key

    @in_.each
    def no_key(self, metric: Metric) -> Emission:
        return self.out.tombstone()  # E13: what would it delete?


class WrongServer(HttpServer):
    @route("/fetched", methods=("FETCH",))  # E14: no such method
    async def fetched(self, request: Request) -> Response:
        return Response()

    @route("/silent")  # E15: a caller waits for an answer
    async def silent(self, request: Request) -> None: ...
