"""A bed leaves nothing on the machine, however its owner ends; others on the machine stay."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.kube import a_kube, document, eventually
from support.node_pods import own, pull_secret, python_pod
from support.require import VARIABLE
from testbed import cgroups, cluster, images
from testbed.claims import Claim, claimed, sweep
from testbed.cluster import Cluster, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_a_bed_that_cannot_start_leaves_nothing(
    node: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(node)
    seen: list[Claim] = []

    @contextlib.contextmanager
    def watched() -> Iterator[Claim]:
        with claimed() as claim:
            seen.append(claim)
            yield claim

    monkeypatch.setattr(cluster, "claimed", watched)
    monkeypatch.setattr(images, "BASE", "No Name")
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="No Name"), whole():
        pass
    [claim] = seen
    assert traces_of(claim) == []


async def run_a_pod(made: Cluster) -> None:
    program = "import time; time.sleep(1000)"
    pod = python_pod("goes-on", "default", made.base_image, program)
    async with a_kube(made.kubeconfig) as kube:
        account = document("v1", "ServiceAccount", "default", "default")
        await eventually(lambda: kube.find(account), "the ServiceAccount of a namespace")
        await kube.create(pull_secret("default", made.registry.pull_secret()))
        await kube.create(pod)

        async def runs() -> bool:
            return bool((await kube.read(pod))["status"].get("phase") == "Running")

        await eventually(runs, "a pod that runs")


def traces(folder: Path, namespace: str) -> list[str]:
    """What of a bed is there, and whether processes of its machine are."""
    there = inhabitants(namespace)
    return [*traces_of(Claim(int(folder.name))), *(f"process {pid}" for pid in there)]


def traces_of(claim: Claim) -> list[str]:
    found = {
        "files": claim.folder.exists(),
        "processes": processes_of(claim.folder),
        "mounts": f"{claim.folder}/" in Path("/proc/self/mountinfo").read_text(),
        "control groups": cgroups.found(claim.cgroup),
        "a link": Path("/sys/class/net", claim.link).exists(),
        "routes": f"10.{claim.number}." in _said("ip", "-4", "route"),
    }
    return [f"{name}: {value}" for name, value in found.items() if value]


def processes_of(folder: Path) -> list[str]:
    mark = os.fsencode(f"{folder}/")
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
