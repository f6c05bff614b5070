"""What the operator's process says of its health, and what replicas do for each other."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import names
from support.kube import document, eventually
from support.kube_proxy import a_proxy, refusal
from support.operator_process import an_operator, application, kafka_cluster, until_leading
from support.resources import install

if TYPE_CHECKING:
    from pathlib import Path

    from support.kube import Document, Kube
    from support.operator_process import OperatorProcess

pytestmark = pytest.mark.slow

PATIENT = {"lease_duration": "PT3M", "lease_deadline": "PT2M", "probe_period": "PT1S"}


@pytest.fixture(autouse=True)
async def _world(kubernetes: Path, kube: Kube, kafka: str, namespace: str) -> None:
    await install(kube)
    await kube.create(kafka_cluster(namespace, kafka))


def deployment(namespace: str, app: str) -> Document:
    return document("apps/v1", "Deployment", names.workload(app, "ingress"), namespace)


async def deployed(kube: Kube, namespace: str, app: str) -> None:
    await kube.create(application(app, namespace))
    look = functools.partial(kube.find, deployment(namespace, app))
    await eventually(look, f"the Deployment of {app}")


async def until_health_is(operator: OperatorProcess, status: int) -> str:
    text = ""

    async def look() -> bool:
        nonlocal text
        found, text = await asyncio.to_thread(operator.answer, "/healthz")
        return found == status

    await eventually(look, f"/healthz answers {status}")
    return text


async def test_a_watch_that_is_mute_is_unhealthy_and_costs_nobody_a_deployment(
    kubernetes: Path, kube: Kube, namespace: str, tmp_path: Path
) -> None:
    async with (
        a_proxy(kubernetes, tmp_path) as (proxy, file),
        an_operator(
            file, tmp_path, namespace=namespace, watch_namespaces=namespace, **PATIENT
        ) as operator,
    ):
        await until_leading(operator)
        await deployed(kube, namespace, "heard")
        await until_health_is(operator, 200)
        proxy.muted.add("cloudflowapplications")
        await deployed(kube, namespace, "missed")
        assert f"such as {namespace}/" in await until_health_is(operator, 503)
        assert await operator.metric("cloudflow_operator_watch_stale") == 1
        # A restart would not help while nobody answers.
        proxy.refusals[:] = [refusal(503) for _ in range(5000)]
        await until_health_is(operator, 200)
        proxy.refusals.clear()
        await until_health_is(operator, 503)
        # A restart helps.
        proxy.muted.clear()
        await operator.stop()
        await operator.start()
        await until_health_is(operator, 200)


async def test_a_standby_is_well_and_takes_over(
    kubernetes: Path, kube: Kube, namespace: str, tmp_path: Path
) -> None:
    scope = {"namespace": namespace, "watch_namespaces": namespace}
    async with an_operator(kubernetes, tmp_path, **scope) as first:
        await until_leading(first)
        async with an_operator(kubernetes, tmp_path, **scope) as second:
            for path in ("/healthz", "/readyz"):
                assert second.answer(path) == (200, "ok\n")
            assert not await second.leads()
            await deployed(kube, namespace, "one")
            assert await second.metric("cloudflow_operator_reconciles_total") == 0
            first.process.kill()
            await until_leading(second)
            await deployed(kube, namespace, "two")
            await first.start()
            assert not await first.leads()
            await second.stop()
            await until_leading(first)
            await deployed(kube, namespace, "three")
