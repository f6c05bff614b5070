"""What changes when an application changes, and what must not: the pods of everything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloudflow_operator import names
from support.applications import NAME, MetricsIngress, a_streamlet, a_topic
from support.case import until_gone, until_running
from support.kube import document

if TYPE_CHECKING:
    from support.case import Case
    from support.installed_application import Installed
    from support.kube import Document

SETTINGS = "cloudflow.streamlets"


def fanned_out(*validations: str) -> dict[str, Any]:
    """The spec of an ingress that feeds these."""
    inlets = tuple(f"{one}.in" for one in validations)
    outlets = [a_topic(f"good-{one}", (f"{one}.out",)) for one in validations]
    return {
        "streamlets": [a_streamlet("ingress", MetricsIngress), *map(a_streamlet, validations)],
        "topics": [a_topic("raw", ("ingress.out",), inlets), *outlets],
    }


def service(one: Installed, streamlet: str) -> Document:
    """What names the Service of a streamlet."""
    name = names.workload(one.name, streamlet)
    return document("v1", "Service", name, one.namespace)


async def told(one: Installed, streamlet: str) -> dict[str, Any]:
    """What the pods of a streamlet are told."""
    deployment = await one.kube.read(one.deployment(streamlet))
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    mounted = json.dumps(volumes)
    for config_map in await one.kube.listed("v1", "ConfigMap", one.namespace):
        if f'"{config_map["metadata"]["name"]}"' in mounted:
            found: dict[str, Any] = json.loads(config_map["data"]["streamlet.json"])
            return found
    raise AssertionError(f"{streamlet} mounts no configuration")


async def test_acc_03_only_the_streamlet_that_is_configured_restarts(case: Case) -> None:
    validations = [f"validation-{number}" for number in range(4)]
    one = await case.deploy(**fanned_out(*validations))
    await until_running(one)
    before = await case.pods_of_streamlets()
    await case.done(f"configure {NAME} {SETTINGS}.validation-2.config-parameters.floor=1.5")
    await until_running(one)
    after = await case.pods_of_streamlets()
    assert before.keys() == {"ingress", *validations}
    assert [name for name in before if before[name] != after[name]] == ["validation-2"]
    assert not before["validation-2"] & after["validation-2"]


async def test_acc_04_the_same_deployment_again_restarts_nothing(case: Case) -> None:
    one = await case.deploy()
    before = (await until_running(one), await case.pods_of_streamlets())
    sets = {each["metadata"]["name"] for each in await case.replica_sets()}
    again = await case.done(f"deploy {case.file()}")
    assert again.out.endswith("nothing changes.\n")
    assert (await until_running(one), await case.pods_of_streamlets()) == before
    assert {each["metadata"]["name"] for each in await case.replica_sets()} == sets


async def test_acc_06_scaling_after_configuring_restarts_no_pod_and_is_told(case: Case) -> None:
    one = await case.deploy()
    await case.done(f"configure {NAME} {SETTINGS}.validation.config-parameters.floor=1.5")
    await until_running(one)
    before = await case.pods_of_streamlets()
    await case.done(f"scale {NAME} validation=3")
    await until_running(one)
    after = await case.pods_of_streamlets()
    assert after["ingress"] == before["ingress"]
    assert before["validation"] < after["validation"]
    assert len(after["validation"]) == 3
    events = await case.kube.listed("events.k8s.io/v1", "Event", case.namespace)
    notes = [each["note"] for each in events if each["reason"] == "StreamletScaled"]
    assert notes == ["scaled validation from 1 to 3"]


async def test_acc_09_more_partitions_are_made(case: Case) -> None:
    one = await case.deploy("cloudflow.topics.raw.partitions=2")
    await until_running(one)
    before = await case.pods_of_streamlets()
    await case.done(f"deploy {case.file()} cloudflow.topics.raw.partitions=4")
    await one.until(
        lambda found: {each.get("partitions") for each in found["status"]["topics"]} >= {4},
        "the status to tell of four partitions",
    )
    raw = (await case.topics(one, "raw"))["raw"]
    assert raw is not None
    assert raw.partitions == 4
    await until_running(one)
    assert await case.pods_of_streamlets() == before


async def test_acc_11_a_streamlet_that_was_scaled_goes_with_its_service(case: Case) -> None:
    spec = fanned_out("validation")
    spec["streamlets"].append(a_streamlet("other", MetricsIngress))
    spec["topics"].append(a_topic("others", ("other.out",)))
    one = await case.deploy(**spec)
    await until_running(one)
    await case.done(f"scale {NAME} other=2")
    assert await case.kube.find(service(one, "other"))
    before = await case.pods_of_streamlets()
    await case.deploy(**fanned_out("validation"))
    for gone in (one.deployment("other"), service(one, "other")):
        await until_gone(case.kube, gone)
    await until_running(one)
    after = await case.pods_of_streamlets()
    assert after == {name: before[name] for name in ("ingress", "validation")}


async def test_acc_13_a_server_that_is_configured_keeps_port_and_service(case: Case) -> None:
    one = await case.deploy()
    await until_running(one)
    before = await case.kube.read(service(one, "ingress"))
    pods = await case.pods_of_streamlets()
    port = (await told(one, "ingress"))["serverPort"]
    await case.done(f"configure {NAME} {SETTINGS}.ingress.config.window-records=9")
    await until_running(one)
    assert not pods["ingress"] & (await case.pods_of_streamlets())["ingress"]
    after, now = await case.kube.read(service(one, "ingress")), await told(one, "ingress")
    assert after["spec"] == before["spec"]
    assert (now["serverPort"], now["settings"]["window-records"]) == (port, 9)
    template = (await case.kube.read(one.deployment("ingress")))["spec"]["template"]
    assert after["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    [served] = after["spec"]["ports"]
    [container] = template["spec"]["containers"]
    named = {each.get("name"): each["containerPort"] for each in container["ports"]}
    assert named[served["targetPort"]] == port


async def test_acc_14_long_names_that_begin_alike_do_not_meet(case: Case) -> None:
    long = "a" * 63
    validations = [f"{'b' * 62}{last}" for last in "xyz"]
    one = await case.apply(long, **fanned_out(*validations))
    two = await case.apply(f"{long[:-1]}b", **fanned_out(*validations))
    for each in (one, two):
        await until_running(each)
        deployments = [name for name in await each.children() if name.startswith("Deployment/")]
        assert len(deployments) == 4
    assert not (await one.children()).keys() & (await two.children()).keys()


async def test_acc_18_scaled_to_nothing_it_runs_and_comes_back(case: Case) -> None:
    one = await case.deploy()
    await until_running(one)
    await case.done(f"scale {NAME} validation=0")
    found = await until_running(one)
    assert found["status"]["ready"] == "1/1"
    assert "validation" not in await case.pods_of_streamlets()
    await case.done(f"scale {NAME} validation=2")
    assert (await until_running(one))["status"]["ready"] == "3/3"
    assert len((await case.pods_of_streamlets())["validation"]) == 2
