"""`logs` through a real API server, with the node's part played here."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator.names import APPLICATION, STREAMLET
from support.kube import document, eventually
from support.kube_server import an_application
from support.kubelet import a_kubelet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.command import Shell
    from support.kube import Kube
    from support.kubelet import Kubelet


@pytest.fixture
async def kubelet(
    kubernetes: Path, shell: Shell, kube: Kube, namespace: str, tmp_path: Path
) -> AsyncIterator[Kubelet]:
    """A node whose pods write what a test says; the application is there."""
    del kubernetes, shell
    await kube.create(an_application(namespace=namespace))

    async def account() -> object:
        return await kube.find(document("v1", "ServiceAccount", "default", namespace))

    await eventually(account, "the namespace's ServiceAccount")
    async with a_kubelet(kube, f"node-{secrets.token_hex(4)}", tmp_path) as made:
        yield made


async def a_pod(kube: Kube, kubelet: Kubelet, namespace: str, name: str) -> None:
    labels = {APPLICATION: "sensor-data", STREAMLET: "validation"}
    await kube.create(kubelet.pod(name, namespace, labels))


def at(second: int, text: str) -> str:
    return f"2026-01-01T00:00:{second:02}.500000000Z {text}\n"


async def test_the_logs_of_all_pods_are_one(
    shell: Shell, kube: Kube, kubelet: Kubelet, namespace: str
) -> None:
    for name in ("v-a", "v-b"):
        await a_pod(kube, kubelet, namespace, name)
    without_end = at(2, "two").rstrip()
    kubelet.logs = {"v-a": [at(1, "one") + at(3, "three")], "v-b": [without_end]}
    ended = await shell(f"kubectl cloudflow logs sensor-data -n {namespace} --since 5m --tail 9")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == ["validation/a one", "validation/b two", "validation/a three"]
    asked = kubelet.queries["v-a"][0]
    assert asked == {"timestamps": "true", "sinceSeconds": "300", "tailLines": "9"}


async def test_followed_logs_outlast_connections_and_take_new_pods(
    shell: Shell, kube: Kube, kubelet: Kubelet, namespace: str
) -> None:
    await a_pod(kube, kubelet, namespace, "v-a")
    kubelet.logs = {
        "v-a": [at(1, "one") + at(2, "two"), at(2, "two") + at(3, "three")],
        "v-c": [at(4, "new")],
    }
    process = await shell.start(f"kubectl cloudflow logs sensor-data -f -n {namespace}")
    assert process.stdout is not None
    assert [await process.stdout.readline() for _ in range(3)] == [
        b"validation/a one\n",
        b"validation/a two\n",
        b"validation/a three\n",
    ]
    await a_pod(kube, kubelet, namespace, "v-c")
    assert await process.stdout.readline() == b"validation/c new\n"
    process.send_signal(2)
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"", b"")
    assert kubelet.queries["v-a"][1]["sinceTime"] == "2026-01-01T00:00:02Z"
