"""The words of a status: pods as kubectl has them, conditions with their times."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cloudflow_operator import names
from cloudflow_operator.api.v1alpha1 import Condition, Status, TopicStatus
from cloudflow_operator.conditions import some_of
from cloudflow_operator.desired.problems import UnsupportedContract
from cloudflow_operator.interfaces import DEPLOYMENT, Key
from cloudflow_operator.observed import Observed
from cloudflow_operator.pod_status import PATIENCE, pod_status
from cloudflow_operator.status import Findings, kept, status
from support.applications import desired_of
from support.cluster import START, FakeCluster, running_pod, waiting_pod

RUNNING: dict[str, Any] = running_pod()
TERMINATED = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}


def a_pod(status: dict[str, Any], volumes: list[Any] | None = None, **metadata: Any) -> Any:
    spec = {"volumes": volumes or []}
    return {"metadata": {"name": "p", **metadata}, "spec": spec, "status": status}


def container(state: dict[str, Any], *, ready: bool = False) -> dict[str, Any]:
    return {"state": state, "ready": ready, "restartCount": 0}


@pytest.mark.parametrize(
    ("pod", "word", "message"),
    [
        (a_pod(RUNNING), "Running", ""),
        (a_pod(RUNNING, deletionTimestamp="2026-01-01T00:00:00Z"), "Terminating", ""),
        (a_pod({"phase": "Failed", "reason": "Evicted", "message": "disk"}), "Evicted", "disk"),
        (a_pod({"phase": "Succeeded"}), "Succeeded", ""),
        (a_pod({"phase": "Pending"}), "Pending", ""),
        (
            a_pod(
                {
                    "phase": "Pending",
                    "conditions": [
                        {"type": "PodScheduled", "status": "False", "message": "no node"}
                    ],
                }
            ),
            "Pending",
            "no node",
        ),
        (a_pod(waiting_pod("ErrImagePull", "who?")), "ErrImagePull", "who?"),
        (
            a_pod(waiting_pod("CrashLoopBackOff", "back-off 5m", {"exitCode": 2})),
            "CrashLoopBackOff",
            "Error, exit code 2",
        ),
        (
            a_pod({"containerStatuses": [container(TERMINATED)]}),
            "OOMKilled",
            "OOMKilled, exit code 137",
        ),
        (
            a_pod(
                {
                    "initContainerStatuses": [
                        container({"waiting": {"reason": "ErrImagePull", "message": "init"}})
                    ],
                    "containerStatuses": [container({"waiting": {"reason": "PodInitializing"}})],
                }
            ),
            "ErrImagePull",
            "init",
        ),
        (
            a_pod(
                {
                    "initContainerStatuses": [
                        container({"terminated": {"exitCode": 0, "reason": "Completed"}})
                    ],
                    "containerStatuses": [container({"running": {}}, ready=True)],
                }
            ),
            "Running",
            "",
        ),
    ],
)
def test_a_pod_is_what_kubectl_says_of_it(pod: Any, word: str, message: str) -> None:
    found = pod_status(pod, START)
    assert (found.status, found.message) == (word, message)


def test_one_bad_image_of_two_is_seen() -> None:
    bad = container({"waiting": {"reason": "ErrImagePull", "message": "no"}})
    good = container({"running": {}}, ready=True)
    for other in (good, container({"waiting": {"reason": "ContainerCreating"}})):
        found = pod_status(a_pod({"containerStatuses": [other, bad]}), START)
        assert (found.status, found.ready) == ("ErrImagePull", False)


@pytest.mark.parametrize("pod_is", [waiting_pod("ContainerCreating"), {"phase": "Pending"}])
def test_a_pod_that_is_not_made_for_long_names_what_it_needs(pod_is: Any) -> None:
    sources = [{"secret": {"name": "database"}}, {"configMap": {"name": "site"}}]
    volumes = [
        {"name": "cloudflow-configuration", "configMap": {"name": "own"}},
        {"name": "a", "projected": {"sources": sources}},
        {"name": "b", "persistentVolumeClaim": {"claimName": "state"}},
        {"name": "c", "secret": {"secretName": "cloudflow-kafka-default"}},
    ]
    pod = a_pod(pod_is, volumes)
    pod["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    assert pod_status(pod, START + PATIENCE).message == ""
    found = pod_status(pod, START + PATIENCE + timedelta(seconds=1))
    needs = "ConfigMap site, PersistentVolumeClaim state, Secret cloudflow-kafka-default, "
    assert f"{needs}Secret database" in found.message
    assert "own" not in found.message


def test_a_long_message_keeps_its_end() -> None:
    last = {"exitCode": 1, "message": "x" * 5000 + "ValueError: boom"}
    found = pod_status(a_pod(waiting_pod("CrashLoopBackOff", "", last)), START)
    assert found.message.endswith("ValueError: boom")
    assert len(found.message) < 600


def test_of_many_only_the_first_are_named() -> None:
    assert some_of(["a", "b", "c", "d", "e"]) == "a, b, c, and 2 more"
    assert some_of(["a", "b", "c"]) == "a, b, c"


async def deployed(replicas: int) -> FakeCluster:
    cluster, desired = FakeCluster(), desired_of()
    manifest = desired.streamlets["validation"].deployment
    await cluster.apply(manifest, manager=names.FIELD_MANAGER)
    key = Key(DEPLOYMENT, manifest["metadata"]["name"])
    cluster.edit(key, lambda one: one["spec"].update(replicas=replicas))
    cluster.rolled_out()
    return cluster


def of(cluster: FakeCluster, **findings: Any) -> Status:
    observed = Observed("8f0c", cluster.objects)
    found = Findings(generation=1, observed=observed, asked={"validation": None}, **findings)
    return status(found, Status(), START)


async def test_three_pods_are_shown_and_those_that_are_not_ready_come_first() -> None:
    cluster = await deployed(5)
    name = names.workload("sensor-data", "validation")
    for key, one in cluster.objects.items():
        if key.name == f"{name}-1-4":
            one["status"] = waiting_pod("ErrImagePull")
    (found,) = of(cluster).streamlets
    assert [pod.name[-1] for pod in found.pods] == ["4", "0", "1"]
    assert (found.ready_replicas, found.replicas) == (4, 5)


@pytest.mark.parametrize(
    ("newer", "phase"),
    [
        (waiting_pod("ContainerCreating"), "Running"),
        (waiting_pod("ErrImagePull", "no such image"), "Pending"),
        (waiting_pod("CrashLoopBackOff", "back-off", {"exitCode": 2}), "CrashLoopBackOff"),
        (
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}],
            },
            "Pending",
        ),
    ],
)
async def test_a_new_pod_beside_enough_old_ones_takes_nothing_unless_it_cannot_come(
    newer: dict[str, Any], phase: str
) -> None:
    cluster = await deployed(2)
    one = cluster.the(DEPLOYMENT)
    one["spec"]["replicas"] = 1
    one["status"]["updatedReplicas"] = 1
    name = names.workload("sensor-data", "validation")
    for key, pod in cluster.objects.items():
        if key.name == f"{name}-1-1":
            pod["status"] = newer
    found = of(cluster)
    assert (found.phase, found.ready) == (phase, "1/1")
    assert condition(found, "Ready").status == str(phase == "Running")


@pytest.mark.parametrize("replicas", [0, 1])
async def test_pods_that_are_too_many_are_waited_for(replicas: int) -> None:
    cluster = await deployed(2)
    cluster.the(DEPLOYMENT)["spec"]["replicas"] = replicas
    assert of(cluster).phase == "Pending"


@pytest.mark.parametrize("updated", [0, 1])
async def test_pods_that_are_refused_hold_up_a_roll_out(updated: int) -> None:
    cluster = await deployed(1)
    one = cluster.the(DEPLOYMENT)
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    one["status"] |= {"updatedReplicas": updated, "conditions": [refused]}
    found = of(cluster)
    assert found.phase == ("Running" if updated else "Pending")
    assert ("exceeded quota" in found.message) == (not updated)


async def test_of_many_pods_the_one_that_says_why_is_told() -> None:
    cluster = await deployed(2)
    name = names.workload("sensor-data", "validation")
    for key, one in cluster.objects.items():
        if key.name == f"{name}-1-0":
            one["status"] = waiting_pod("ContainerCreating")
        if key.name == f"{name}-1-1":
            one["status"] = waiting_pod("ErrImagePull", "no such image")
    (found,) = of(cluster).streamlets
    assert "no such image" in found.message


async def test_a_deployment_that_its_controller_has_not_seen_is_rolling_out() -> None:
    cluster = await deployed(1)
    assert progress(of(cluster)) == ("False", "Settled")
    cluster.the(DEPLOYMENT)["metadata"]["generation"] += 1
    assert progress(of(cluster)) == ("True", "RollingOut")


def condition(found: Status, type: str) -> Condition:
    (one,) = [each for each in found.conditions if each.type == type]
    return one


def progress(found: Status) -> tuple[str, str]:
    one = condition(found, "Progressing")
    return one.status, one.reason


async def test_the_same_findings_give_the_same_status_later() -> None:
    cluster = await deployed(1)
    first = of(cluster)
    findings = Findings(
        generation=1, observed=Observed("8f0c", cluster.objects), asked={"validation": None}
    )
    assert status(findings, first, START + timedelta(hours=1)) == first


async def test_problems_come_before_everything_else() -> None:
    problem = UnsupportedContract(path="spec.sdk.contract", contract=9, sdk="9.0", known=(1,))
    found = of(await deployed(1), problems=(problem,))
    assert found.phase == "Error"
    assert found.message == str(problem)
    assert found.ready == "1/1"


def test_nobody_to_ask_leaves_what_was_known_of_the_streamlets() -> None:
    before = Status.model_validate(
        {"streamlets": [{"name": "a", "phase": "Running", "replicas": 1, "readyReplicas": 1}]}
    )
    found = status(Findings(generation=2), before, START)
    assert (found.streamlets, found.ready) == (before.streamlets, "1/1")


def topic(**fields: Any) -> TopicStatus:
    usual = {"name": "raw", "kafka_name": "plant.raw", "state": "Ready", **fields}
    return TopicStatus.model_validate(usual)


def test_what_was_known_of_a_topic_outlasts_an_outage() -> None:
    before = {"raw": topic(partitions=4)}
    (found,) = kept([topic(state="Unavailable")], before)
    assert (found.partitions, found.state) == (4, "Unavailable")


def test_a_topic_of_another_name_in_kafka_is_another_topic() -> None:
    before = {"raw": topic(partitions=4, created=True)}
    (found,) = kept([topic(kafka_name="other", state="Missing")], before)
    assert (found.partitions, found.created) == (None, False)
