"""An operator's process for each test, in a namespace of its own, with a real Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.operator_process import an_operator, kafka_cluster
from support.resources import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.kube import Kube
    from support.operator_process import OperatorProcess


@pytest.fixture
async def operator(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> AsyncIterator[OperatorProcess]:
    """It looks after the test's namespace, where its Lease and its Kafka cluster are too."""
    await install(kube)
    await kube.create(kafka_cluster(namespace, kafka))
    async with an_operator(
        kubernetes, tmp_path, namespace=namespace, watch_namespaces=namespace
    ) as made:
        yield made
