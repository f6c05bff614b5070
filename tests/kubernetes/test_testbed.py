"""The test bed is what it says: a real Kubernetes, whose parts can be broken one by one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from typing import TYPE_CHECKING

import pytest
from kubernetes.aio.client import ApiException

from support.kube import Document, Kube, a_kube, deployment, document, eventually
from testbed.binaries import ASSETS, version
from testbed.kubernetes import ControlPlane, control_plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def own() -> Iterator[ControlPlane]:
    """Without controllers, and for these tests alone, which break it and put it right again."""
    with control_plane(controllers=False) as made:
        yield made


def config_map(name: str, namespace: str, **more: object) -> Document:
    return document("v1", "ConfigMap", name, namespace, data={"a": "1"}, **more)


# As it comes


async def test_the_server_keeps_what_it_is_given(kube: Kube, namespace: str) -> None:
    made = await kube.create(config_map("one", namespace))
    assert await kube.read(made) == made
    changed = await kube.apply(config_map("one", namespace) | {"data": {"b": "2"}})
    assert changed["data"] == {"a": "1", "b": "2"}
    assert changed in await kube.listed("v1", "ConfigMap", namespace)


async def test_who_has_no_role_is_refused(kube: Kube, namespace: str, tmp_path: Path) -> None:
    theirs = await kube.account(namespace, "nobody", tmp_path)
    async with a_kube(theirs) as nobody:
        with pytest.raises(ApiException) as refused:
            await nobody.listed("v1", "ConfigMap", namespace)
    assert refused.value.status == 403


async def test_a_role_allows_what_it_says(kube: Kube, namespace: str, tmp_path: Path) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]
    await kube.create(document(f"{GROUP}/v1", "Role", "maker", namespace, rules=rules))
    subject = {"kind": "ServiceAccount", "name": "maker", "namespace": namespace}
    role = {"apiGroup": GROUP, "kind": "Role", "name": "maker"}
    bound = {"subjects": [subject], "roleRef": role}
    await kube.create(document(f"{GROUP}/v1", "RoleBinding", "maker", namespace, **bound))
    async with a_kube(await kube.account(namespace, "maker", tmp_path)) as maker:
        made = await maker.create(config_map("one", namespace))
        with pytest.raises(ApiException) as refused:
            await maker.read(made)
    assert refused.value.status == 403


async def test_a_deleted_account_is_nobody(kube: Kube, namespace: str, tmp_path: Path) -> None:
    theirs = await kube.account(namespace, "gone", tmp_path)
    await kube.delete(document("v1", "ServiceAccount", "gone", namespace))

    async def is_nobody() -> bool:
        async with a_kube(theirs) as gone:
            try:
                await gone.listed("v1", "ConfigMap", namespace)
            except ApiException as error:
                return bool(error.status == 401)
        return False

    await eventually(is_nobody, "401 for the token of an account that is gone")


@pytest.mark.usefixtures("kubernetes")
async def test_what_a_deleted_object_owned_is_collected(kube: Kube, namespace: str) -> None:
    owner = await kube.create(config_map("owner", namespace))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}
    owned = config_map("owned", namespace)
    owned["metadata"]["ownerReferences"] = [reference | {"uid": owner["metadata"]["uid"]}]
    await kube.create(owned)
    await kube.create(config_map("other", namespace))
    await kube.delete(owner)

    async def is_gone() -> bool:
        return await kube.find(owned) is None

    await eventually(is_gone, "the end of what the deleted object owned")
    assert await kube.find(config_map("other", namespace))


@pytest.mark.usefixtures("kubernetes")
async def test_a_deployment_has_pods_that_wait_for_a_node(kube: Kube, namespace: str) -> None:
    made = deployment("app", namespace, replicas=2)
    made["spec"]["template"]["spec"]["nodeSelector"] = {"tests/is": "nowhere"}  # some have nodes
    await kube.create(made)

    async def unscheduled() -> list[Document]:
        pods = await kube.listed("v1", "Pod", namespace)
        reasons = [
            condition["reason"]
            for pod in pods
            for condition in pod["status"].get("conditions", [])
            if condition["type"] == "PodScheduled"
        ]
        return pods if reasons == ["Unschedulable"] * 2 else []

    pods = await eventually(unscheduled, "two Pods that have no node")
    assert [pod["status"]["phase"] for pod in pods] == ["Pending"] * 2
    [replicas] = await kube.listed("apps/v1", "ReplicaSet", namespace)
    assert {pod["metadata"]["ownerReferences"][0]["uid"] for pod in pods} == {
        replicas["metadata"]["uid"]
    }


@pytest.mark.usefixtures("kubernetes")
async def test_a_deleted_namespace_ends_with_all_that_is_in_it(kube: Kube) -> None:
    space = await kube.create(document("v1", "Namespace", "short-lived"))
    await kube.create(config_map("one", "short-lived"))
    await kube.delete(space)

    async def is_gone() -> bool:
        return await kube.find(space) is None

    await eventually(is_gone, "the end of a namespace")
    assert await kube.listed("v1", "ConfigMap", "short-lived") == []


async def test_kubectl_talks_to_the_server(
    kube: Kube, namespace: str, kubectl: Path, tmp_path: Path
) -> None:
    await kube.create(config_map("one", namespace))
    words = ("get", "configmap", "one", "--namespace", namespace, "--output", "json")
    process = await asyncio.create_subprocess_exec(
        kubectl,
        *("--kubeconfig", kube.kubeconfig, *words),
        stdout=asyncio.subprocess.PIPE,
        env={"HOME": str(tmp_path)},
    )
    said, _ = await process.communicate()
    assert json.loads(said)["data"] == {"a": "1"}


# One of its own, and broken


async def test_the_version_is_the_one_that_was_asked_for(own: ControlPlane) -> None:
    if ASSETS in os.environ:
        pytest.skip(f"{ASSETS} names programs of any version")
    async with a_kube(own.kubeconfig) as kube:
        assert (await kube.ask("GET", "/version"))["gitVersion"] == f"v{version()}"


async def test_a_killed_server_has_all_that_it_had(own: ControlPlane) -> None:
    async with a_kube(own.kubeconfig) as kube:
        made = await kube.create(config_map("kept", "default"))
        own.api_server.kill()
        own.api_server.start()
        assert await kube.read(made) == made


async def test_a_paused_server_answers_when_it_goes_on(own: ControlPlane) -> None:
    async with a_kube(own.kubeconfig) as kube:
        own.api_server.pause()
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await kube.listed("v1", "Namespace", None)
        finally:
            own.api_server.resume()
        assert await kube.listed("v1", "Namespace", None)


async def test_nothing_is_written_while_the_store_is_paused(own: ControlPlane) -> None:
    async with a_kube(own.kubeconfig) as kube:
        own.etcd.pause()
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await kube.create(config_map("late", "default"))
        finally:
            own.etcd.resume()
        assert await kube.listed("v1", "Namespace", None)


async def test_a_killed_store_has_what_was_written(own: ControlPlane) -> None:
    async with a_kube(own.kubeconfig) as kube:
        made = await kube.create(config_map("stored", "default"))
        own.etcd.kill()
        own.etcd.start()

        async def found() -> Document | None:
            with contextlib.suppress(ApiException):
                return await kube.find(made)
            return None

        assert await eventually(found, "an answer of a server whose store was away") == made
