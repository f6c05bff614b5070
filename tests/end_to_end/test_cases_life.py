"""Applications come, change their size, and go; others beside them do not notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.exits import Exit
from support.case import until_gone, until_running
from support.kube import eventually
from support.space import a_space
from support.topic_reader import a_reader

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform
    from support.kube import Kube
    from support.space import Space

pytestmark = pytest.mark.slow

NAME = "hello"
STAYING = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
"""What Kubernetes itself puts into each namespace."""
KINDS = (
    *(("v1", kind) for kind in ("ConfigMap", "Pod", "Secret", "Service", "ServiceAccount")),
    *(("apps/v1", kind) for kind in ("Deployment", "ReplicaSet")),
)


async def everything(space: Space) -> set[str]:
    """What is in a namespace, by kind and name."""
    return {
        f"{kind}/{one['metadata']['name']}"
        for version, kind in KINDS
        for one in await space.kube.listed(version, kind, space.namespace)
    }


async def uids(space: Space) -> set[str]:
    """The pods that stay."""
    return {one["metadata"]["uid"] for one in await space.pods()}


async def greetings(space: Space) -> int:
    """How many the only pod that writes them has written."""
    return (await space.logs("printer")).count('"message": "Hello, ')


async def go_on(space: Space) -> None:
    """Wait until more records have gone through all streamlets."""
    before = await greetings(space)

    async def are_more() -> bool:
        return await greetings(space) > before

    await eventually(are_more, "more greetings")


async def test_it_24_25_acc_02_04_12_18_it_comes_changes_and_goes_beside_another(
    platform: Platform, space: Space, kube: Kube
) -> None:
    resource = await platform.built(NAME)
    async with a_space(platform, kube) as other:
        one = await space.deploy(resource)
        await other.deploy(resource)
        await go_on(other)
        others, before = await uids(other), await uids(space)
        await space.done(f"deploy {resource} --wait")
        assert await uids(space) == before
        for count in (3, 1, 0, 1):
            await space.done(f"scale {NAME} greeter={count}")
            await until_running(one)

            async def are_there(count: int = count) -> bool:
                return len(await space.pods("greeter")) == count

            await eventually(are_there, f"{count} greeters")
        await go_on(space)
        await space.done(f"undeploy {NAME} --wait")
        await until_gone(kube, one.document)

        async def is_empty() -> bool:
            return await everything(space) == STAYING

        await eventually(is_empty, "nothing to be left")
        async with a_reader(platform.cluster.kafka, resource) as reader:
            assert await reader.values(f"{space.namespace}.{NAME}.greetings")
        assert await uids(other) == others
        await go_on(other)


async def test_acc_16_an_image_that_is_not_there_and_a_process_that_ends_are_told(
    platform: Platform, space: Space, tmp_path: Path
) -> None:
    resource = await platform.built(NAME)
    await space.login(NAME)
    missing = f"{platform.cluster.registry.address}/tests/nowhere:1"
    ended = await space.run(f"deploy {resource} --image {missing} --wait")
    assert ended.status == Exit.FAILED
    assert "ErrImagePull" in ended.err or "ImagePullBackOff" in ended.err
    # The reason itself is containerd's, which says of its last try only.
    assert f'failed to pull and unpack image "{missing}"' in ended.err
    file = tmp_path / "wrong.conf"
    containers = '[{name = streamlet, args = ["--config", "/nowhere"]}]'
    file.write_text(f"cloudflow.streamlets.greeter.kubernetes.spec.containers = {containers}\n")
    ended = await space.run(f"deploy {resource} --conf {file} --wait")
    assert ended.status == Exit.FAILED
    assert "greeter: " in ended.err
    status = (await space.done(f"status {NAME} -o json")).data
    [greeter] = [one for one in status["streamlets"] if one["name"] == "greeter"]
    assert greeter["phase"] == "CrashLoopBackOff"
    assert "/nowhere" in greeter["message"]
