"""Pods on the node of the test session, in namespaces that allow the least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.kube import Kube, a_kube, a_namespace, document, eventually
from support.node_pods import RESTRICTED, Pods, pull_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from testbed.cluster import Cluster


@pytest.fixture
async def kube(node: Cluster) -> AsyncIterator[Kube]:
    async with a_kube(node.kubeconfig) as made:
        yield made


@pytest.fixture
async def pods(node: Cluster, kube: Kube) -> AsyncIterator[Pods]:
    async with a_namespace(kube) as namespace:
        await kube.merge(
            document("v1", "Namespace", namespace), {"metadata": {"labels": RESTRICTED}}
        )
        await kube.create(pull_secret(namespace, node.registry.pull_secret()))
        account = document("v1", "ServiceAccount", "default", namespace)
        await eventually(lambda: kube.find(account), "the ServiceAccount of a new namespace")
        yield Pods(kube, namespace, node.base_image)
