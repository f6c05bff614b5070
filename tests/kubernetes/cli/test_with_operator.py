"""The commands that look and steer, beside a real operator with a real Kafka."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_operator.names import RESTARTED_AT
from support.kube import eventually
from support.operator_process import an_operator, application, kafka_cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.command import Ended, Shell
    from support.kube import Document, Kube


@pytest.fixture
async def deployed(
    kubernetes: Path, shell: Shell, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> AsyncIterator[Document]:
    """An application that an operator has acted on."""
    await kube.create(kafka_cluster(namespace, kafka))
    made = await kube.create(application("sensor-data", namespace))
    async with an_operator(kubernetes, tmp_path, namespace=namespace, watch_namespaces=namespace):

        async def seen() -> bool:
            ended = await shell(f"kubectl cloudflow status sensor-data -n {namespace} -o json")
            topics = ended.data["topics"]
            return bool(topics) and all(one["state"] == "Ready" for one in topics)

        await eventually(seen, "the operator to make the topics")
        yield made


async def run(shell: Shell, namespace: str, words: str) -> Ended:
    return await shell(f"kubectl cloudflow {words} -n {namespace}")


async def deployments(kube: Kube, namespace: str) -> list[Document]:
    return await kube.listed("apps/v1", "Deployment", namespace)


@pytest.mark.usefixtures("deployed")
async def test_an_application_is_looked_at_paused_restarted_and_removed_with_its_topics(
    shell: Shell, kube: Kube, namespace: str
) -> None:
    listed = await run(shell, namespace, "list -o json")
    assert listed.data["applications"][0]["phase"] == "Pending"  # there is no node
    findings = (await run(shell, namespace, "doctor -o json")).data["findings"]
    assert {
        one["what"]: one["verdict"] for one in findings if one["what"] != "operator's rights"
    } == {
        "resource": "ok",
        "operator": "ok",
        "leader": "ok",
        "Kafka clusters": "ok",
        "your rights": "ok",
    }, json.dumps(findings)

    assert (await run(shell, namespace, "pause sensor-data")).status == Exit.DONE

    async def paused() -> bool:
        counts = {one["spec"]["replicas"] for one in await deployments(kube, namespace)}
        return counts == {0}

    await eventually(paused, "all Deployments to have no pods")
    assert (await run(shell, namespace, "resume sensor-data")).status == Exit.DONE
    assert (await run(shell, namespace, "restart sensor-data validation")).status == Exit.DONE

    async def restarted() -> bool:
        marks = [
            RESTARTED_AT in one["spec"]["template"]["metadata"].get("annotations", {})
            for one in await deployments(kube, namespace)
            if one["spec"]["replicas"]
        ]
        return sorted(marks) == [False, True]

    await eventually(restarted, "the pods of one streamlet to be made anew")
    ended = await run(shell, namespace, "undeploy sensor-data --delete-topics --yes --wait")
    assert ended.status == Exit.DONE, ended.err
    assert f"Deleted: the topics {namespace}.sensor-data." in ended.out
