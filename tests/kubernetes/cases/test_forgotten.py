"""Cases that are easily forgotten: who else writes counts, what others refuse, what comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudflow_operator.names import STREAMLET
from support.applications import NAME, MetricsIngress, a_streamlet, a_topic
from support.case import condition, message_of, until_gone, until_running
from support.installed_application import merge
from support.kube import address, document, eventually
from support.pod_states import waiting

if TYPE_CHECKING:
    from support.case import Case
    from support.installed_application import Installed
    from support.kube import Document

INGRESS: dict[str, Any] = {
    "streamlets": [a_streamlet("ingress", MetricsIngress)],
    "topics": [a_topic("raw", ("ingress.out",))],
}


def counted(replicas: int | None) -> dict[str, Any]:
    """The spec with so many pods of validation, or without a word about them."""
    fields: dict[str, Any] = {} if replicas is None else {"replicas": replicas}
    validation = a_streamlet("validation", **fields)
    return {"streamlets": [a_streamlet("ingress", MetricsIngress), validation]}


async def count(one: Installed) -> int | None:
    """How many pods validation shall have; None when it has no Deployment."""
    found = await one.kube.find(one.deployment("validation"))
    return None if found is None else int(found["spec"]["replicas"])


async def until_counted(one: Installed, wanted: int) -> None:
    """Wait until validation shall have so many pods, and has them."""

    async def is_so() -> bool:
        return await count(one) == wanted

    await eventually(is_so, f"validation to have {wanted} pods")
    await until_running(one)


async def autoscaled(one: Installed, replicas: int) -> None:
    """Scale validation as the controllers of HPA and KEDA do."""
    where = f"{address(one.deployment('validation'))}/scale"
    body = await one.kube.ask("GET", where)
    body["spec"]["replicas"] = replicas
    await one.kube.ask("PUT", where, body, query={"fieldManager": "kube-controller-manager"})


# Who decides how many pods there are


async def test_override_for_a_removed_streamlet_is_ignored_and_shown(case: Case) -> None:
    one = await case.deploy()
    await case.done(f"scale {NAME} validation=3")
    await until_counted(one, 3)
    await case.deploy(**INGRESS)
    found = await until_running(one)
    overridden = condition(found, "Overridden")
    assert (overridden["status"], overridden["reason"]) == ("True", "Overrides")
    assert overridden["message"] == "ignored, for no streamlet has the name: validation"
    await case.deploy()
    await until_counted(one, 3)


async def test_git_and_cli_both_setting_replicas(case: Case) -> None:
    one = await case.apply(**counted(2))
    await until_counted(one, 2)
    await case.done(f"scale {NAME} validation=4")
    await until_counted(one, 4)
    for replicas in (2, 3):
        await case.apply(**counted(replicas))
        await until_counted(one, 4)
    await case.done(f"configure {NAME} --replace")
    await until_counted(one, 3)


async def test_hpa_present_while_replicas_is_set_and_replicas_removed(case: Case) -> None:
    one = await case.apply(**counted(2))
    await until_counted(one, 2)
    await autoscaled(one, 5)
    await until_counted(one, 2)

    async def is_told() -> bool:
        return await one.events("StreamletScaled") == 1

    await eventually(is_told, "people to be told that the count was put right")
    await case.apply(**counted(None))
    await until_running(one)
    assert await count(one) == 2
    await autoscaled(one, 5)
    await until_counted(one, 5)
    await case.done(f"restart {NAME} ingress")
    await until_counted(one, 5)


async def test_pause_and_resume_under_hpa_and_keda(case: Case) -> None:
    one = await case.apply(**counted(None))
    await until_running(one)
    await autoscaled(one, 4)
    await until_counted(one, 4)
    await case.done(f"pause {NAME}")
    await one.until(lambda found: found["status"]["phase"] == "Paused", "it to be paused")
    assert await case.pods_of_streamlets() == {}
    await autoscaled(one, 1)  # as KEDA does when there is work

    async def is_put_right() -> bool:
        return await count(one) == 0 and not await case.pods_of_streamlets()

    await eventually(is_put_right, "the pods to go again")
    await case.done(f"resume {NAME}")
    await until_counted(one, 4)
    await autoscaled(one, 2)
    await until_counted(one, 2)


# What others refuse


async def test_resource_quota_denial_is_told_and_passes(case: Case) -> None:
    quota = document("v1", "ResourceQuota", "few", case.namespace, spec={"hard": {"pods": "1"}})
    await case.kube.create(quota)
    one = await case.deploy(**counted(2))
    found = await one.until(
        lambda found: "exceeded quota: few" in message_of(found), "the status to tell"
    )
    assert found["status"]["phase"] == "Pending"
    await case.kube.delete(quota)
    await case.done(f"restart {NAME}")  # the ReplicaSet itself tries again later and later
    found = await until_running(one)
    assert message_of(found) == ""


async def test_pod_security_denial_is_told_and_touches_no_other_streamlet(case: Case) -> None:
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = document("v1", "Namespace", case.namespace)
    await case.kube.merge(namespace, {"metadata": {"labels": level}})
    bad = a_streamlet("validation", podTemplate={"spec": {"hostNetwork": True}})
    one = await case.deploy(streamlets=[a_streamlet("ingress", MetricsIngress), bad])
    found = await one.until(
        lambda found: (
            "violates PodSecurity" in message_of(found) and found["status"]["ready"] == "1/2"
        ),
        "the status to tell of validation, and ingress to run",
    )
    phases = {each["name"]: each["phase"] for each in found["status"]["streamlets"]}
    assert phases == {"ingress": "Running", "validation": "Pending"}


async def test_err_image_pull_of_one_of_two_images(case: Case) -> None:
    case.pods.say("validation", waiting("ErrImagePull", "registry.example/other: not found"))
    other = a_streamlet("validation", image="registry.example/other:1")
    one = await case.deploy(streamlets=[a_streamlet("ingress", MetricsIngress), other])
    found = await one.until(
        lambda found: "ErrImagePull" in message_of(found) and found["status"]["ready"] == "1/2",
        "the status to name the streamlet",
    )
    assert message_of(found).startswith("validation: ")
    assert "registry.example/other: not found" in message_of(found)
    pods = await case.kube.listed("v1", "Pod", case.namespace)
    images = {
        each["metadata"]["labels"][STREAMLET]: each["spec"]["containers"][0]["image"]
        for each in pods
    }
    assert images["validation"] != images["ingress"]


async def test_rollback_to_an_sdk_contract_that_is_not_known_leaves_what_runs(case: Case) -> None:
    one = await case.deploy()
    await until_running(one)
    before = await case.pods_of_streamlets()
    sdk = {"version": "0.0.9", "contract": 2}  # the first one has none before it
    refused = await case.run(f"deploy {case.file(sdk=sdk)}")
    assert "The operator is too old" in refused.err
    await merge(case.kube, one.document, {"spec": {"sdk": sdk, "image": "registry.example/old"}})
    found = await one.until(
        lambda found: condition(found, "ConfigurationValid").get("status") == "False",
        "the status to refuse the contract",
    )
    assert "contract 2" in message_of(found)
    assert await case.pods_of_streamlets() == before
    await case.deploy()
    await until_running(one)
    assert await case.pods_of_streamlets() == before


# What ends, and comes again


async def test_delete_set_and_deleted_at_once_hangs_nowhere(case: Case) -> None:
    one = await case.deploy()
    await until_running(one)
    process = case.bed.operator.process
    process.pause()
    try:
        await merge(case.kube, one.document, {"spec": {"deletionPolicy": "Delete"}})
        await case.kube.delete(one.document)
    finally:
        process.resume()
    await until_gone(case.kube, one.document)

    async def is_told() -> Document | None:
        events = await case.kube.listed("events.k8s.io/v1", "Event", case.namespace)
        return next((each for each in events if each["reason"] == "ApplicationUndeployed"), None)

    told = await eventually(is_told, "the end to be told")
    # Nobody held it, so nobody could delete topics before it was gone.
    assert told is not None
    assert "its topics stay" in told["note"]
    assert all((await case.topics(one, "raw", "good")).values())


async def test_resource_made_again_at_once_gets_children_of_its_own(case: Case) -> None:
    first = await case.apply()
    await until_running(first)
    await case.kube.delete(first.document)
    again = await case.apply(deletionPolicy="Delete")
    assert again.uid != first.uid
    found = await until_running(again)
    assert not await first.children()
    # They are there from before, so they are not for this one to delete.
    assert {each["created"] for each in found["status"]["topics"]} == {False}
    await case.done(f"undeploy {NAME} --wait")
    assert all((await case.topics(again, "raw", "good")).values())


def with_partitions(partitions: int) -> dict[str, Any]:
    """The spec with so many of the topic between the streamlets."""
    raw = a_topic("raw", ("ingress.out",), ("validation.in",), partitions=partitions)
    return {"topics": [raw, a_topic("good", ("validation.out",))]}


async def test_topic_made_again_by_hand_is_raised_to_what_is_asked(case: Case) -> None:
    one = await case.deploy(**with_partitions(2))
    await until_running(one)
    before = await case.pods_of_streamlets()
    await case.make_topic(one, "raw", partitions=1)
    # Of Kafka nobody tells the operator; to what is new it looks at once.
    await case.deploy(**with_partitions(3))

    async def is_raised() -> bool:
        raw = (await case.topics(one, "raw"))["raw"]
        return raw is not None and raw.partitions == 3

    await eventually(is_raised, "the topic to have three partitions")
    await until_running(one)
    assert await case.pods_of_streamlets() == before


async def poked(case: Case, one: Installed) -> None:
    """Make the operator look: of Kafka nobody tells it."""
    await merge(case.kube, one.document, {"metadata": {"annotations": {"theirs": "now"}}})


async def test_broker_auto_create_makes_no_topic_that_is_not_the_operators(case: Case) -> None:
    topics = [
        a_topic("raw", ("ingress.out",), ("validation.in",), managed=False),
        a_topic("good", ("validation.out",)),
    ]
    one = await case.deploy(topics=topics)
    found = await one.until(
        lambda found: condition(found, "TopicsReady").get("status") == "False",
        "the status to say that the topic is missing",
    )
    assert "make it" in condition(found, "TopicsReady")["message"]
    assert await case.topics(one, "raw") == {"raw": None}
    await case.make_topic(one, "raw", partitions=1)
    await poked(case, one)
    found = await until_running(one)
    created = {each["name"]: each["created"] for each in found["status"]["topics"]}
    assert (created["raw"], created["good"]) == (False, True)
