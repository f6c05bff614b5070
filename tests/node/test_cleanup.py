"""A bed leaves nothing on the machine, however its owner ends; others on the machine stay."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from support.kube import a_kube, document, eventually
from support.node_pods import own, pull_secret, python_pod
from testbed import cgroups
from testbed.claims import Claim, sweep
from testbed.cluster import Cluster, whole

TESTS = Path(__file__).parents[1]
OWNER = """
import sys
from testbed.cluster import whole
with whole() as made:
    print(made.parts.folder, flush=True)
    sys.stdin.read()
"""


async def test_a_bed_beside_another_leaves_nothing(node: Cluster) -> None:
    own(node)
    before = firewall()
    with whole() as made:
        folder = own(made).folder
        namespace = pid_namespace(folder)
        await run_a_pod(made)
        assert len(inhabitants(namespace)) > 4  # the first, containerd, kubelet, kube-proxy, ...
        assert firewall() == before
    assert traces(folder, namespace) == []
    async with a_kube(node.kubeconfig) as kube:
        assert await kube.listed("v1", "Node", None)


async def test_a_bed_whose_owner_was_killed_is_swept(node: Cluster) -> None:
    own(node)
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
    )
    assert owner.stdout is not None
    folder = Path((await owner.stdout.readline()).decode().strip())
    namespace = pid_namespace(folder)
    await asyncio.to_thread(sweep)
    assert inhabitants(namespace)
    owner.kill()
    await owner.wait()
    assert inhabitants(namespace)
    await asyncio.to_thread(sweep)
    assert traces(folder, namespace) == []
    async with a_kube(node.kubeconfig) as kube:
        assert await kube.listed("v1", "Node", None)


async def run_a_pod(cluster: Cluster) -> None:
    program = "import time; time.sleep(1000)"
    pod = python_pod("goes-on", "default", cluster.base_image, program)
    async with a_kube(cluster.kubeconfig) as kube:
        account = document("v1", "ServiceAccount", "default", "default")
        await eventually(lambda: kube.find(account), "the ServiceAccount of a namespace")
        await kube.create(pull_secret("default", cluster.registry.pull_secret()))
        await kube.create(pod)

        async def runs() -> bool:
            return bool((await kube.read(pod))["status"].get("phase") == "Running")

        await eventually(runs, "a pod that runs")


def traces(folder: Path, namespace: str) -> list[str]:
    """What of a bed is there."""
    claim = Claim(int(folder.name))
    found = {
        "files": folder.exists(),
        "processes": processes_of(folder),
        "processes there": inhabitants(namespace),
        "mounts": str(folder) in Path("/proc/self/mountinfo").read_text(),
        "control groups": cgroups.found(claim.cgroup),
        "a link": Path("/sys/class/net", claim.link).exists(),
        "routes": f"10.{claim.number}." in _said("ip", "-4", "route"),
    }
    return [f"{name}: {value}" for name, value in found.items() if value]


def processes_of(folder: Path) -> list[str]:
    mark = os.fsencode(folder)
    return [pid for pid in _pids() if mark in _content(pid, "cmdline")]


def inhabitants(namespace: str) -> list[str]:
    """The processes of a namespace."""
    return [pid for pid in _pids() if _namespace(pid) == namespace]


def pid_namespace(folder: Path) -> str:
    """The one that a bed's processes are in."""
    starter = folder.joinpath("machine", "pid").read_text()
    [first] = Path(f"/proc/{starter}/task/{starter}/children").read_text().split()
    return _namespace(first)


def firewall() -> str:
    """The rules of this machine, without their counters."""
    rules = _said("iptables-save").splitlines()
    return "\n".join(each for each in rules if each.startswith("-A"))


def _pids() -> list[str]:
    return [each.name for each in Path("/proc").iterdir() if each.name.isdigit()]


def _namespace(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def _content(pid: str, name: str) -> bytes:
    try:
        return Path("/proc", pid, name).read_bytes()
    except OSError:
        return b""


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
