"""Git applies an application again and again, and keeps its hands off what others have set."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import pytest
import yaml

from cloudflow_operator import names
from support.going_on import PATIENCE_SECONDS, pods, ready, replaced
from support.kube import document, eventually
from support.topic_reader import a_reader

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform
    from support.installed_application import Installed
    from support.kube import Document
    from support.space import Space

GREETING = "cloudflow.streamlets.greeter.config-parameters.greeting=Welcome"
WINDOW = "cloudflow.streamlets.printer.config.window-records=50"
APPLY = {"": "unchanged", "--server-side": "serverside-applied"}
"""What kubectl says when the same is applied again, by the way in which it was."""

pytestmark = pytest.mark.slow


def autoscaler(one: Installed, streamlet: str, replicas: int) -> Document:
    """One that wants so many pods at least; that needs no metrics."""
    named = one.deployment(streamlet)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": named["metadata"]["name"]}
    spec = {"scaleTargetRef": target, "minReplicas": replicas, "maxReplicas": replicas + 1}
    made = document("autoscaling/v2", "HorizontalPodAutoscaler", streamlet, one.namespace)
    return {**made, "spec": spec}


def without(resource: Path, streamlet: str, file: Path) -> Path:
    """The resource when somebody has removed a streamlet; what it read stays."""
    found = yaml.safe_load(resource.read_text())
    spec = copy.deepcopy(found["spec"])
    spec["streamlets"] = [one for one in spec["streamlets"] if one["name"] != streamlet]
    for topic in spec["topics"]:
        for side in {"producers", "consumers"} & topic.keys():
            topic[side] = [one for one in topic[side] if not one.startswith(f"{streamlet}.")]
    file.write_text(yaml.safe_dump({**found, "spec": spec}))
    return file


@pytest.mark.parametrize("way", APPLY, ids=["apply", "apply on the server"])
async def test_what_others_set_outlives_what_git_applies(
    platform: Platform, space: Space, tmp_path: Path, way: str
) -> None:
    resource = await platform.built("hello")
    await space.kubectl(f"apply {way} --filename {resource}")
    application = await space.installed("hello")
    scaler = autoscaler(application, "printer", 2)
    await space.kubectl("apply --filename -", stdin=json.dumps(scaler))
    await space.login("hello")
    await space.done(f"configure hello {GREETING}")
    await space.done("scale hello greeter=2")
    both = await space.run(f"plan {resource} cloudflow.streamlets.printer.replicas=1")
    assert "the HorizontalPodAutoscaler 'printer' scales its Deployment" in both.err
    overrides = (await application.read())["spec"]["overrides"]
    # Nobody but the autoscaler asks for two of these.
    before = await ready(space, application, people=1, greeter=2, printer=2)

    await space.kubectl(f"diff {way} --filename {resource}")
    said = await space.kubectl(f"apply {way} --filename {resource}")
    assert said.rstrip().endswith(f"/hello {APPLY[way]}")
    await space.done(f"configure hello {WINDOW}")
    now = await replaced(space, application, "printer", before)
    assert len(now["printer"]) == 2
    assert {**now, "printer": {}} == {**before, "printer": {}}
    await greeted(platform, resource, space, "Welcome, Ada!")

    smaller = without(resource, "printer", tmp_path / "smaller.yaml")
    await space.kubectl(f"apply {way} --filename {smaller}")
    await eventually(lambda: is_gone(space, application), "printer to be gone", PATIENCE_SECONDS)
    del now["printer"]
    assert await pods(space) == now
    spec = (await application.read())["spec"]
    assert [one for one in spec["overrides"] if one["name"] != "printer"] == overrides
    await space.kubectl(f"diff {way} --filename {smaller}")


async def greeted(platform: Platform, resource: Path, space: Space, text: str) -> None:
    """Wait until people are greeted like that."""
    topic = names.topic(space.namespace, "hello", "greetings")
    async with a_reader(platform.cluster.kafka, resource) as reader:

        async def is_there() -> bool:
            return {"text": text} in await reader.values(topic)

        await eventually(is_there, text, PATIENCE_SECONDS)


async def is_gone(space: Space, one: Installed) -> bool:
    """Whether nothing of the printer is there any more."""
    return not await space.pods("printer") and not await one.kube.find(one.deployment("printer"))
