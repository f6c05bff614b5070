"""What is around the operator is away, broken, in the way or in other hands."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.aio.client import ApiException

from chaos.proxy import Proxy as Wire
from cloudflow_operator import names
from support.applications import IMAGE, a_streamlet
from support.installed_application import Installed, create, merge
from support.kube import a_namespace, document, eventually
from support.operator_process import an_operator, application, kafka_cluster, until_leading
from support.resources import install
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.kube import Document, Kube
    from support.operator_process import OperatorProcess

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_defined")]

WRITES = ("create", "patch", "delete", "deletecollection")


@pytest.fixture
async def _defined(kube: Kube) -> None:
    await install(kube)


async def until_running(one: Installed) -> None:
    """Wait until all its Deployments are there and its topics too."""

    async def look() -> bool:
        wanted = len(one.document["spec"]["streamlets"])
        deployments = [name for name in await one.children() if name.startswith("Deployment/")]
        return len(deployments) == wanted and await one.condition("TopicsReady") == "True"

    await eventually(look, f"{one.name} to run")


def tells(word: str) -> Callable[[Document], bool]:
    """Whether a condition of the resource has that reason, or its message the word."""

    def found(one: Document) -> bool:
        status = one.get("status", {})
        reasons = [each["reason"] for each in status.get("conditions", ())]
        return word in reasons or word in status.get("message", "")

    return found


async def writes(operator: OperatorProcess) -> float:
    return sum([await operator.requests(verb) for verb in WRITES])


# Kafka


async def test_a_kafka_that_is_away_at_first_is_used_when_it_is_back(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    host, _, port = kafka.rpartition(":")
    assert host == "127.0.0.1"
    [front] = free_ports(1)
    await kube.create(kafka_cluster(namespace, f"127.0.0.1:{front}"))
    await kube.create(kafka_cluster(namespace, kafka, "good"))
    scope = {"namespace": namespace, "watch_namespaces": namespace}
    async with an_operator(kubernetes, tmp_path, **scope) as operator:
        one = await create(kube, application("plant", namespace))
        await one.until(tells("TopicsNotReady"), "the status to tell of Kafka")
        assert not [name for name in await one.children() if name.startswith("Deployment/")]
        topics = [{**each, "cluster": "good"} for each in one.document["spec"]["topics"]]
        await until_running(await create(kube, application("other", namespace, topics=topics)))
        async with Wire(front, int(port)):
            await until_running(one)
        assert operator.process.is_alive


async def test_a_kafka_that_hangs_holds_up_no_other_application(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    [front] = free_ports(1)
    await kube.create(kafka_cluster(namespace, f"127.0.0.1:{front}", "slow"))
    await kube.create(kafka_cluster(namespace, kafka))
    scope = {"namespace": namespace, "watch_namespaces": namespace, "workers": "4"}
    async with Wire(front, int(kafka.rpartition(":")[2])) as wire:
        await wire.cut("hole")
        async with an_operator(kubernetes, tmp_path, **scope):
            slow = []
            for number in range(12):
                made = application(f"slow-{number}", namespace)
                for topic in made["spec"]["topics"]:
                    topic["cluster"] = "slow"
                slow.append(await create(kube, made))
            await until_running(await create(kube, application("plant", namespace)))
            await slow[0].until(tells("TopicsNotReady"), "the status to tell of Kafka")
            await wire.mend()
            await until_running(slow[0])


# Rubbish


RUBBISH: dict[str, dict[str, Any]] = {
    "streamlets": {"streamlets": [a_streamlet("s", parameters=[{"name": "x", "value": "\0"}])]},
    "nothing": {"streamlets": [], "topics": [], "descriptors": []},
    "endpoints": {"topics": [{"name": "t", "producers": ["...", ""], "consumers": ["a.b.c"]}]},
    "settings": {
        "topics": [{"name": "t", "producers": ["ingress.out"], "config": {"a": "é" * 999}}]
    },
    "template": {
        "streamlets": [
            a_streamlet("validation", podTemplate={"spec": {"containers": "many", "volumes": 1}})
        ]
    },
    "image": {"image": "in valid://\n"},
    "contract": {"sdk": {"version": "?", "contract": 99}},
    "descriptors": {"descriptors": [{"className": "plant:Validation", "inlets": [{"name": "x"}]}]},
}
"""What somebody may write into a resource; the API server refuses some of it itself."""


async def test_rubbish_is_told_and_hurts_no_other_application(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    await kube.create(kafka_cluster(namespace, kafka))
    data = {"bootstrap.servers": "\n://,,", "name.prefix": "é é", "sasl.x": "{"}
    secret = document("v1", "Secret", "rubbish", namespace, stringData=data)
    secret["metadata"]["labels"] = {names.KAFKA_CLUSTER: "no_name"}
    await kube.create(secret)
    scope = {"namespace": namespace, "watch_namespaces": namespace}
    async with an_operator(kubernetes, tmp_path, **scope) as operator:
        await until_leading(operator)
        taken: list[Installed] = []
        for number in range(20):
            kind = list(RUBBISH)[number % len(RUBBISH)]
            with contextlib.suppress(ApiException):  # the server refuses it
                made = application(f"bad-{number}-{kind}", namespace, **RUBBISH[kind])
                taken.append(await create(kube, made))
        assert len(taken) >= len(RUBBISH)
        await until_running(await create(kube, application("good", namespace)))
        for one in taken:
            await one.until(lambda found: found.get("status"), f"the status of {one.name}")
        assert await operator.metric("cloudflow_operator_reconciles_total") > len(taken)
        assert 'result="crashed"' not in _counted(operator)
        assert "Traceback" not in operator.process.log()


def _counted(operator: OperatorProcess) -> str:
    _, text = operator.answer("/metrics")
    return "\n".join(
        line
        for line in text.splitlines()
        if line.startswith("cloudflow_operator_reconciles_total{") and not line.endswith(" 0.0")
    )


# Others


async def test_a_foreign_object_is_never_taken_and_its_end_is_seen(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    await kube.create(kafka_cluster(namespace, kafka))
    theirs = document("v1", "Service", names.workload("plant", "ingress"), namespace)
    theirs["spec"] = {"ports": [{"port": 80}], "selector": {"app": "theirs"}}
    # It bears our label, as a copy of one of ours would.
    theirs["metadata"]["labels"] = {names.APPLICATION: "plant"}
    before = await kube.create(theirs)
    scope = {"namespace": namespace, "watch_namespaces": namespace}
    async with an_operator(kubernetes, tmp_path, **scope):
        one = await create(kube, application("plant", namespace))
        await one.until(tells("NameTaken"), "the status to tell of the Service")
        after = await kube.read(theirs)
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        await kube.delete(theirs)

        async def is_ours() -> bool:
            found = await kube.find(theirs)
            return found is not None and found["metadata"].get("ownerReferences") is not None

        await eventually(is_ours, "the Service to be the application's")


async def test_hands_that_rewrite_a_field_make_no_write_loop(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    await kube.create(kafka_cluster(namespace, kafka))
    scope = {"namespace": namespace, "watch_namespaces": namespace}
    async with an_operator(kubernetes, tmp_path, **scope) as operator:
        one = await create(kube, application("plant", namespace))
        await one.settled()
        named = one.deployment("validation")
        before, rewritten = await writes(operator), 0
        loop = asyncio.get_running_loop()
        end = loop.time() + 5
        container = {"name": names.CONTAINER, "image": "registry.example/theirs"}
        theirs = {**named, "spec": {"template": {"spec": {"containers": [container]}}}}
        while loop.time() < end:  # at once, whenever it was put right
            found = await kube.read(named)
            if found["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE:
                await kube.apply(theirs, "webhook")
                rewritten += 1
            await asyncio.sleep(0.01)
        assert rewritten > 0
        # Each is put right once, with what has to be told of it.
        assert await writes(operator) - before <= 6 * rewritten + 10
        assert rewritten <= 5 / 0.15 + 2

        async def is_right() -> bool:
            found = await kube.read(named)
            return bool(found["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE)

        await eventually(is_right, "the image to be ours in the end")
        await one.settled()


async def test_operators_whose_scopes_overlap_end_at_the_same_state_and_rest(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    async with a_namespace(kube) as second:
        for own in (namespace, second):
            await kube.create(kafka_cluster(own, kafka))
        async with (
            an_operator(
                kubernetes, tmp_path, namespace=namespace, watch_namespaces=namespace
            ) as first,
            an_operator(
                kubernetes,
                tmp_path,
                namespace=second,
                watch_namespaces=f"{namespace},{second}",
            ) as other,
        ):
            await until_leading(first)
            await until_leading(other)
            one = await create(kube, application("plant", namespace))
            await until_running(one)
            await one.settled()
            for deployment in await kube.listed("apps/v1", "Deployment", namespace):
                assert deployment["metadata"]["generation"] == 1
            before = await writes(first) + await writes(other)
            resource = (await one.read())["metadata"]["resourceVersion"]
            await asyncio.sleep(3)
            assert (await one.read())["metadata"]["resourceVersion"] == resource
            # They renew their Leases by updates, which are not counted here.
            assert await writes(first) + await writes(other) == before


async def test_a_namespace_that_ends_takes_its_application_along(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    await kube.create(kafka_cluster(namespace, kafka))
    async with a_namespace(kube) as ending:
        watches = f"{namespace},{ending}"
        async with an_operator(
            kubernetes, tmp_path, namespace=namespace, watch_namespaces=watches
        ) as operator:
            gone = [
                await create(kube, application(policy.lower(), ending, deletionPolicy=policy))
                for policy in ("Delete", "Retain")
            ]
            for one in gone:
                await until_running(one)
            named = document("v1", "Namespace", ending)
            await kube.delete(named)

            async def is_gone() -> bool:
                return await kube.find(named) is None

            await eventually(is_gone, "the namespace to be gone")
            before = await writes(operator)
            await until_running(await create(kube, application("plant", namespace)))
            assert operator.process.is_alive
            assert await writes(operator) - before < 60


async def test_an_operator_whose_token_ends_ends_and_the_next_one_goes_on(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    await kube.create(kafka_cluster(namespace, kafka))
    theirs = await kube.account(namespace, "operator", tmp_path)
    await kube.create(_admin_of(namespace))
    scope = {"namespace": namespace, "watch_namespaces": namespace}
    async with an_operator(theirs, tmp_path, **scope) as operator:
        one = await create(kube, application("plant", namespace))
        await until_running(one)
        before = await one.settled()
        await kube.delete(document("v1", "ServiceAccount", "operator", namespace))

        async def has_ended() -> bool:
            return not operator.process.is_alive

        await eventually(has_ended, "the operator to end at its deadline")
        assert "does not know the token" in operator.process.log()
        assert await one.versions() == before
        # As a kubelet would: another token in the same file, and the container again.
        await kube.account(namespace, "operator", tmp_path)
        await operator.start()
        await merge(kube, one.document, {"spec": {"version": "2.0.0"}})
        named = one.deployment("validation")

        async def follows() -> bool:
            found = await kube.read(named)
            return bool(found["metadata"]["labels"][names.VERSION] == "2.0.0")

        await eventually(follows, "the operator to go on")


def _admin_of(namespace: str) -> Document:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{namespace}-operator"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace}],
    }


async def test_children_outlive_the_namespace_of_their_operator(
    kubernetes: Path, kube: Kube, kafka: str, namespace: str, tmp_path: Path
) -> None:
    async with a_namespace(kube) as own:
        await kube.create(kafka_cluster(own, kafka))
        async with an_operator(
            kubernetes, tmp_path, namespace=own, watch_namespaces=namespace
        ) as operator:
            one = await create(kube, application("plant", namespace))
            await until_running(one)
            before = await one.settled()
            named = document("v1", "Namespace", own)
            await kube.delete(named)

            async def is_gone() -> bool:
                return await kube.find(named) is None

            await eventually(is_gone, "the operator's namespace to be gone")

            async def has_ended() -> bool:
                return not operator.process.is_alive

            await eventually(has_ended, "the operator to end, as it has no Lease")
            assert await one.versions() == before
