"""The operator's process uses what its roles grant, all of it and nothing else."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import names
from cloudflow_operator.rights import APPLICATIONS, OWN, Installation, Rule, use
from support.applications import MetricsIngress, a_streamlet, a_topic
from support.installed import installed
from support.kube import a_namespace, deployment, document, eventually
from support.kube_proxy import a_proxy
from support.operator_process import an_operator, application, kafka_cluster, until_leading
from support.resources import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from support.kube import Document, Kube
    from support.kube_proxy import Proxy

Verb = tuple[str, str, str]
"""A verb, a group and a resource."""

NOT_SEEN_HERE: dict[Verb, str] = {
    (
        "update",
        "cloudflow.dev",
        "cloudflowapplications/finalizers",
    ): "asked by an admission plug-in, which this API server has not",
}
"""What is granted and not used by this test, with the reason."""


@pytest.fixture
async def own(kube: Kube) -> AsyncIterator[str]:
    """The operator's namespace."""
    async with a_namespace(kube) as made:
        yield made


def granted(rules: Iterable[Rule]) -> set[Verb]:
    return {
        (verb, rule.group, resource)
        for rule in rules
        for resource in rule.resources
        for verb in rule.verbs
    }


def used(proxy: Proxy) -> set[Verb]:
    found: set[Verb] = set()
    for method, url, status in proxy.answered:
        if (one := use(method, url)) is not None:
            found.add((one.verb, one.group, one.resource))
            if (method, status) == ("PATCH", HTTPStatus.CREATED):
                found.add(("create", one.group, one.resource))
    return found


async def lives_through_everything(kube: Kube, namespace: str) -> None:
    """An application comes, loses a child, changes, has a problem twice, and goes, topics too."""
    streamlets = [a_streamlet("ingress", MetricsIngress, replicas=2), a_streamlet("validation")]
    whole = {"streamlets": streamlets, "deletionPolicy": "Delete"}
    made = await kube.create(application("plant", namespace, **whole))
    ingress = names.workload("plant", "ingress")
    children = [
        document("apps/v1", "Deployment", ingress, namespace),
        document("v1", "Service", ingress, namespace),
        document("policy/v1", "PodDisruptionBudget", ingress, namespace),
        document("v1", "ServiceAccount", names.service_account("plant"), namespace),
    ]
    for child in children:
        await there(kube, child)
    await kube.delete(children[0])
    await there(kube, children[0])
    topics = [a_topic("raw", (), ("validation.in",)), a_topic("good", ("validation.out",))]
    less = {"streamlets": streamlets[1:], "topics": topics, "serviceAccountName": "default"}
    await kube.merge(made, {"spec": less})
    for child in children:
        await gone(kube, child)
    for _ in range(2):
        await kube.merge(made, {"spec": {"topics": topics[:1]}})
        await condition(kube, made, "ConfigurationValid", "False")
        await kube.merge(made, {"spec": less})
        await condition(kube, made, "ConfigurationValid", "True")
    await kube.delete(made)
    await gone(
        kube, document("apps/v1", "Deployment", names.workload("plant", "validation"), namespace)
    )


async def meets_objects_of_others(kube: Kube, namespace: str) -> None:
    """An application finds that all its names are taken."""
    streamlets = [a_streamlet("ingress", MetricsIngress, replicas=2)]
    topics = [a_topic("raw", ("ingress.out",))]
    ingress = names.workload("taken", "ingress")
    theirs = {"matchLabels": {"app": "theirs"}}
    for other in (
        deployment(ingress, namespace, replicas=0),
        document("v1", "Service", ingress, namespace, spec={"ports": [{"port": 80}]}),
        document("policy/v1", "PodDisruptionBudget", ingress, namespace, spec={"selector": theirs}),
        document("v1", "ServiceAccount", names.service_account("taken"), namespace),
    ):
        await kube.create(other)
    made = application("taken", namespace, streamlets=streamlets, topics=topics)
    await kube.create(made)
    await condition(kube, made, "Progressing", "False")
    await kube.delete(made)


async def there(kube: Kube, one: Document) -> None:
    async def look() -> bool:
        found = await kube.find(one)
        return found is not None and "deletionTimestamp" not in found["metadata"]

    await eventually(look, f"{one['kind']} {one['metadata']['name']} is there")


async def gone(kube: Kube, one: Document) -> None:
    async def look() -> bool:
        return await kube.find(one) is None

    await eventually(look, f"{one['kind']} {one['metadata']['name']} is gone")


async def condition(kube: Kube, one: Document, aspect: str, wanted: str) -> None:
    async def look() -> bool:
        found = (await kube.read(one)).get("status", {}).get("conditions", ())
        return any(each["type"] == aspect and each["status"] == wanted for each in found)

    await eventually(look, f"{aspect} is {wanted}")


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["all-namespaces", "one-namespace"])
async def test_what_is_used_is_granted_and_what_is_granted_is_used(
    kubernetes: Path,
    kafka: str,
    kube: Kube,
    own: str,
    namespace: str,
    tmp_path: Path,
    scope: str,
) -> None:
    await install(kube)
    await kube.create(kafka_cluster(own, kafka))
    watches = [namespace] if scope == "one-namespace" else []
    installation = Installation(namespace=own, watches=watches)
    async with (
        installed(kube, installation, tmp_path) as theirs,
        a_proxy(theirs, tmp_path) as (proxy, file),
        an_operator(file, tmp_path, namespace=own, watch_namespaces=",".join(watches)) as operator,
    ):
        await until_leading(operator)
        await lives_through_everything(kube, namespace)
        await meets_objects_of_others(kube, namespace)
        await there(kube, document("v1", "ConfigMap", names.ABOUT, own))
    # Namespaces of other tests are about to end, where nothing new may be made.
    ours = [
        one for one in proxy.answered if "/namespaces/test-" not in one[1] or namespace in one[1]
    ]
    assert [one for one in ours if one[2] in {401, 403}] == []
    wanted = granted((*APPLICATIONS, *OWN))
    assert used(proxy) - wanted == set()
    assert wanted - used(proxy) == NOT_SEEN_HERE.keys()
