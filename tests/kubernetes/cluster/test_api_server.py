"""A server that refuses, is overloaded, goes away and comes back."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from kubernetes.aio.config import incluster_config

from cloudflow_operator.errors import (
    ClusterUnavailableError,
    ConflictError,
    ForbiddenError,
    RefusedError,
)
from cloudflow_operator.interfaces import CONFIG_MAP, Key
from cloudflow_operator.requests import Patience, Request, connected
from support.cluster_world import config_map, of_uid
from support.kube import a_kube, a_namespace, deployment, document
from support.kube_proxy import Proxy, a_proxy, refusal
from support.resources import Maker, install
from testbed.kubernetes import ControlPlane, control_plane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from cloudflow_operator.cluster import ApiServer
    from support.kube import Kube

    Connect = Callable[[Path], AbstractAsyncContextManager[ApiServer]]

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def own() -> Iterator[ControlPlane]:
    """Without controllers, and for these tests alone, which break it."""
    with control_plane(controllers=False) as made:
        yield made


@pytest.fixture
async def cluster(api_server: Path, as_whom: Connect) -> AsyncIterator[ApiServer]:
    async with as_whom(api_server) as made:
        yield made


@pytest.fixture
async def proxied(
    api_server: Path, as_whom: Connect, tmp_path: Path
) -> AsyncIterator[tuple[Proxy, ApiServer]]:
    async with a_proxy(api_server, tmp_path) as (proxy, file), as_whom(file) as made:
        yield proxy, made


# Refusals


async def test_a_missing_right_names_verb_and_resource(
    kube: Kube, namespace: str, as_whom: Connect, tmp_path: Path
) -> None:
    theirs = await kube.account(namespace, "nobody", tmp_path)
    async with as_whom(theirs) as nobody:
        with pytest.raises(ForbiddenError, match='cannot patch resource "configmaps"') as refused:
            await nobody.apply(config_map("one", namespace), manager="a")
        assert refused.value.doing == f"apply ConfigMap {namespace}/one"
        assert refused.value.hint == "Add the right to the operator's role."
        with pytest.raises(ForbiddenError, match='cannot list resource "serviceaccounts"'):
            await nobody.children(namespace, "plant")


async def test_an_unknown_token_is_forbidden(
    kube: Kube, namespace: str, as_whom: Connect, tmp_path: Path
) -> None:
    theirs = await kube.account(namespace, "nobody", tmp_path)
    file = tmp_path / "broken"
    file.write_text(theirs.read_text().replace('"token": "', '"token": "x'))
    async with as_whom(file) as stranger:
        with pytest.raises(ForbiddenError) as refused:
            await stranger.read(CONFIG_MAP, namespace, "one")
    assert "token" in str(refused.value.hint)


async def test_a_field_that_does_not_exist_is_refused(cluster: ApiServer, namespace: str) -> None:
    wanted = deployment("app", namespace)
    wanted["spec"]["nope"] = 1
    with pytest.raises(RefusedError, match=r"\.spec\.nope"):
        await cluster.apply(wanted, manager="a")


async def test_a_value_that_is_not_allowed_is_refused(cluster: ApiServer, namespace: str) -> None:
    wanted = deployment("app", namespace)
    wanted["spec"]["selector"]["matchLabels"] = {"app": "other"}
    with pytest.raises(RefusedError, match="selector"):
        await cluster.apply(wanted, manager="a")


async def test_a_namespace_that_is_not_there_is_refused(cluster: ApiServer) -> None:
    with pytest.raises(RefusedError, match="nowhere"):
        await cluster.apply(config_map("one", "nowhere"), manager="a")


async def test_an_unknown_kind_is_refused(cluster: ApiServer, namespace: str) -> None:
    with pytest.raises(RefusedError, match="apply Job"):
        await cluster.apply(document("batch/v1", "Job", "one", namespace), manager="a")


async def test_the_status_of_another_application_is_left_alone(
    cluster: ApiServer, kube: Kube, namespace: str
) -> None:
    await install(kube)
    application = await kube.create(Maker().resource("plant", namespace))
    with pytest.raises(ConflictError):
        await cluster.write_status(of_uid(application, NOWHERE), {"phase": "Ready"})
    assert "status" not in await kube.read(application)
    gone = document(application["apiVersion"], application["kind"], "gone", namespace)
    with pytest.raises(ConflictError):
        await cluster.write_status(of_uid(gone, NOWHERE), {})


async def test_a_status_that_is_wrong_is_refused(
    cluster: ApiServer, kube: Kube, namespace: str
) -> None:
    await install(kube)
    application = await kube.create(Maker().resource("plant", namespace))
    with pytest.raises(RefusedError, match=r"status\.conditions"):
        await cluster.write_status(application, {"conditions": "none"})


async def test_an_event_that_comes_again_is_counted(
    cluster: ApiServer, kube: Kube, namespace: str
) -> None:
    await install(kube)
    application = await kube.create(Maker().resource("plant", namespace))
    for message, is_warning in [("a", True), ("a", True), ("b", True), ("a", False), ("a", True)]:
        await cluster.event(application, reason="No", message=message, is_warning=is_warning)
    # The older kind of Event, which kubectl shows too: one store has both.
    found = await kube.listed("v1", "Event", namespace)
    assert {
        (one["type"], one["message"], one.get("series", {}).get("count", 1)) for one in found
    } == {("Warning", "a", 3), ("Warning", "b", 1), ("Normal", "a", 1)}


async def test_an_event_may_be_long_and_is_counted_by_the_next_process(
    cluster: ApiServer, as_whom: Connect, api_server: Path, kube: Kube, namespace: str
) -> None:
    await install(kube)
    application = await kube.create(Maker().resource("plant", namespace))
    long = "ä" * 2000
    await cluster.event(application, reason="No", message=long, is_warning=True)
    async with as_whom(api_server) as restarted:
        restarted._instance = "another-pod"
        await restarted.event(application, reason="No", message=long, is_warning=True)
    [found] = await kube.listed("events.k8s.io/v1", "Event", namespace)
    assert found["note"] == "ä" * 512
    assert found["series"]["count"] == 2
    assert found["reportingInstance"] == "test"
    assert found["regarding"]["uid"] == application["metadata"]["uid"]


async def test_a_pod_is_its_service_account(
    kube: Kube, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = json.loads((await kube.account(namespace, "nobody", tmp_path)).read_text())
    server = urlsplit(found["clusters"][0]["cluster"]["server"])
    authority = found["clusters"][0]["cluster"]["certificate-authority-data"]
    files = {"SERVICE_TOKEN_FILENAME": found["users"][0]["user"]["token"].encode()}
    files["SERVICE_CERT_FILENAME"] = base64.b64decode(authority)
    for constant, content in files.items():
        tmp_path.joinpath(constant).write_bytes(content)
        monkeypatch.setattr(incluster_config, constant, str(tmp_path / constant))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(server.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    request = Request("list pods", "GET", "/api/v1/pods")
    async with connected() as requests:
        with pytest.raises(ForbiddenError, match=f"system:serviceaccount:{namespace}:nobody"):
            await requests.ask(request)


# Trouble on the way


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_every_verb_passes_through_trouble(
    proxied: tuple[Proxy, ApiServer], kube: Kube, namespace: str, status: int
) -> None:
    proxy, cluster = proxied
    await install(kube)
    application = await kube.create(Maker().resource("plant", namespace))

    def trouble() -> None:
        assert not proxy.refusals
        proxy.refusals[:] = [refusal(status, Retry_After="0"), refusal(status)]

    trouble()
    made = await cluster.apply(config_map("one", namespace), manager="a")
    trouble()
    assert await cluster.read(CONFIG_MAP, namespace, "one") is not None
    trouble()
    assert len(await cluster.children(namespace, "plant")) == 1
    trouble()
    await cluster.write_status(application, {"phase": "Ready"})
    trouble()
    await cluster.event(application, reason="No", message="a", is_warning=True)
    trouble()
    await cluster.delete(Key(CONFIG_MAP, "one"), namespace, uid=made["metadata"]["uid"])
    assert await cluster.read(CONFIG_MAP, namespace, "one") is None


async def test_trouble_without_end_is_told(
    proxied: tuple[Proxy, ApiServer], namespace: str
) -> None:
    proxy, cluster = proxied
    proxy.refusals[:] = [refusal(429, "too many requests") for _ in range(100)]
    with pytest.raises(ClusterUnavailableError, match="too many requests"):
        await cluster.apply(config_map("one", namespace), manager="a")
    assert len(proxy.seen) == 5


async def test_a_write_whose_answer_is_lost_is_done_once(
    proxied: tuple[Proxy, ApiServer], namespace: str
) -> None:
    proxy, cluster = proxied
    proxy.is_lossy = True
    made = await cluster.apply(config_map("one", namespace, a="1"), manager="a")
    assert made["data"] == {"a": "1"}
    proxy.is_lossy = True
    await cluster.delete(Key(CONFIG_MAP, "one"), namespace, uid=made["metadata"]["uid"])
    assert [method for method, _ in proxy.seen] == ["PATCH"] * 2 + ["DELETE"] * 2


async def test_long_lists_come_in_chunks(
    proxied: tuple[Proxy, ApiServer], kube: Kube, namespace: str
) -> None:
    proxy, cluster = proxied
    for number in range(205):
        await kube.create(config_map(f"one-{number}", namespace))
    assert len(await cluster.children(namespace, "plant")) == 205
    asked = [path for _, path in proxy.seen if "configmaps" in path]
    assert len(asked) == 3
    assert all("limit=100" in path for path in asked)


async def test_a_list_whose_moment_is_forgotten_is_read_again(
    proxied: tuple[Proxy, ApiServer], kube: Kube, namespace: str
) -> None:
    proxy, cluster = proxied
    for number in range(101):
        await kube.create(config_map(f"one-{number}", namespace))
    proxy.is_forgetful = True
    found = await cluster.children(namespace, "plant")
    assert len({one["metadata"]["name"] for one in found}) == len(found) == 101
    assert not proxy.is_forgetful


# Away and back


async def test_a_server_that_is_away_is_told_and_found_again(
    own: ControlPlane, as_whom: Connect
) -> None:
    async with (
        a_kube(own.kubeconfig) as kube,
        a_namespace(kube) as namespace,
        as_whom(own.kubeconfig) as cluster,
    ):
        made = await cluster.apply(config_map("one", namespace, a="1"), manager="a")
        own.api_server.kill()
        with pytest.raises(ClusterUnavailableError, match="get ConfigMap"):
            await cluster.read(CONFIG_MAP, namespace, "one")
        with pytest.raises(ClusterUnavailableError, match="apply ConfigMap"):
            await cluster.apply(config_map("one", namespace), manager="a")
        await asyncio.to_thread(own.api_server.start)
        again = await cluster.apply(config_map("one", namespace, a="1"), manager="a")
        assert again["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_server_that_is_frozen_keeps_nobody(own: ControlPlane) -> None:
    request = Request("get namespaces", "GET", "/api/v1/namespaces")
    patience = Patience(timedelta(seconds=0.5), timedelta(seconds=1))
    async with connected(own.kubeconfig) as patient, connected(own.kubeconfig, patience) as hasty:
        await patient.ask(request)
        own.api_server.pause()
        try:
            with pytest.raises(ClusterUnavailableError, match="no answer in time"):
                await hasty.ask(request)
            waiting = asyncio.create_task(patient.ask(request))
            await asyncio.wait([waiting], timeout=0.1)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
        finally:
            own.api_server.resume()
        assert (await patient.ask(request))["items"]
