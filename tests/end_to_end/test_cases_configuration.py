"""What people configure is what the process in a pod has, and only what it concerns restarts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator.names import STREAMLET
from support.case import until_running
from support.kube import document, eventually
from support.node_pods import disk, own
from support.turbines_at_work import VALID, logged, post

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform
    from support.space import Space

pytestmark = pytest.mark.slow

NAME = "sensor-data"
OF_ALL = """\
cloudflow.runtimes.python {
  config.commit-interval = 750ms
  # The level of the log is a word for the process.
  kubernetes.spec.containers = [{name = streamlet, args = ["--log-level", debug]}]
  kubernetes.pods.pod {
    labels.team = wind
    volumes {
      word.secret.name = word
      told.config-map.name = told
      disk.pvc {name = disk, read-only = false}
    }
    containers.container {
      env = [{name = OF_ALL, value = all}, {name = OF_BOTH, value = runtime}]
      volume-mounts {
        word.mount-path = "/tmp/word"
        told.mount-path = "/tmp/told"
        disk {mount-path = "/tmp/disk", read-only = false}
      }
    }
  }
}
"""
OF_ONE = """\
cloudflow.streamlets.valid-logger {
  config-parameters.msg-prefix = turbine
  kubernetes.pods.pod.containers.container {
    env = [{name = OF_BOTH, value = streamlet}]
    resources.limits.memory = 300M
  }
}
"""


async def uids(space: Space) -> dict[str, str]:
    """The pods, by streamlet."""
    found = await space.pods()
    return {one["metadata"]["labels"][STREAMLET]: one["metadata"]["uid"] for one in found}


async def environment(space: Space, streamlet: str) -> list[str]:
    """Variables of the process of a streamlet that are named `OF_…`."""
    found = await space.in_pod(streamlet, "cat", "/proc/1/environ")
    return sorted(one for one in found.split("\0") if one.startswith("OF_"))


@pytest.fixture
async def mounts(platform: Platform, space: Space) -> None:
    """A Secret, a ConfigMap and a claim."""
    here = space.namespace
    secret = document("v1", "Secret", "word", here, stringData={"word": "geheim"})
    told = document("v1", "ConfigMap", "told", here, data={"word": "sun"})
    claim = disk("disk", here, own(platform.cluster).folder / "disks" / here)
    for each in (secret, told, *claim):
        await space.kube.create(each)


@pytest.mark.usefixtures("mounts")
async def test_it_12_13_to_19_23_h2_h4_each_scope_reaches_the_process(
    platform: Platform, space: Space, tmp_path: Path
) -> None:
    of_all, of_one = tmp_path / "all.conf", tmp_path / "one.conf"
    of_all.write_text(OF_ALL)
    of_one.write_text(OF_ONE)
    one = await space.deploy(await platform.built(NAME), f"--conf {of_all}")
    before = await uids(space)
    await space.done(f"configure {NAME} --conf {of_one}")
    await until_running(one)
    after = await uids(space)
    assert {name for name in before if before[name] != after[name]} == {"valid-logger"}
    assert await environment(space, "valid-logger") == ["OF_ALL=all", "OF_BOTH=streamlet"]
    assert await environment(space, "metrics") == ["OF_ALL=all", "OF_BOTH=runtime"]
    assert {one["metadata"]["labels"]["team"] for one in await space.pods()} == {"wind"}
    await is_mounted(space)
    await is_logged(space)
    await is_limited(space)


async def is_mounted(space: Space) -> None:
    """What pods mount is there, one disk for several of them; a Secret may go then."""
    assert await space.in_pod("metrics", "cat", "/tmp/word/word", "/tmp/told/word") == "geheimsun"
    await space.in_pod("metrics", "sh", "-c", "echo moon > /tmp/disk/word")
    assert await space.in_pod("validation", "cat", "/tmp/disk/word") == "moon\n"
    before = await uids(space)
    await space.kube.delete(document("v1", "Secret", "word", space.namespace))
    assert await uids(space) == before


async def is_logged(space: Space) -> None:
    """Data flows, which the log says at its level and in the words of the parameter."""
    await post(space)

    async def all_are_told() -> bool:
        said = (await space.done(f"logs {NAME} valid-logger")).out.splitlines()
        lines = [line.partition(" ")[2] for line in said if '"message": "turbine ' in line]
        assert {json.loads(line)["level"] for line in lines} <= {"debug"}
        return logged(lines) == VALID

    await eventually(all_are_told, "each valid metric to be in the log")


async def is_limited(space: Space) -> None:
    """The pod has the settings and the limit that were asked for."""
    told = json.loads(await space.in_pod("valid-logger", "cat", "/etc/cloudflow/streamlet.json"))
    assert told["settings"] == {"commit-interval": "PT0.75S"}
    [pod] = await space.pods("valid-logger")
    assert pod["spec"]["containers"][0]["resources"]["limits"]["memory"] == "300M"
