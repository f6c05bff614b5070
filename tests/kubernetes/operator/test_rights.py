"""With its roles and no more the operator does what it has to, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_operator.about import About, Facts
from cloudflow_operator.cluster import ApiServer
from cloudflow_operator.desired.clusters import KafkaCluster
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.interfaces import CONFIG_MAP, SECRET
from cloudflow_operator.names import ABOUT, FIELD_MANAGER, PROGRAM
from cloudflow_operator.probe import Probe
from cloudflow_operator.requests import connected
from cloudflow_operator.rights import Installation
from support.candidate import Now
from support.installed import installed
from support.kube import a_namespace, document
from support.resources import Maker, install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cloudflow_operator.interfaces import Manifest
    from cloudflow_operator.requests import Answer, Request, Requests
    from support.kube import Kube


@pytest.fixture
async def own(kube: Kube) -> AsyncIterator[str]:
    """The operator's namespace."""
    async with a_namespace(kube) as made:
        yield made


@pytest.fixture
async def requests(kube: Kube, own: str, namespace: str, tmp_path: Path) -> AsyncIterator[Requests]:
    """The operator's, which runs applications in `namespace` and may copy a Secret there."""
    await install(kube)
    installation = Installation(namespace=own, watches=[namespace], copies={namespace: ["default"]})
    async with installed(kube, installation, tmp_path) as theirs, connected(theirs) as made:
        yield made


@pytest.fixture
def cluster(requests: Requests) -> ApiServer:
    return ApiServer(requests, Now(), "test")


def secret(name: str, namespace: str) -> Manifest:
    return document("v1", "Secret", name, namespace, stringData={"a": "1"})


async def test_it_tells_about_itself_and_puts_that_right(
    cluster: ApiServer, kube: Kube, own: str
) -> None:
    facts = Facts(version="1", watches=(), clusters={"default": KafkaCluster(prefix="a.")})
    about = About(cluster, own, lambda: facts)
    await about.publish()
    first = await kube.read(document("v1", "ConfigMap", ABOUT, own))
    assert first["metadata"]["labels"] == {PROGRAM: ABOUT}
    await about.publish()
    assert await kube.read(document("v1", "ConfigMap", ABOUT, own)) == first
    await kube.merge(first, {"data": {"version": "9"}})
    await about.publish()
    assert (await kube.read(first))["data"] == first["data"]


async def test_copies_are_made_and_changed_by_their_name_alone(
    cluster: ApiServer, kube: Kube, namespace: str
) -> None:
    for value in ("1", "2"):
        copy = secret("cloudflow-kafka-default", namespace) | {"stringData": {"a": value}}
        await cluster.apply(copy, manager=FIELD_MANAGER, force=False)
    theirs = secret("theirs", namespace)
    with pytest.raises(ForbiddenError, match="cannot patch"):
        await cluster.apply(theirs, manager=FIELD_MANAGER, force=False)
    await kube.create(theirs)
    with pytest.raises(ForbiddenError, match="cannot patch"):
        await cluster.apply(theirs, manager=FIELD_MANAGER, force=False)


async def test_secrets_of_applications_are_not_read(
    cluster: ApiServer, kube: Kube, namespace: str
) -> None:
    await kube.create(secret("cloudflow-kafka-default", namespace))
    with pytest.raises(ForbiddenError, match="cannot get"):
        await cluster.read(SECRET, namespace, "cloudflow-kafka-default")


async def test_other_namespaces_are_not_touched(cluster: ApiServer, kube: Kube, own: str) -> None:
    async with a_namespace(kube) as other:
        for namespace in (own, other):
            with pytest.raises(ForbiddenError):
                await cluster.children(namespace, "plant")
            with pytest.raises(ForbiddenError):
                await cluster.read(CONFIG_MAP, namespace, "some")


async def test_a_probe_sees_what_no_event_told(
    requests: Requests, kube: Kube, namespace: str
) -> None:
    missed: list[str] = []
    probe = Probe(requests, lambda _, name: missed.append(name), watches=[namespace])
    made = [await kube.create(Maker().resource(name, namespace)) for name in ("a", "b")]
    for one in made:
        metadata = one["metadata"]
        probe.saw(namespace, metadata["name"], metadata["resourceVersion"])
    await probe.look()
    await kube.merge(made[1], {"metadata": {"labels": {"new": "one"}}})
    await probe.look()
    await probe.look()
    assert missed == ["b"]
    assert probe.is_stale
    await kube.delete(made[0])
    await probe.look()
    await probe.look()
    assert sorted(missed) == ["a", "b", "b", "b"]


async def test_a_list_for_the_probe_holds_metadata_alone(
    requests: Requests, kube: Kube, namespace: str
) -> None:
    await kube.create(Maker().resource("a", namespace))
    seen: list[Manifest] = []

    class Peeking:
        async def answer(self, request: Request) -> Answer:
            answer = await requests.answer(request)
            seen.append(answer.document)
            return answer

    twin: Any = Peeking()
    await Probe(twin, lambda *_: None, watches=[namespace]).look()
    (page,) = seen
    assert page["kind"] == "PartialObjectMetadataList"
    assert "spec" not in page["items"][0]
