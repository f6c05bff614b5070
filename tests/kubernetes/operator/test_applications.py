"""The operator's process on a real API server: what it makes of applications, and keeps so."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import names
from support.applications import IMAGE, MetricsIngress, a_streamlet
from support.installed_application import Installed, create, merge
from support.kube import a_namespace, document, eventually
from support.operator_process import an_operator, application, kafka_cluster, until_leading
from support.resources import install

if TYPE_CHECKING:
    from pathlib import Path

    from support.kube import Document, Kube
    from support.operator_process import OperatorProcess

STREAMLETS = ("ingress", "validation")


@pytest.fixture
async def plant(operator: OperatorProcess, kube: Kube, namespace: str) -> Installed:
    """An application that is looked after, and at rest."""
    made = await create(kube, application("plant", namespace))
    await made.settled()
    return made


async def its_deployments(one: Installed) -> list[Document]:
    found = [
        await eventually(
            functools.partial(one.kube.find, one.deployment(streamlet)),
            f"the Deployment of {streamlet}",
        )
        for streamlet in STREAMLETS
    ]
    return [each for each in found if each is not None]


async def test_an_application_gets_its_children_a_status_and_an_event(
    plant: Installed, kube: Kube
) -> None:
    for deployment in await its_deployments(plant):
        assert deployment["metadata"]["ownerReferences"][0]["uid"] == plant.uid
    kinds = {name.partition("/")[0] for name in await plant.children()}
    assert kinds == {"ConfigMap", "Deployment", "Service", "ServiceAccount"}
    assert await plant.condition("ConfigurationValid") == "True"
    assert await plant.condition("TopicsReady") == "True"
    assert await plant.events("ApplicationDeployed") == 1
    status = (await plant.read())["status"]
    assert [one["name"] for one in status["streamlets"]] == list(STREAMLETS)


async def test_what_somebody_deletes_is_made_again(plant: Installed, kube: Kube) -> None:
    for name, before in (await plant.children()).items():
        await kube.delete(before)

        async def made_again(before: Document = before) -> bool:
            found = await kube.find(before)
            return found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]

        await eventually(made_again, f"{name} to be there again")


async def test_what_somebody_edits_is_put_right_and_what_they_add_stays(
    plant: Installed, kube: Kube
) -> None:
    named = plant.deployment("validation")
    container = {"name": names.CONTAINER, "image": "registry.example/other"}
    patch = {
        "metadata": {"labels": {"theirs": "yes", names.MANAGED_BY: "me"}},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    await kube.ask(
        "PATCH",
        f"/apis/apps/v1/namespaces/{plant.namespace}/deployments/{named['metadata']['name']}",
        patch,
        "application/strategic-merge-patch+json",
        {"fieldManager": "kubectl-edit"},
    )

    async def put_right() -> bool:
        found = await kube.read(named)
        [one] = found["spec"]["template"]["spec"]["containers"]
        labels = found["metadata"]["labels"]
        return bool(one["image"] == IMAGE and labels[names.MANAGED_BY] == names.MANAGER)

    await eventually(put_right, "the image and the label to be the operator's again")
    assert (await kube.read(named))["metadata"]["labels"]["theirs"] == "yes"


async def test_an_object_that_does_not_belong_to_it_is_left_alone(
    operator: OperatorProcess, kube: Kube, namespace: str
) -> None:
    theirs = document("v1", "Service", names.workload("plant", "ingress"), namespace)
    theirs |= {"spec": {"ports": [{"port": 80}], "selector": {"app": "theirs"}}}
    before = await kube.create(theirs)
    one = await create(kube, application("plant", namespace))
    await one.until(
        lambda found: any(
            each["reason"] == "NameTaken" for each in found.get("status", {}).get("conditions", ())
        ),
        "the status to tell of the Service",
    )
    after = await kube.read(theirs)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_a_streamlet_that_is_removed_goes_and_the_others_stay_untouched(
    plant: Installed, kube: Kube
) -> None:
    before = await plant.versions()
    spec = application(
        "plant", plant.namespace, streamlets=[a_streamlet("ingress", MetricsIngress)]
    )
    spec["spec"]["topics"] = [{"name": "raw", "producers": ["ingress.out"]}]
    await merge(kube, plant.document, {"spec": spec["spec"]})
    gone = plant.deployment("validation")

    async def is_gone() -> bool:
        return await kube.find(gone) is None

    await eventually(is_gone, "the Deployment of the streamlet to go")
    after = await plant.settled()
    name = f"Deployment/{names.workload('plant', 'ingress')}"
    assert after[name] == before[name]


async def test_applications_of_a_namespace_do_not_touch_each_other(
    plant: Installed, kube: Kube
) -> None:
    before = await plant.settled()
    other = await create(kube, application("plant-2", plant.namespace))
    await other.settled()
    assert not (await other.children()).keys() & before.keys()
    await kube.delete(other.document)

    async def is_gone() -> bool:
        return not await other.children()

    await eventually(is_gone, "the other application's children to go")
    assert await plant.settled() == before
    assert await other.events("ApplicationUndeployed") == 1


async def test_a_broken_application_is_told_and_holds_no_other_back(
    operator: OperatorProcess, kube: Kube, namespace: str
) -> None:
    streamlets = [a_streamlet("validation", parameters=[{"name": "floor", "value": "high"}])]
    broken = await create(kube, application("broken", namespace, streamlets=streamlets))
    whole = await create(kube, application("whole", namespace))
    await whole.settled()
    assert await whole.condition("ConfigurationValid") == "True"
    await broken.until(lambda found: found.get("status"), "the broken one's status")
    assert await broken.condition("ConfigurationValid") == "False"
    assert not await broken.children()


async def test_the_same_application_in_two_namespaces_is_two(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    await install(kube)
    await kube.create(kafka_cluster(namespace, kafka))
    async with a_namespace(kube) as other:
        watches = f"{namespace},{other}"
        async with an_operator(kubernetes, tmp_path, namespace=namespace, watch_namespaces=watches):
            here = await create(kube, application("plant", namespace))
            there = await create(kube, application("plant", other))
            before = await here.settled()
            await there.settled()
            for one in (here, there):
                assert len(await its_deployments(one)) == len(STREAMLETS)
            await kube.delete(there.document)

            async def is_gone() -> bool:
                return not await there.children()

            await eventually(is_gone, "the other one's children to go")
            assert await here.settled() == before


# Nothing is done twice


async def looked_again(operator: OperatorProcess, before: float) -> None:
    async def more() -> bool:
        return (
            await operator.metric("cloudflow_operator_reconciles_total") > before
            and await operator.metric("cloudflow_operator_queue_depth") == 0
        )

    await eventually(more, "the operator to look again")


async def writes(operator: OperatorProcess) -> float:
    """The requests that may have changed something, but for those of the Lease."""
    return sum(
        [
            await operator.requests(verb)
            for verb in ("create", "patch", "delete", "deletecollection")
        ]
    )


async def test_a_look_at_what_is_right_writes_nothing(
    plant: Installed, operator: OperatorProcess, kube: Kube
) -> None:
    before, status = await plant.settled(), (await plant.read())["status"]
    looks = await operator.metric("cloudflow_operator_reconciles_total")
    count = await writes(operator)
    await merge(kube, plant.document, {"metadata": {"annotations": {"theirs": "1"}}})
    await looked_again(operator, looks)
    assert await plant.versions() == before
    assert (await plant.read())["status"] == status
    assert await writes(operator) == count


async def test_the_same_resource_again_changes_nothing(
    plant: Installed, operator: OperatorProcess, kube: Kube
) -> None:
    before = await plant.settled()
    looks = await operator.metric("cloudflow_operator_reconciles_total")
    resource = application("plant", plant.namespace)
    resource["metadata"]["annotations"] = {"theirs": "2"}  # so that the operator looks
    await kube.apply(resource, "kubectl-cloudflow")
    await looked_again(operator, looks)
    assert await plant.settled() == before
    assert await plant.events("ApplicationUpdated") == 0


async def test_a_new_version_with_the_same_image_restarts_nothing(
    plant: Installed, kube: Kube
) -> None:
    before = {one["metadata"]["uid"]: one for one in await its_deployments(plant)}
    await plant.settled()
    await merge(kube, plant.document, {"spec": {"version": "1.4.1"}})
    await plant.settled()
    for after in await its_deployments(plant):
        template = before[after["metadata"]["uid"]]["spec"]["template"]
        assert after["spec"]["template"] == template
    assert await plant.events("ApplicationUpdated") == 1


async def test_another_operator_process_changes_nothing_and_tells_nothing_again(
    plant: Installed, operator: OperatorProcess
) -> None:
    before = await plant.settled()
    resource = await plant.read()
    await operator.stop()
    await operator.start()
    await until_leading(operator)
    await looked_again(operator, 0)
    assert await plant.settled() == before
    assert (await plant.read())["metadata"]["resourceVersion"] == (
        resource["metadata"]["resourceVersion"]
    )
    assert await plant.events("ApplicationDeployed") == 1


async def test_what_happened_while_no_operator_was_there_is_made_good(
    plant: Installed, operator: OperatorProcess, kube: Kube
) -> None:
    before = await kube.read(plant.deployment("ingress"))
    operator.process.kill()
    await kube.delete(before)
    other = await create(kube, application("later", plant.namespace))
    await operator.start()
    await other.settled()
    [ingress, _] = await its_deployments(plant)
    assert ingress["metadata"]["uid"] != before["metadata"]["uid"]
    assert len(await its_deployments(other)) == len(STREAMLETS)
