"""A real API server for the suites of this folder, and namespaces on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.kube import Kube, a_kube, a_namespace
from support.require import missing
from testbed import kubernetes as testbed
from testbed.binaries import KubernetesUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def api_server() -> Iterator[Path]:
    """An administrator's kubeconfig; its server stores and checks, and may do no more than that."""
    with testbed.running() as kubeconfig:
        yield kubeconfig


@pytest.fixture(scope="session")
def kubernetes(api_server: Path) -> Path:
    """The same one where controllers run: garbage is collected, Deployments have ReplicaSets."""
    if reason := testbed.without_controllers():
        missing("kubernetes", reason)
    return api_server


@pytest.fixture(scope="session")
def kubectl() -> Path:
    """The command itself."""
    try:
        return testbed.kubectl()
    except KubernetesUnavailableError as error:
        missing("kubernetes", str(error))


@pytest.fixture
async def kube(api_server: Path) -> AsyncIterator[Kube]:
    """The API server for an administrator."""
    async with a_kube(api_server) as made:
        yield made


@pytest.fixture
async def namespace(kube: Kube) -> AsyncIterator[str]:
    """A namespace of the test's own."""
    async with a_namespace(kube) as made:
        yield made
