"""Reconciling one application against an API server in memory."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from cloudflow_operator import names
from cloudflow_operator.errors import ClusterUnavailableError, ForbiddenError, RefusedError
from cloudflow_operator.interfaces import (
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    POD,
    REPLICA_SET,
    SERVICE,
    SERVICE_ACCOUNT,
    Key,
)
from cloudflow_operator.pod_status import PATIENCE
from cloudflow_operator.reconcile import REFUSED, RETRY, TOPICS
from support.applications import (
    NAME,
    MetricsIngress,
    a_streamlet,
    a_topic,
)
from support.cluster import running_pod, waiting_pod
from support.reconciling import Operator

INGRESS = names.workload(NAME, "ingress")
VALIDATION = names.workload(NAME, "validation")


@pytest.fixture
def operator() -> Operator:
    return Operator()


def scaled(replicas: int | None) -> dict[str, Any]:
    changed = a_streamlet("validation")
    changed |= {} if replicas is None else {"replicas": replicas}
    return {"streamlets": [a_streamlet("ingress", MetricsIngress), changed]}


def only_ingress() -> dict[str, Any]:
    return {
        "streamlets": [a_streamlet("ingress", MetricsIngress)],
        "topics": [a_topic("raw", ("ingress.out",))],
    }


async def test_a_new_application_gets_all_its_children(operator: Operator) -> None:
    await operator(**scaled(2))
    assert operator.cluster.names(DEPLOYMENT) == {INGRESS, VALIDATION}
    assert operator.cluster.names(SERVICE) == {INGRESS}
    assert operator.cluster.names(DISRUPTION_BUDGET) == {VALIDATION}
    assert operator.cluster.names(SERVICE_ACCOUNT) == {names.service_account(NAME)}
    assert len(operator.cluster.names(CONFIG_MAP)) == 2


async def test_reconciling_twice_writes_once(operator: Operator) -> None:
    await operator(**scaled(2))
    outcome = await operator.again()
    assert operator.cluster.writes == []
    assert outcome.requeue_after is None


async def test_a_removed_streamlet_is_deleted(operator: Operator) -> None:
    await operator()
    await operator(**only_ingress())
    assert operator.cluster.names(DEPLOYMENT) == {INGRESS}
    await operator.again()
    assert len(operator.cluster.names(CONFIG_MAP)) == 1


async def test_a_configuration_stays_while_a_replica_set_names_it(operator: Operator) -> None:
    await operator()
    operator.cluster.rolled_out()
    old = operator.cluster.names(CONFIG_MAP)
    changed = a_streamlet("validation", settings={"drain-timeout": "9s"})
    await operator(streamlets=[a_streamlet("ingress", MetricsIngress), changed])
    await operator.again()
    assert operator.cluster.names(CONFIG_MAP) > old
    operator.cluster.rolled_out()
    await operator.again()
    assert len(operator.cluster.names(CONFIG_MAP)) == 2


async def test_what_did_not_change_is_not_written(operator: Operator) -> None:
    await operator()
    before = operator.deployment("ingress")["metadata"]["resourceVersion"]
    changed = a_streamlet("validation", settings={"drain-timeout": "9s"})
    await operator(streamlets=[a_streamlet("ingress", MetricsIngress), changed])
    assert operator.deployment("ingress")["metadata"]["resourceVersion"] == before
    assert INGRESS not in {name for _, name in operator.cluster.writes}


async def test_a_new_version_is_written_and_restarts_nothing(operator: Operator) -> None:
    await operator(**scaled(2))
    template = copy.deepcopy(operator.deployment()["spec"]["template"])
    generation = operator.deployment()["metadata"]["generation"]
    await operator(**scaled(2), version="1.5.0")
    assert operator.deployment()["metadata"]["labels"][names.VERSION] == "1.5.0"
    assert operator.deployment()["metadata"]["generation"] == generation
    assert operator.deployment()["spec"]["template"] == template
    assert "StreamletConfigurationChanged" not in {reason for reason, _ in operator.cluster.events}
    await operator.again()
    assert operator.cluster.writes == []


async def test_an_edited_child_is_put_right(operator: Operator) -> None:
    await operator()

    def spoil(manifest: Any) -> None:
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "other"

    operator.cluster.edit(Key(DEPLOYMENT, VALIDATION), spoil)
    await operator.again()
    assert operator.deployment()["spec"]["template"]["spec"]["containers"][0]["image"] != "other"
    await operator.again()
    assert operator.cluster.writes == []


async def test_what_others_add_stays(operator: Operator) -> None:
    await operator()

    def add(manifest: Any) -> None:
        container = manifest["spec"]["template"]["spec"]["containers"][0]
        container["env"].append({"name": "TRACE", "value": "on"})

    operator.cluster.edit(Key(DEPLOYMENT, VALIDATION), add)
    await operator.again()
    assert operator.cluster.writes == []
    assert len(operator.deployment()["spec"]["template"]["spec"]["containers"][0]["env"]) == 2


async def test_another_renderer_restarts_nothing(operator: Operator) -> None:
    await operator(**scaled(2))
    template = copy.deepcopy(operator.deployment()["spec"]["template"])
    annotations = operator.deployment()["metadata"]["annotations"]
    annotations[names.RENDERER] = "0"
    await operator.again()
    assert operator.cluster.writes == []
    await operator(**scaled(5))
    assert operator.deployment()["spec"]["replicas"] == 5
    assert operator.deployment()["spec"]["template"] == template
    assert operator.deployment()["metadata"]["annotations"][names.RENDERER] == "0"
    await operator.again()
    assert operator.cluster.writes == []


async def test_a_count_that_is_no_longer_written_stays(operator: Operator) -> None:
    await operator(**scaled(5))
    await operator(**scaled(None))
    assert operator.deployment()["spec"]["replicas"] == 5
    operator.cluster.edit(Key(DEPLOYMENT, VALIDATION), _count(8), by="autoscaler")
    await operator.again()
    assert operator.cluster.writes == [("status", NAME)]
    assert operator.deployment()["spec"]["replicas"] == 8


def _count(replicas: int) -> Any:
    def change(manifest: Any) -> None:
        manifest["spec"]["replicas"] = replicas

    return change


async def test_a_pause_remembers_the_count_of_an_autoscaler(operator: Operator) -> None:
    await operator()
    operator.cluster.edit(Key(DEPLOYMENT, VALIDATION), _count(4), by="autoscaler")
    await operator(state="Paused")
    assert operator.deployment()["spec"]["replicas"] == 0
    await operator.again()
    assert operator.cluster.writes == []
    await operator()
    assert operator.deployment()["spec"]["replicas"] == 4
    assert names.PAUSED_REPLICAS not in operator.deployment()["metadata"]["annotations"]
    await operator.again()
    assert operator.cluster.writes == []


async def test_a_deployment_waits_for_topics_that_were_never_ready(operator: Operator) -> None:
    operator.topics.refused = {"good"}
    outcome = await operator()
    assert operator.cluster.names(DEPLOYMENT) == {INGRESS}
    assert outcome.requeue_after == TOPICS
    assert operator.condition("TopicsReady") == ("False", "TopicsNotReady")
    assert operator.condition("Progressing") == ("True", "WaitingForTopics")
    operator.topics.refused = set()
    await operator.again()
    assert operator.cluster.names(DEPLOYMENT) == {INGRESS, VALIDATION}


async def test_an_outage_of_kafka_keeps_no_deployment_back(operator: Operator) -> None:
    await operator()
    operator.topics.away = True
    operator.cluster.remove(Key(DEPLOYMENT, VALIDATION))
    changed = a_streamlet("ingress", MetricsIngress, settings={"drain-timeout": "9s"})
    await operator(streamlets=[changed, a_streamlet("validation")])
    assert operator.cluster.names(DEPLOYMENT) == {INGRESS, VALIDATION}
    assert operator.cluster.statuses[NAME]["topics"][0]["partitions"] == 3


async def test_an_invalid_resource_leaves_the_last_valid_one_running(operator: Operator) -> None:
    await operator()
    before = copy.deepcopy(operator.cluster.objects)
    outcome = await operator(streamlets=[a_streamlet("validation", settings={"no-such": "1"})])
    assert operator.cluster.objects == before
    assert operator.condition("ConfigurationValid") == ("False", "Invalid")
    assert [one.name for one in outcome.status.streamlets] == ["ingress", "validation"]
    assert "no-such" in outcome.status.message
    await operator()
    assert operator.condition("ConfigurationValid") == ("True", "Valid")


async def test_a_resource_that_cannot_be_read_is_a_condition(operator: Operator) -> None:
    outcome = await operator(streamlets="none")
    assert "spec.streamlets" in outcome.status.message
    assert operator.condition("ConfigurationValid") == ("False", "Invalid")


async def test_one_refused_streamlet_hurts_no_other(operator: Operator) -> None:
    operator.cluster.failures[INGRESS] = RefusedError(f"apply {INGRESS}", "no")
    outcome = await operator()
    assert operator.cluster.names(DEPLOYMENT) == {VALIDATION}
    assert outcome.requeue_after == REFUSED
    assert operator.condition("Progressing") == ("False", "Refused")
    operator.cluster.failures.clear()
    await operator.again()
    assert operator.cluster.names(DEPLOYMENT) == {INGRESS, VALIDATION}


async def test_missing_rights_are_told_and_tried_again(operator: Operator) -> None:
    operator.cluster.failures[INGRESS] = ForbiddenError("apply", "no", hint="Grant it.")
    outcome = await operator()
    assert outcome.requeue_after == RETRY
    assert outcome.status.message.endswith("Grant it.")
    assert operator.condition("Progressing") == ("True", "Retrying")


async def test_a_server_that_is_away_is_not_asked_for_each_child(operator: Operator) -> None:
    away = ClusterUnavailableError("apply", "away", retry_after=timedelta(seconds=77))
    operator.cluster.failures = dict.fromkeys((INGRESS, VALIDATION), away)
    outcome = await operator()
    assert outcome.errors == (away,)
    assert outcome.requeue_after == timedelta(seconds=77)


async def test_a_status_that_cannot_be_written_is_tried_again(operator: Operator) -> None:
    await operator()
    operator.cluster.failures[NAME] = ClusterUnavailableError("write status", "away")
    operator.topics.away = True
    outcome = await operator.again()
    assert outcome.requeue_after == RETRY
    operator.cluster.failures.clear()
    await operator.again()
    assert operator.cluster.writes == [("status", NAME)]


async def test_events_tell_changes_once(operator: Operator) -> None:
    await operator(**scaled(1))
    await operator(**scaled(3))
    await operator.again()
    assert [reason for reason, _ in operator.cluster.events] == [
        "ApplicationDeployed",
        "ApplicationUpdated",
        "StreamletScaled",
    ]
    operator.cluster.events.clear()
    operator.topics.away = True
    await operator.again()
    await operator.again()
    assert [reason for reason, _ in operator.cluster.events] == ["TopicsNotReady"]


async def test_an_application_that_goes_is_left_to_the_garbage_collector(
    operator: Operator,
) -> None:
    await operator()
    before = copy.deepcopy(operator.cluster.objects)
    operator.document["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    operator.cluster.remove(Key(SERVICE, INGRESS))
    await operator.again()
    assert operator.cluster.objects.keys() == before.keys() - {Key(SERVICE, INGRESS)}
    assert operator.cluster.writes == []


async def test_the_status_counts_pods_and_says_why_one_is_not_ready(operator: Operator) -> None:
    await operator(**scaled(3))
    operator.cluster.rolled_out()
    outcome = await operator.again()
    assert (outcome.status.ready, outcome.status.phase) == ("4/4", "Running")
    pod = operator.cluster.objects[Key(POD, f"{VALIDATION}-1-2")]
    pod["status"] = waiting_pod("ErrImagePull", "no such image")
    outcome = await operator.again()
    assert (outcome.status.ready, outcome.status.phase) == ("3/4", "Pending")
    assert "ErrImagePull: no such image" in outcome.status.message
    pod["status"] = waiting_pod("CrashLoopBackOff", last={"exitCode": 1, "message": "boom"})
    outcome = await operator.again()
    assert outcome.status.phase == "CrashLoopBackOff"
    assert "exit code 1: boom" in outcome.status.message
    pod["status"] = running_pod(restarts=2)
    outcome = await operator.again()
    assert outcome.status.phase == "Running"
    assert outcome.status.streamlets[1].restarts == 2


async def test_a_pod_that_hangs_is_looked_at_again(operator: Operator) -> None:
    await operator()
    operator.cluster.rolled_out(ready=False)
    for key, one in operator.cluster.objects.items():
        if key.kind == POD:
            one["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
            one["spec"] = {"volumes": [{"name": "a", "secret": {"secretName": "kafka"}}]}
    outcome = await operator.again()
    assert outcome.requeue_after == PATIENCE
    operator.clock.pass_by(PATIENCE + timedelta(seconds=1))
    outcome = await operator.again()
    assert "Secret kafka" in outcome.status.message
    assert outcome.requeue_after is None


async def test_a_denied_pod_is_told(operator: Operator) -> None:
    await operator()
    operator.cluster.rolled_out()
    operator.cluster.remove(Key(POD, f"{VALIDATION}-1-0"))
    denied = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    made = operator.cluster.objects[Key(REPLICA_SET, f"{VALIDATION}-1")]
    made["status"] = {"conditions": [denied]}
    outcome = await operator.again()
    assert "exceeded quota: small" in outcome.status.message


async def test_a_condition_keeps_its_time_until_its_status_changes(operator: Operator) -> None:
    first = (await operator()).status.conditions
    operator.clock.pass_by(timedelta(minutes=1))
    operator.topics.away = True
    second = (await operator.again()).status.conditions
    changed = {
        one.type
        for one, other in zip(first, second, strict=True)
        if one.last_transition_time != other.last_transition_time
    }
    assert changed == {"TopicsReady"}


async def test_overrides_and_ignored_ones_are_shown(operator: Operator) -> None:
    overrides = [{"name": "validation", "replicas": 3}, {"name": "gone", "replicas": 1}]
    outcome = await operator(overrides=overrides)
    (shown,) = [one for one in outcome.status.conditions if one.type == "Overridden"]
    assert shown.status == "True"
    assert "validation" in shown.message
    assert "gone" in shown.message


async def test_changed_data_of_an_immutable_configuration_is_made_anew(operator: Operator) -> None:
    await operator()
    (name, *_) = sorted(operator.cluster.names(CONFIG_MAP))

    def spoil(manifest: Any) -> None:
        manifest["data"] = {"streamlet.json": "{}"}

    operator.cluster.edit(Key(CONFIG_MAP, name), spoil)
    await operator.again()
    assert operator.cluster.writes == [("delete", name), ("apply", name)]
    await operator.again()
    assert operator.cluster.writes == []
