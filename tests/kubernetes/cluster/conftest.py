"""The clusters that the suite of this folder runs against.

A cluster joins by one more entry of `WORLDS`; no test in `test_contract.py` may know which it is.
"""

from __future__ import annotations

import asyncio
import copy
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from cloudflow_operator.children import KINDS, CachedCluster, Children
from cloudflow_operator.cluster import ApiServer
from cloudflow_operator.names import APPLICATION
from cloudflow_operator.requests import connected
from cloudflow_operator.watching import Target, Watch
from support.cluster import FakeCluster
from support.kube import Kube, a_kube, a_namespace, document, eventually
from support.resources import Maker, install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from cloudflow_operator.interfaces import Cluster, Manifest
    from support.cluster_world import World


class Now:
    """The time as it is."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class _Real:
    """A namespace on an API server; others are its administrator."""

    cluster: Cluster
    namespace: str
    kube: Kube

    async def create(self, manifest: Manifest) -> Manifest:
        return await self.kube.create(manifest)

    async def application(self, name: str) -> Manifest:
        return await self.kube.create(Maker().resource(name, self.namespace))

    async def status(self, name: str) -> dict[str, Any]:
        found = await self.kube.read(document(API_VERSION, KIND, name, self.namespace))
        return dict(found["status"])


@dataclass
class _Memory:
    """The twin that reconciling is tested with."""

    cluster: FakeCluster
    namespace: str = "plant"

    async def create(self, manifest: Manifest) -> Manifest:
        return self.cluster.put(manifest)

    async def application(self, name: str) -> Manifest:
        made = Maker().resource(name, self.namespace)
        made["metadata"] |= {"uid": f"uid-of-{name}", "resourceVersion": "0"}
        self.cluster.known[name] = made
        return copy.deepcopy(made)

    async def status(self, name: str) -> dict[str, Any]:
        return self.cluster.statuses[name]


@dataclass
class _Cached(_Real):
    """One whose children are read from memory, which learns what others make a moment later."""

    children: Children

    async def create(self, manifest: Manifest) -> Manifest:
        made = await super().create(manifest)
        application = made["metadata"]["labels"][APPLICATION]

        async def known() -> bool:
            there = self.children.of(self.namespace, application)
            return any(one["metadata"]["uid"] == made["metadata"]["uid"] for one in there)

        await eventually(known, "the watch tells it")
        return made


@asynccontextmanager
async def _memory(_request: pytest.FixtureRequest) -> AsyncIterator[World]:
    yield _Memory(FakeCluster())


@asynccontextmanager
async def _api_server(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    kubeconfig: Path = request.getfixturevalue("api_server")
    async with (
        a_kube(kubeconfig) as kube,
        a_namespace(kube) as namespace,
        connected(kubeconfig) as requests,
    ):
        await install(kube)
        yield _Real(ApiServer(requests, Now(), "test"), namespace, kube)


@asynccontextmanager
async def _cached(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    kubeconfig: Path = request.getfixturevalue("api_server")
    async with (
        a_kube(kubeconfig) as kube,
        a_namespace(kube) as namespace,
        connected(kubeconfig) as requests,
    ):
        await install(kube)
        children = Children(lambda *_: None)
        cluster = CachedCluster(ApiServer(requests, Now(), "test"), children, lambda *_: None)
        watches = [
            Watch(requests, Target(kind, namespace, APPLICATION), children) for kind in KINDS
        ]
        tasks = [asyncio.create_task(one.run()) for one in watches]
        try:
            for one in watches:
                await one.synced.wait()
            yield _Cached(cluster, namespace, kube, children)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


WORLDS = {"api-server": _api_server, "cached": _cached, "memory": _memory}


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A cluster with nothing in it that a test would meet."""
    async with WORLDS[request.param](request) as world:
        yield world


@pytest.fixture
def as_whom() -> Callable[[Path], AbstractAsyncContextManager[ApiServer]]:
    """Connects the cluster under test as who a kubeconfig says."""

    @asynccontextmanager
    async def connect(kubeconfig: Path) -> AsyncIterator[ApiServer]:
        async with connected(kubeconfig) as requests:
            yield ApiServer(requests, Now(), "test")

    return connect
