"""The wind turbines, from their source to metrics in the log of a pod."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

import pytest

from support.kube import PATIENCE, eventually
from support.topic_reader import a_reader
from support.turbines_at_work import INVALID, VALID, logged, often, post, recorded

if TYPE_CHECKING:
    from support.installation import Platform
    from support.space import Space

pytestmark = pytest.mark.slow

STREAMLETS = {"http-ingress", "metrics", "validation", "valid-logger", "invalid-logger"}
INFO = "cloudflow.streamlets.valid-logger.config-parameters.log-level=info"
MEGABYTES = 1_000_000


async def test_every_record_comes_out_as_three_metrics(platform: Platform, space: Space) -> None:
    resource = await platform.built("sensor-data")
    await space.deploy(resource, INFO)
    topic = f"{space.namespace}.sensor-data"
    async with (
        a_reader(platform.cluster.kafka, resource) as reader,
        space.started("logs sensor-data valid-logger --follow --tail 100") as following,
    ):
        for times in (1, 2):
            await post(space)
            lines = await followed(following, VALID.total())
            valid = await reader.until(f"{topic}.valid-metrics", VALID.total() * times)
            invalid = await reader.until(f"{topic}.invalid-metrics", INVALID.total() * times)
            assert logged(lines) == VALID
            assert recorded(valid) == often(VALID, times)
            assert recorded([one["metric"] for one in invalid]) == often(INVALID, times)
        following.send_signal(signal.SIGINT)
        assert await following.wait() == 0
    await is_told(space)
    assert max(await idle(space)) < 80 * MEGABYTES


async def followed(process: asyncio.subprocess.Process, count: int) -> list[str]:
    """The next so many lines of metrics that a followed log shows, as the pod wrote them."""
    assert process.stdout is not None
    found: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            line = (await process.stdout.readline()).decode()
            assert line, "the log has ended"
            found += [line.partition(" ")[2]] if " of " in line else []
    return found


async def is_told(space: Space) -> None:
    """`list`, `status` and `logs` say what is there, in words and as data."""
    said = (await space.done("list")).out.splitlines()
    assert said[0].split()[:5] == ["NAME", "PHASE", "READY", "VERSION", "AGE"]
    assert said[1].split()[:4] == ["sensor-data", "Running", "5/5", "0.1.0"]
    status = (await space.done("status sensor-data -o json")).data
    assert (status["phase"], status["ready"]) == ("Running", "5/5")
    assert {one["name"] for one in status["streamlets"] if one["readyReplicas"]} == STREAMLETS
    assert {one["state"] for one in status["topics"]} == {"Ready"}

    async def all_are_told() -> bool:
        said = (await space.done("logs sensor-data invalid-logger")).out.splitlines()
        return logged([line.partition(" ")[2] for line in said]) == often(INVALID, 2)

    await eventually(all_are_told, "each invalid metric to be logged once")


async def idle(space: Space) -> list[int]:
    """The bytes that each container here needs, as the kubelet counts them."""
    [node] = await space.kube.listed("v1", "Node", None)
    stats = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"

    async def counted() -> list[int]:
        found = json.loads(await space.kubectl(f"get --raw {stats}"))
        here = [one for one in found["pods"] if one["podRef"]["namespace"] == space.namespace]
        sizes = [one["containers"][0]["memory"].get("workingSetBytes", 0) for one in here]
        return sizes if len(sizes) == len(STREAMLETS) and all(sizes) else []

    return await eventually(counted, "the memory of all pods")
