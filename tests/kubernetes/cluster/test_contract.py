"""What reconciling may rely on, whatever the cluster is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_operator.errors import ConflictError, TakenError
from cloudflow_operator.interfaces import (
    CHILDREN,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    POD,
    REPLICA_SET,
    SERVICE,
    SERVICE_ACCOUNT,
    Key,
)
from cloudflow_operator.names import FIELD_MANAGER, HANDOVER_MANAGER
from support.cluster_world import config_map, labelled, of_uid
from support.kube import deployment

if TYPE_CHECKING:
    from cloudflow_operator.interfaces import Manifest
    from support.cluster_world import World

SOMEBODY = "somebody"


def without_replicas(made: Manifest) -> Manifest:
    spec = {name: value for name, value in made["spec"].items() if name != "replicas"}
    return {**made, "spec": spec}


def one_of_each(namespace: str, application: str) -> list[Manifest]:
    labels = {"app": application}
    pod = {"containers": [{"name": "main", "image": "nowhere.invalid/image"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    selected = {"selector": {"matchLabels": labels}}
    specs: dict[Any, dict[str, Any]] = {
        SERVICE_ACCOUNT: {},
        CONFIG_MAP: {},
        SERVICE: {"spec": {"selector": labels, "ports": [{"port": 80}]}},
        DEPLOYMENT: {"spec": {"replicas": 0, "template": template, **selected}},
        DISRUPTION_BUDGET: {"spec": {"maxUnavailable": 1, **selected}},
        REPLICA_SET: {"spec": {"replicas": 0, "template": template, **selected}},
    }
    return [
        labelled(kind, application, namespace, application, **spec) for kind, spec in specs.items()
    ]


# Applying


async def test_what_is_applied_is_there(world: World) -> None:
    made = await world.cluster.apply(config_map("one", world.namespace, a="1"), manager="a")
    assert made["data"] == {"a": "1"}
    found = await world.cluster.read(CONFIG_MAP, world.namespace, "one")
    assert found is not None
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    assert found["data"] == made["data"]


async def test_what_is_not_there_is_none(world: World) -> None:
    assert await world.cluster.read(CONFIG_MAP, world.namespace, "one") is None


async def test_the_same_again_changes_nothing(world: World) -> None:
    manifest = config_map("one", world.namespace, a="1")
    first = await world.cluster.apply(manifest, manager="a")
    second = await world.cluster.apply(manifest, manager="a")
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_what_is_no_longer_applied_goes_and_what_others_wrote_stays(world: World) -> None:
    await world.cluster.apply(config_map("one", world.namespace, a="1", b="2"), manager="a")
    await world.cluster.apply(config_map("one", world.namespace, c="3"), manager=SOMEBODY)
    changed = await world.cluster.apply(config_map("one", world.namespace, a="4"), manager="a")
    assert changed["data"] == {"a": "4", "c": "3"}


async def test_a_field_of_another_manager_is_taken_by_force_alone(world: World) -> None:
    await world.cluster.apply(config_map("one", world.namespace, a="1"), manager=SOMEBODY)
    wanted = config_map("one", world.namespace, a="2")
    with pytest.raises(ConflictError):
        await world.cluster.apply(wanted, manager="a", force=False)
    assert (await world.cluster.apply(wanted, manager="a"))["data"] == {"a": "2"}


async def test_what_is_made_is_there_and_its_fields_are_the_managers(world: World) -> None:
    await world.cluster.make(config_map("one", world.namespace, a="1", b="2"), manager="a")
    changed = await world.cluster.apply(config_map("one", world.namespace, a="2"), manager="a")
    assert changed["data"] == {"a": "2"}


async def test_nothing_is_made_where_something_is(world: World) -> None:
    before = await world.create(config_map("one", world.namespace, a="theirs"))
    for data in ({"a": "ours"}, {"b": "ours"}, {"a": "theirs"}):
        with pytest.raises(TakenError) as caught:
            await world.cluster.make(config_map("one", world.namespace, **data), manager="a")
        assert caught.value.found["data"] == {"a": "theirs"}
    after = await world.cluster.read(CONFIG_MAP, world.namespace, "one")
    assert after is not None
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_one_of_many_who_make_the_same_at_once_makes_it(world: World) -> None:
    makers = [config_map("one", world.namespace, by=str(number)) for number in range(5)]
    made = await asyncio.gather(
        *(world.cluster.make(one, manager="a") for one in makers), return_exceptions=True
    )
    assert len([one for one in made if not isinstance(one, TakenError)]) == 1


async def test_replicas_that_are_handed_over_stay(world: World) -> None:
    wanted = deployment("app", world.namespace, replicas=5)
    await world.cluster.apply(wanted, manager=FIELD_MANAGER)
    name, namespace = "app", world.namespace
    handed: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 5},
    }
    await world.cluster.apply(handed, manager=HANDOVER_MANAGER)
    dropped = await world.cluster.apply(without_replicas(wanted), manager=FIELD_MANAGER)
    assert dropped["spec"]["replicas"] == 5


async def test_replicas_that_are_just_dropped_are_one(world: World) -> None:
    wanted = deployment("app", world.namespace, replicas=5)
    await world.cluster.apply(wanted, manager=FIELD_MANAGER)
    dropped = await world.cluster.apply(without_replicas(wanted), manager=FIELD_MANAGER)
    assert dropped["spec"]["replicas"] == 1


async def test_an_object_of_another_uid_is_left_alone(world: World) -> None:
    await world.create(config_map("one", world.namespace, a="theirs"))
    other = await world.create(config_map("other", world.namespace))
    wanted = of_uid(config_map("one", world.namespace, a="ours"), other["metadata"]["uid"])
    with pytest.raises(ConflictError, match="one"):
        await world.cluster.apply(wanted, manager="a")
    found = await world.cluster.read(CONFIG_MAP, world.namespace, "one")
    assert found is not None
    assert found["data"] == {"a": "theirs"}


async def test_an_object_of_that_uid_is_changed(world: World) -> None:
    made = await world.cluster.apply(config_map("one", world.namespace, a="1"), manager="a")
    wanted = of_uid(config_map("one", world.namespace, a="2"), made["metadata"]["uid"])
    assert (await world.cluster.apply(wanted, manager="a"))["data"] == {"a": "2"}


async def test_an_object_that_is_gone_is_not_made_again(world: World) -> None:
    made = await world.cluster.apply(config_map("one", world.namespace), manager="a")
    uid = made["metadata"]["uid"]
    await world.cluster.delete(Key(CONFIG_MAP, "one"), world.namespace, uid=uid)
    with pytest.raises(ConflictError):
        await world.cluster.apply(of_uid(config_map("one", world.namespace), uid), manager="a")
    assert await world.cluster.read(CONFIG_MAP, world.namespace, "one") is None


# Deleting


async def test_deleting_what_is_gone_is_fine(world: World) -> None:
    made = await world.cluster.apply(config_map("one", world.namespace), manager="a")
    for _ in range(2):
        await world.cluster.delete(
            Key(CONFIG_MAP, "one"), world.namespace, uid=made["metadata"]["uid"]
        )
    assert await world.cluster.read(CONFIG_MAP, world.namespace, "one") is None


async def test_another_object_of_the_name_is_not_deleted(world: World) -> None:
    await world.create(config_map("one", world.namespace))
    other = await world.create(config_map("other", world.namespace))
    with pytest.raises(ConflictError):
        await world.cluster.delete(
            Key(CONFIG_MAP, "one"), world.namespace, uid=other["metadata"]["uid"]
        )
    assert await world.cluster.read(CONFIG_MAP, world.namespace, "one") is not None


# Children


async def test_children_are_those_with_the_label_and_say_what_they_are(world: World) -> None:
    for manifest in [
        *one_of_each(world.namespace, "plant"),
        *one_of_each(world.namespace, "plant-2"),
    ]:
        await world.cluster.apply(manifest, manager="a")
    found = await world.cluster.children(world.namespace, "plant")
    assert {one["metadata"]["name"] for one in found} == {"plant"}
    kinds = {(one["apiVersion"], one["kind"]) for one in found}
    assert kinds == {(kind.api_version, kind.name) for kind in (*CHILDREN, REPLICA_SET)}
    assert all(one["metadata"]["managedFields"] for one in found)


async def test_pods_are_among_the_children(world: World) -> None:
    spec = {"containers": [{"name": "main", "image": "nowhere.invalid/image"}]}
    spec = {**spec, "automountServiceAccountToken": False, "serviceAccountName": "default"}
    account = labelled(SERVICE_ACCOUNT, "default", world.namespace, "nobody")
    await world.cluster.apply(account, manager="a")
    await world.cluster.apply(labelled(POD, "p", world.namespace, "plant", spec=spec), manager="a")
    [found] = await world.cluster.children(world.namespace, "plant")
    assert found["kind"] == "Pod"


async def test_more_children_than_one_answer_has_are_all_there_once(world: World) -> None:
    wanted = {f"one-{number}" for number in range(205)}
    for name in wanted:
        await world.create(config_map(name, world.namespace))
    found = await world.cluster.children(world.namespace, "plant")
    assert sorted(one["metadata"]["name"] for one in found) == sorted(wanted)


# Status


async def found_application(world: World, name: str) -> Manifest:
    metadata = [one["metadata"] for one in await world.cluster.applications()]
    (found,) = [
        one for one in metadata if (one["namespace"], one["name"]) == (world.namespace, name)
    ]
    return {"metadata": found}


async def test_applications_are_found_with_what_they_say(world: World) -> None:
    made = await world.application("plant")
    found = [
        one
        for one in await world.cluster.applications()
        if one["metadata"]["uid"] == made["metadata"]["uid"]
    ]
    assert [one["spec"]["streamlets"] for one in found] == [made["spec"]["streamlets"]]


async def test_finalizers_are_replaced(world: World) -> None:
    await world.application("plant")
    for finalizers in (["a.dev/one"], ["a.dev/one", "b.dev/two"], ["b.dev/two"], []):
        application = await found_application(world, "plant")
        await world.cluster.set_finalizers(application, finalizers)
        now = await found_application(world, "plant")
        assert now["metadata"].get("finalizers", []) == finalizers


async def test_finalizers_of_an_application_that_changed_stay(world: World) -> None:
    await world.application("plant")
    application = await found_application(world, "plant")
    await world.cluster.set_finalizers(application, ["a.dev/one"])
    with pytest.raises(ConflictError):
        await world.cluster.set_finalizers(application, ["b.dev/two"])
    now = await found_application(world, "plant")
    assert now["metadata"]["finalizers"] == ["a.dev/one"]
    await world.cluster.set_finalizers(now, [])


async def test_finalizers_of_an_application_that_is_gone_are_a_conflict(world: World) -> None:
    application = await world.application("plant")
    metadata = {**application["metadata"], "name": "gone"}
    with pytest.raises(ConflictError):
        await world.cluster.set_finalizers({**application, "metadata": metadata}, ["a.dev/one"])


async def test_a_status_is_replaced(world: World) -> None:
    application = await world.application("plant")
    await world.cluster.write_status(application, {"phase": "Ready", "observedGeneration": 1})
    await world.cluster.write_status(application, {"phase": "Degraded"})
    assert await world.status("plant") == {"phase": "Degraded"}
