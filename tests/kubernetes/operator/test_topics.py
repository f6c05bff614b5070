"""The operator's process, a real API server and a real Kafka: topics, clusters and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import names
from streamlet_sdk.runtime.kafka import KafkaTransport
from support.installed_application import Installed, create, merge
from support.kube import document, eventually
from support.operator_process import application, kafka_cluster
from support.transport import World as Pods
from support.transport import deadline
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamlet_sdk.runtime.kafka.admin import KafkaAdmin
    from support.kube import Document, Kube
    from support.operator_process import OperatorProcess

LOGIN = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_jaas_config": 'a.LoginModule required username="ann" password="secret";',
}


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[KafkaAdmin]:
    transport = KafkaTransport(kafka)
    yield transport.admin()
    await transport.close()


async def there(admin: KafkaAdmin, one: Installed) -> set[str]:
    """Which of the application's topics are in Kafka."""
    by_name = {f"{one.namespace}.{one.name}.{topic}": topic for topic in ("raw", "good")}
    found = await admin.topics(list(by_name))
    return {topic for name, topic in by_name.items() if found[name] is not None}


async def until_gone(kube: Kube, manifest: Document) -> None:
    async def is_gone() -> bool:
        return await kube.find(manifest) is None

    await eventually(is_gone, f"{manifest['metadata']['name']} to be gone")


async def test_topics_are_made_written_down_and_stay(
    operator: OperatorProcess, kube: Kube, namespace: str, admin: KafkaAdmin
) -> None:
    plant = await create(kube, application("plant", namespace))
    await plant.settled()
    found = {one["name"]: one for one in (await plant.read())["status"]["topics"]}
    assert (found["raw"]["state"], found["raw"]["created"]) == ("Ready", True)
    assert await there(admin, plant) == {"raw", "good"}
    assert "finalizers" not in (await plant.read())["metadata"]
    await kube.delete(plant.document)
    await until_gone(kube, plant.document)
    assert await there(admin, plant) == {"raw", "good"}


async def test_topics_go_with_an_application_that_says_so(
    operator: OperatorProcess, kube: Kube, namespace: str, admin: KafkaAdmin
) -> None:
    plant = await create(kube, application("plant", namespace, deletionPolicy="Delete"))
    await plant.settled()
    assert (await plant.read())["metadata"]["finalizers"] == [names.FINALIZER]
    await kube.delete(plant.document)
    await until_gone(kube, plant.document)
    assert await there(admin, plant) == set()


async def test_a_kafka_that_is_away_holds_up_the_end_and_nothing_else(
    operator: OperatorProcess, kube: Kube, namespace: str, kafka: str
) -> None:
    plant = await create(kube, application("plant", namespace, deletionPolicy="Delete"))
    await plant.settled()
    (port,) = free_ports(1)
    secret = kafka_cluster(namespace, f"127.0.0.1:{port}")
    await merge(kube, secret, {"stringData": secret["stringData"]})
    await plant.until(
        lambda one: any(topic["state"] == "Unavailable" for topic in one["status"]["topics"]),
        "the topics to be out of reach",
    )
    assert (await plant.read())["status"]["topics"][0]["created"] is True
    await kube.delete(plant.document)
    await plant.until(
        lambda one: "can be deleted" in one["status"]["message"], "the status to say why it stays"
    )
    assert not await kube.listed("apps/v1", "Deployment", namespace)
    await merge(kube, plant.document, {"spec": {"deletionPolicy": "Retain"}})
    await until_gone(kube, plant.document)


async def test_a_removed_streamlet_leaves_its_group_and_the_status_lists_it(
    operator: OperatorProcess, kube: Kube, namespace: str, kafka: str
) -> None:
    plant = await create(kube, application("plant", namespace))
    await plant.settled()
    group = f"{namespace}.plant.validation.in"
    async with Pods(lambda client: KafkaTransport(kafka, client=client)) as pods:
        pod = await pods.reader(f"{namespace}.plant.raw", group)
        claims = await pod.opened(1)
        assert await pod.consumer.commit(dict.fromkeys(claims, 0), deadline()) == {*claims}
    assert "leftGroups" not in (await plant.read())["status"]
    streamlets = [one for one in plant.document["spec"]["streamlets"] if one["name"] == "ingress"]
    topics = [{"name": "raw", "producers": ["ingress.out"]}]
    await merge(kube, plant.document, {"spec": {"streamlets": streamlets, "topics": topics}})
    await plant.until(
        lambda one: (
            one["status"].get("leftGroups", {}).get("groups")
            == [{"name": group, "cluster": "default"}]
        ),
        "the status to list the group",
    )


async def test_rubbish_in_a_secret_is_told_and_its_repair_is_seen(
    operator: OperatorProcess, kube: Kube, namespace: str, kafka: str
) -> None:
    await kube.create(kafka_cluster(namespace, kafka, "east", default_partitions="many"))
    topics = [
        {"name": "raw", "producers": ["ingress.out"], "consumers": ["validation.in"]},
        {"name": "good", "producers": ["validation.out"], "cluster": "east"},
    ]
    plant = await create(kube, application("plant", namespace, topics=topics))
    await plant.until(
        lambda one: "default.partitions" in one.get("status", {}).get("message", ""),
        "the status to name the entry",
    )
    secret = document("v1", "Secret", "kafka-east", namespace)
    await merge(kube, secret, {"stringData": {"default.partitions": "4"}})
    await plant.settled()
    found = {one["name"]: one for one in (await plant.read())["status"]["topics"]}
    assert found["good"]["partitions"] == 4


async def test_credentials_are_mounted_from_a_copy_where_it_is_allowed(
    operator: OperatorProcess, kube: Kube, namespace: str, kafka: str
) -> None:
    secret = kafka_cluster(namespace, kafka, "safe", **LOGIN)
    secret["metadata"]["annotations"] = {names.ALLOWED_NAMESPACES: namespace}
    await kube.create(secret)
    topics = [{"name": "raw", "producers": ["ingress.out"], "cluster": "safe"}]
    streamlets = application("plant", namespace)["spec"]["streamlets"][:1]
    plant = await create(
        kube, application("plant", namespace, topics=topics, streamlets=streamlets)
    )
    copy = document("v1", "Secret", names.kafka_secret("safe"), namespace)

    async def is_copied() -> Document | None:
        return await kube.find(copy)

    made = await eventually(is_copied, "the copy of the Secret")
    assert made is not None
    assert made["data"].keys() >= {"bootstrap.servers", "sasl.jaas.config"}
    await plant.until(
        lambda one: any(
            topic["state"] in {"Denied", "Unavailable"}
            for topic in one.get("status", {}).get("topics", ())
        ),
        "the status to say that the login is refused",
    )
    assert "secret" not in operator.process.log()
