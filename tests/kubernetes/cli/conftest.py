"""Commands against a real API server, and the servers that `kube.session.Server` is tested with."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.kube.server import ApiServer
from cloudflow_cli.kube.session import Session
from cloudflow_operator.requests import connected
from support.command import Shell
from support.kube import a_kube, a_namespace
from support.kube_server import FakeServer
from support.resources import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.kube import Kube


@asynccontextmanager
async def _memory(_request: pytest.FixtureRequest) -> AsyncIterator[Session]:
    yield Session(FakeServer(), "plant")


@asynccontextmanager
async def _real(request: pytest.FixtureRequest) -> AsyncIterator[Session]:
    kubeconfig: Path = request.getfixturevalue("api_server")
    async with (
        a_kube(kubeconfig) as kube,
        a_namespace(kube) as namespace,
        connected(kubeconfig) as requests,
    ):
        await install(kube)
        yield Session(ApiServer(requests), namespace)


SERVERS = {"api-server": _real, "memory": _memory}


@pytest.fixture(params=SERVERS)
async def session(request: pytest.FixtureRequest) -> AsyncIterator[Session]:
    """A session with a server on which there is nothing that a test would meet."""
    async with SERVERS[request.param](request) as made:
        yield made


@pytest.fixture
async def shell(kube: Kube, kubectl: Path, tmp_path: Path) -> Shell:
    """Commands of an administrator."""
    await install(kube)
    return Shell(tmp_path, kubectl, kube.kubeconfig)
