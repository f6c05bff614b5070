"""The platform of the session, and a namespace for each test.

`platform` is the node, its registry and its Kafka, with the operator that the chart has installed;
`kube` is the API server for an administrator; `space` is a new namespace, of which `a_space` makes
more; `brokers` are three brokers that may be killed, for topics that name the cluster `three`.

When a test fails the report has the objects, events and logs of all namespaces.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from support import post_mortem
from support.installation import Platform, installed
from support.kube import Kube, a_kube
from support.operator_process import kafka_cluster
from support.space import Space, a_space
from testbed import kafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator
    from pathlib import Path

    from support.buildah import Buildah
    from testbed.cluster import Cluster
    from testbed.kafka import KafkaCluster

THREE = "three"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say how the cluster was when a test failed, before it is tidied up."""
    report = yield
    platform = getattr(item, "funcargs", {}).get("platform")
    if report.failed and report.when == "call" and isinstance(platform, Platform):
        report.sections.append(("cluster", post_mortem.told(platform.cluster.kubeconfig)))
    return report


@pytest.fixture(scope="session")
def platform(
    node: Cluster, buildah: Buildah, wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    return installed(node, tmp_path_factory.mktemp("platform"), buildah, wheelhouse)


@pytest.fixture
async def kube(platform: Platform) -> AsyncIterator[Kube]:
    async with a_kube(platform.cluster.kubeconfig) as made:
        yield made


@pytest.fixture
async def space(platform: Platform, kube: Kube) -> AsyncIterator[Space]:
    async with a_space(platform, kube) as made:
        yield made


@pytest.fixture(scope="session")
def brokers(platform: Platform) -> Iterator[KafkaCluster]:
    """Three brokers, which the operator and pods reach."""
    with kafka.cluster(3, host=platform.cluster.host) as made:
        secret = kafka_cluster("cloudflow", made.bootstrap, THREE)
        asyncio.run(platform.kubectl("apply --filename -", stdin=json.dumps(secret)))
        yield made
