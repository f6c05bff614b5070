"""One operator for all cases, with its account's rights, that looks after all namespaces."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator.names import ABOUT
from cloudflow_operator.rights import Installation
from support.applications import a_streamlet, a_topic
from support.case import Bed, Case, until_gone
from support.command import Shell
from support.installed import installed
from support.installed_application import Installed
from support.kube import a_kube, a_namespace, document
from support.operator_process import an_operator, application, kafka_cluster, until_leading
from support.pod_states import played
from support.pod_states import waiting as containers_waiting
from support.resources import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.kube import Document, Kube

TOKEN = {"name": "token", "valueFrom": {"secretKeyRef": {"name": "nowhere", "key": "token"}}}
WAITS = a_streamlet("waits", parameters=[TOKEN])
TOPICS = [a_topic("raw", (), ("waits.in",)), a_topic("good", ("waits.out",))]


@pytest.fixture(scope="package")
def bed(kubernetes: Path, kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """The operator and its Kafka cluster; it ends with this folder, as others have their own."""
    folder = tmp_path_factory.mktemp("operator")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield runner.run(_started(stack, kubernetes, kafka, folder))
        finally:
            runner.run(stack.aclose())


async def _started(stack: AsyncExitStack, kubernetes: Path, kafka: str, folder: Path) -> Bed:
    kube = await stack.enter_async_context(a_kube(kubernetes))
    await install(kube)
    own = await stack.enter_async_context(a_namespace(kube))
    # Commands of later tests would see it.
    stack.push_async_callback(_forgotten, kube, own)
    await kube.create(kafka_cluster(own, kafka))
    theirs = await stack.enter_async_context(installed(kube, Installation(namespace=own), folder))
    operator = await stack.enter_async_context(an_operator(theirs, folder, namespace=own))
    await until_leading(operator)
    waiting = await _waiting(kube, await stack.enter_async_context(a_namespace(kube)))
    return Bed(operator, own, kafka, waiting)


async def _waiting(kube: Kube, namespace: str) -> Document:
    """An application whose pods wait for a Secret; only after a while that is worth a word."""
    made = await kube.create(application("waiting", namespace, streamlets=[WAITS], topics=TOPICS))
    async with played(kube, namespace) as pods:
        pods.say("waits", containers_waiting("ContainerCreating"))
        await Installed(kube, made).until(_has_pod, "the pod to be seen")
    return made


def _has_pod(found: Document) -> bool:
    streamlets = found.get("status", {}).get("streamlets", ())
    return any(pod["status"] == "ContainerCreating" for one in streamlets for pod in one["pods"])


async def _forgotten(kube: Kube, namespace: str) -> None:
    about = document("v1", "ConfigMap", ABOUT, namespace)
    await kube.delete(about)
    await until_gone(kube, about)


@pytest.fixture
async def case(
    bed: Bed, kube: Kube, kubectl: Path, namespace: str, tmp_path: Path
) -> AsyncIterator[Case]:
    """A namespace of the test's own."""
    shell = Shell(tmp_path, kubectl, kube.kubeconfig)
    async with played(kube, namespace) as pods:
        yield Case(bed, kube, shell, namespace, pods, tmp_path, kube.kubeconfig)
