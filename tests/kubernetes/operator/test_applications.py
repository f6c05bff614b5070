"""The operator's process on a real API server: what it makes of applications, and keeps so."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import names
from support.kube import Document, Kube, document, eventually
from support.operator_process import an_operator, application, kafka_cluster
from support.resources import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.operator_process import OperatorProcess

STREAMLETS = ("ingress", "validation")


@pytest.fixture
async def operator(
    kubernetes: Path, kube: Kube, namespace: str, tmp_path: Path
) -> AsyncIterator[OperatorProcess]:
    await install(kube)
    await kube.create(kafka_cluster(namespace, "kafka.plant:9092"))
    async with an_operator(
        kubernetes, tmp_path, namespace=namespace, watch_namespaces=namespace
    ) as made:
        yield made


def deployment(namespace: str, streamlet: str, app: str = "plant") -> Document:
    return document("apps/v1", "Deployment", names.workload(app, streamlet), namespace)


async def test_an_application_gets_its_deployments_and_a_status(
    operator: OperatorProcess, kube: Kube, namespace: str
) -> None:
    made = await kube.create(application("plant", namespace))
    for streamlet in STREAMLETS:
        look = functools.partial(kube.find, deployment(namespace, streamlet))
        await eventually(look, f"the Deployment of {streamlet}")

    async def told() -> bool:
        return "phase" in (await kube.read(made)).get("status", {})

    await eventually(told, "a status")
