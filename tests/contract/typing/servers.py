"""Streamlets that listen; both type checkers accept every line."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from streamlet_sdk import Outlet, Parameter
from streamlet_sdk.ingress import HttpIngress, HttpServer, route

from .wind_turbines import Metric


class MetricIngress(HttpIngress):
    out = Outlet(Metric, key=lambda metric: metric.device_id)


class MetricApi(HttpServer):
    """A route of its own with an acknowledged write."""

    out = Outlet(Metric, key=lambda metric: metric.device_id)
    token = Parameter(str, secret=True)

    @route("/devices/{device}/metrics", methods=("POST", "PUT"))
    async def receive(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=401)
        metric = Metric.model_validate_json(await request.body())
        where = await self.out.write(metric, timeout=timedelta(seconds=5))
        return JSONResponse({"offset": where.offset}, 202)
