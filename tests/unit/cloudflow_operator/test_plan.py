"""What a plan consists of, where the order or the restraint matters."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from cloudflow_operator import names
from cloudflow_operator.interfaces import DEPLOYMENT, SERVICE_ACCOUNT
from cloudflow_operator.observed import Observed, observe
from cloudflow_operator.plan import Apply, Delete, HandOver, Plan, plan
from support.applications import (
    NAME,
    NAMESPACE,
    MetricsIngress,
    a_streamlet,
    a_topic,
    an_application,
    desired_of,
)
from support.cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflow_operator.plan import Action

UID = an_application().metadata.uid
VALIDATION = names.workload(NAME, "validation")


def words(actions: Sequence[Action]) -> list[str]:
    made = []
    for action in actions:
        if isinstance(action, Apply):
            made.append(f"apply {action.manifest['kind']}")
        elif isinstance(action, HandOver):
            made.append(f"hand over {action.replicas}")
        else:
            made.append(f"delete {action.key.kind.name}")
    return made


async def seen(cluster: FakeCluster) -> Observed:
    return await observe(cluster, an_application().metadata)


async def made(**spec: Any) -> FakeCluster:
    """A cluster with the children of an application."""
    cluster = FakeCluster()
    for manifest in desired_of(**spec).manifests():
        await cluster.apply(manifest, manager=names.FIELD_MANAGER)
    return cluster


async def planned(cluster: FakeCluster, **spec: Any) -> Plan:
    desired = desired_of(**spec)
    is_paused = spec.get("state") == "Paused"
    return plan(desired, await seen(cluster), is_paused=is_paused)


def only(**fields: Any) -> dict[str, Any]:
    return {
        "streamlets": [a_streamlet("ingress", MetricsIngress, **fields)],
        "topics": [a_topic("raw", ("ingress.out",))],
    }


async def test_a_configuration_is_made_before_the_pods_that_mount_it() -> None:
    found = await planned(FakeCluster(), **only(replicas=2))
    assert words(found.actions) == [
        "apply ServiceAccount",
        "apply ConfigMap",
        "apply Service",
        "apply Deployment",
        "apply PodDisruptionBudget",
    ]


async def test_what_is_there_needs_nothing() -> None:
    assert await planned(await made(**only()), **only()) == Plan(actions=())


async def test_pods_go_before_what_they_run_as() -> None:
    found = await planned(await made(), streamlets=[], topics=[], serviceAccountName="theirs")
    assert words(found.actions) == [
        "delete Service",
        "delete Deployment",
        "delete Deployment",
        "delete ServiceAccount",
    ]


async def test_only_the_object_that_was_seen_is_changed() -> None:
    cluster = await made(**only())
    found = await planned(cluster, **only(settings={"drain-timeout": "9s"}))
    (changed,) = [one for one in found.actions if isinstance(one, Apply) and one.before is not None]
    uid = cluster.the(DEPLOYMENT)["metadata"]["uid"]
    assert changed.manifest["metadata"]["uid"] == uid
    assert changed.streamlet == "ingress"


async def test_a_count_is_handed_over_before_it_is_no_longer_written() -> None:
    found = await planned(await made(**only(replicas=5)), **only())
    assert words(found.actions)[:2] == ["hand over 5", "apply Deployment"]


async def test_a_count_that_was_handed_over_is_not_handed_over_again() -> None:
    cluster = await made(**only(replicas=5))
    live = cluster.the(DEPLOYMENT)
    manifest = {
        **{key: live[key] for key in ("apiVersion", "kind")},
        "metadata": {"name": live["metadata"]["name"], "namespace": NAMESPACE},
        "spec": {"replicas": 5},
    }
    await cluster.apply(manifest, manager=names.HANDOVER_MANAGER)
    desired = desired_of(**only())
    assert desired.streamlets["ingress"].replicas is None
    await cluster.apply(desired.streamlets["ingress"].deployment, manager=names.FIELD_MANAGER)
    assert cluster.the(DEPLOYMENT)["spec"]["replicas"] == 5
    assert not [
        one for one in (await planned(cluster, **only())).actions if isinstance(one, HandOver)
    ]


async def test_a_pause_writes_down_the_count() -> None:
    found = await planned(await made(**only(replicas=5)), **only(replicas=5), state="Paused")
    (change,) = found.actions
    assert isinstance(change, Apply)
    assert change.manifest["spec"]["replicas"] == 0
    assert change.manifest["metadata"]["annotations"][names.PAUSED_REPLICAS] == "5"


async def test_no_pods_are_given_the_configuration_of_somebody_else() -> None:
    cluster = FakeCluster()
    (configuration,) = [one for one in desired_of(**only()).manifests() if "data" in one]
    shown = ("name", "namespace", "labels")
    metadata = {field: configuration["metadata"][field] for field in shown}
    cluster.put({**configuration, "metadata": metadata})
    found = await planned(cluster, **only())
    assert words(found.actions) == ["apply ServiceAccount", "apply Service"]


async def test_what_is_being_deleted_is_left_to_go() -> None:
    cluster = await made(**only())
    for key in cluster.objects:
        cluster.objects[key]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert (await planned(cluster, **only())).actions == ()
    assert (await planned(cluster, streamlets=[], topics=[])).actions == ()


async def test_an_object_of_an_earlier_application_of_the_name_is_foreign() -> None:
    cluster = await made(**only())
    key = next(key for key in cluster.objects if key.kind == SERVICE_ACCOUNT)
    cluster.objects[key]["metadata"]["ownerReferences"][0]["uid"] = "earlier"
    assert (await planned(cluster, **only())).actions == ()


async def test_a_deployment_waits_for_the_topics_of_the_platform_too() -> None:
    desired = desired_of(**only())
    (shared,) = [one.label for one in desired.topics if one.is_shared]
    observed = await seen(FakeCluster())
    found = plan(desired, observed, never_ready=[shared], is_paused=False)
    assert found.held == {"ingress": (shared,)}
    assert "apply Deployment" not in words(found.actions)


async def test_a_deployment_of_the_same_inputs_waits_for_nothing() -> None:
    cluster, desired = await made(**only()), desired_of(**only(replicas=3))
    observed = await seen(cluster)
    found = plan(desired, observed, never_ready=["raw"], is_paused=False)
    assert found.held == {}
    assert "apply Deployment" in words(found.actions)


async def test_a_deployment_whose_managers_were_forgotten_is_written_again() -> None:
    cluster, desired = await made(**only()), desired_of(**only())
    objects = copy.deepcopy(dict((await seen(cluster)).objects))
    for one in objects.values():
        del one["metadata"]["managedFields"]
    found = plan(desired, Observed(UID, objects), is_paused=False)
    assert len(found.actions) == len(objects)
    assert not [one for one in found.actions if isinstance(one, Delete)]
