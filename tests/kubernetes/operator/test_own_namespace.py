"""The operator's own namespace is deleted: Lease, Kafka clusters, all it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_operator.names import LEASE
from support.installed_application import create
from support.kube import document, eventually
from support.operator_process import an_operator, application, kafka_cluster, until_leading
from support.resources import install

if TYPE_CHECKING:
    from pathlib import Path

    from support.kube import Document, Kube


async def test_the_operators_namespace_deleted_and_made_again_leaves_applications_running(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    await install(kube)
    own = await kube.create(document("v1", "Namespace", f"{namespace}-operator"))
    name = own["metadata"]["name"]
    await kube.create(kafka_cluster(name, kafka))
    async with an_operator(
        kubernetes, tmp_path, namespace=name, watch_namespaces=namespace
    ) as operator:
        await until_leading(operator)
        one = await create(kube, application("plant", namespace))
        before = await one.settled()
        await kube.delete(own)

        async def is_gone() -> bool:
            return await kube.find(own) is None and not operator.process.is_alive

        await eventually(is_gone, "namespace and process to be gone")
        assert await one.versions() == before
        await kube.create(document("v1", "Namespace", name))
        await kube.create(kafka_cluster(name, kafka))
        await operator.start()
        await until_leading(operator)
        assert await kube.find(lease(name))
        await one.until(
            lambda found: (
                found["status"]["topics"][0]["state"] == "Ready"
                and not found["status"]["message"].startswith("spec.")
            ),
            "the status to be as before",
        )
        await one.settled()
        assert await one.versions() == before
    await kube.delete(own)


def lease(namespace: str) -> Document:
    return document("coordination.k8s.io/v1", "Lease", LEASE, namespace)
