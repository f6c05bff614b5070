"""Pods run as they do anywhere: pulled with a password, held to rules, probed and counted."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from support.kube import Document, document, eventually
from support.node_pods import PULL_SECRET, disk, own, pull_secret, python_pod
from testbed import images
from testbed.registry import registry

if TYPE_CHECKING:
    from pathlib import Path

    from support.kube import Kube
    from support.node_pods import Pods
    from testbed.cluster import Cluster

WAIT = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(0)); signal.pause()"
SERVE = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=8080)"
PORT = {"ports": [{"name": "http", "containerPort": 8080}], "workingDir": "/etc"}
PROBE = {"readinessProbe": {"httpGet": {"path": "/hostname", "port": "http"}, "periodSeconds": 1}}


async def test_the_node_is_ready(kube: Kube) -> None:
    [found] = await kube.listed("v1", "Node", None)
    states = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert states["Ready"] == "True"


async def test_a_pod_is_held_to_the_rules_of_its_namespace(pods: Pods) -> None:
    pod = await pods.run(
        "held",
        """
        import json, os
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        try:
            open("/written", "w")
            root = "written"
        except OSError as error:
            root = error.strerror
        facts = {name: status[name].strip() for name in ("CapEff", "NoNewPrivs", "Seccomp")}
        print(json.dumps({"user": os.getuid(), "root": root, **facts}))
        """,
    )
    assert json.loads(await pods.logs(pod)) == {
        "user": 10_001,
        "root": "Read-only file system",
        "CapEff": "0000000000000000",
        "NoNewPrivs": "1",
        "Seccomp": "2",
    }


async def test_without_the_pull_secret_no_image_comes(pods: Pods) -> None:
    secret = document("v1", "Secret", PULL_SECRET, pods.namespace)
    await pods.kube.delete(secret)
    pod = await pods.start("stranger", WAIT, "Pending", imagePullPolicy="Always")

    async def reason() -> str:
        found = await pods.kube.read(pod)
        [state] = [each["state"] for each in found["status"].get("containerStatuses", [])] or [{}]
        waiting = state.get("waiting", {})
        return waiting["message"] if waiting.get("reason") == "ErrImagePull" else ""

    assert "401" in await eventually(reason, "ErrImagePull with a reason")


async def test_a_pod_gets_its_signal_and_a_command_gets_into_it(pods: Pods) -> None:
    pod = await pods.serve("waits", WAIT)
    assert (await pods.kubectl("exec", "waits", "--", "python3", "-c", "print(6 * 7)")) == "42\n"
    await pods.kube.delete(pod)

    async def is_gone() -> bool:
        return await pods.kube.find(pod) is None

    await eventually(is_gone, "the end of a deleted pod")


async def test_a_pod_is_ready_once_its_probe_says_so(pods: Pods) -> None:
    program = f"import time; time.sleep(1); {SERVE}"
    pod = await pods.serve("probed", program, **PORT, **PROBE)
    began = pod["status"]["containerStatuses"][0]["ready"]

    async def ready() -> Document | None:
        found = await pods.kube.read(pod)
        return found if found["status"]["containerStatuses"][0]["ready"] else None

    assert (began, bool(await eventually(ready, "readiness"))) == (False, True)


async def test_a_pod_that_takes_too_much_memory_is_killed_for_it(pods: Pods) -> None:
    pod = await pods.run("greedy", "kept = bytearray(200_000_000)")
    [status] = pod["status"]["containerStatuses"]
    assert status["state"]["terminated"]["reason"] == "OOMKilled"


async def test_what_a_pod_mounts_and_is_told_reaches_it(pods: Pods) -> None:
    told = document("v1", "ConfigMap", "told", pods.namespace, data={"word": "sun"})
    await pods.kube.create(told)
    env = [{"name": "WORD", "valueFrom": {"configMapKeyRef": {"name": "told", "key": "word"}}}]
    pod = await pods.run("told", "import os; print(os.environ['WORD'])", env=env)
    assert await pods.logs(pod) == "sun\n"


async def test_a_disk_keeps_what_a_pod_has_written(node: Cluster, pods: Pods) -> None:
    for each in disk("data", pods.namespace, own(node).folder / "disks" / pods.namespace):
        await pods.kube.create(each)
    mounts = [{"name": "data", "mountPath": "/data"}]
    await pods.run("writes", "open('/data/word', 'w').write('moon')", volumeMounts=mounts)
    pod = await pods.run("reads", "print(open('/data/word').read())", volumeMounts=mounts)
    assert await pods.logs(pod) == "moon\n"


async def test_another_registry_has_a_secret_of_its_own(
    node: Cluster, pods: Pods, tmp_path: Path
) -> None:
    parts = own(node)
    with registry(tmp_path / "registry", node.host) as other:
        parts.node.trust(other.account)
        image = await asyncio.to_thread(other.account.push, images.base(), "other/python:3")
        program = "print('pulled')"
        pod = python_pod("from-other", pods.namespace, image, program)
        secret = pull_secret(pods.namespace, other.account.pull_secret(), "other")
        await pods.kube.create(secret)
        pod["spec"]["imagePullSecrets"].append({"name": "other"})
        await pods.kube.create(pod)
        await pods.reaches(pod, "Succeeded")
        assert await pods.logs(pod) == "pulled\n"


async def test_a_new_kubelet_leaves_running_pods_alone(node: Cluster, pods: Pods) -> None:
    kubelet = own(node).node.kubelet
    pod = await pods.serve("stays", WAIT)
    kubelet.restart()
    await pods.serve("after", WAIT)
    found = await pods.kube.read(pod)
    ids = [each["status"]["containerStatuses"][0]["containerID"] for each in (pod, found)]
    assert ids[0] == ids[1]
    assert found["status"]["containerStatuses"][0]["restartCount"] == 0
