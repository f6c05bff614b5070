"""What goes wrong around an application, and that it ends well without anybody's help."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from cloudflow_operator import names
from cloudflow_operator.names import ABOUT
from support.applications import NAME, MetricsIngress, a_streamlet, a_topic
from support.case import condition, until_gone, until_running
from support.installed_application import create
from support.kube import a_namespace, document, eventually
from support.operator_process import application, kafka_cluster, until_leading
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.case import Case
    from support.kube import Document

HOST = "127.0.0.1"


def own_topics(found: Document) -> list[Document]:
    """The topics of a resource without those of the platform, which all share."""
    return [one for one in found["status"]["topics"] if "@" not in one["name"]]


async def test_acc_02_the_same_application_in_two_namespaces_is_two(case: Case) -> None:
    here = await case.deploy()
    async with a_namespace(case.kube) as other, case.elsewhere(other) as elsewhere:
        there = await elsewhere.deploy()
        found = [await until_running(one) for one in (here, there)]
        named = [{topic["kafkaName"] for topic in own_topics(one)} for one in found]
        assert not named[0] & named[1]
        before = await case.pods_of_streamlets()
        await elsewhere.done(f"scale {NAME} validation=2")
        assert (await until_running(there))["status"]["ready"] == "3/3"
        assert (await here.read())["status"] == found[0]["status"]
        assert await case.pods_of_streamlets() == before


async def test_acc_05_an_operator_that_starts_again_restarts_nothing(case: Case) -> None:
    one = await case.deploy()
    found, before = await until_running(one), await case.pods_of_streamlets()
    operator = case.bed.operator
    await operator.stop()
    await operator.start()
    await until_leading(operator)

    async def has_looked() -> bool:
        looks = await operator.metric("cloudflow_operator_reconciles_total")
        return looks > 0 and await operator.metric("cloudflow_operator_queue_depth") == 0

    await eventually(has_looked, "the new process to look at everything")
    assert (await one.read(), await case.pods_of_streamlets()) == (found, before)
    assert await one.events("ApplicationDeployed") == 1


async def test_acc_07_a_deleted_deployment_or_service_comes_back(case: Case) -> None:
    one = await case.deploy()
    await until_running(one)
    workload = names.workload(NAME, "ingress")
    for named in (one.deployment("ingress"), document("v1", "Service", workload, case.namespace)):
        before = await case.kube.read(named)
        await case.kube.delete(named)

        async def is_back(named: Document = named, before: Document = before) -> bool:
            found = await case.kube.find(named)
            return found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]

        await eventually(is_back, f"the {named['kind']} to be there again")
    await until_running(one)


@contextlib.asynccontextmanager
async def forwarded(port: int, target: str) -> AsyncIterator[None]:
    """A way from a port to a broker; clients learn there where it really is."""
    host, _, number = target.rpartition(":")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(host, int(number))
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    server = await asyncio.start_server(connected, HOST, port)
    try:
        yield
    finally:
        server.close()


async def test_acc_08_a_kafka_that_is_away_is_told_and_waited_for(case: Case) -> None:
    [port] = free_ports(1)
    secret = kafka_cluster(case.bed.namespace, f"{HOST}:{port}", "away")
    await case.kube.create(secret)
    about = document("v1", "ConfigMap", ABOUT, case.bed.namespace)

    async def is_known() -> bool:
        return '"away"' in (await case.kube.read(about))["data"]["clusters"]

    await eventually(is_known, "the operator to tell of the cluster")
    one = await case.deploy(
        streamlets=[a_streamlet("ingress", MetricsIngress)],
        topics=[a_topic("raw", ("ingress.out",), cluster="away")],
    )
    away = await one.until(
        lambda found: condition(found, "TopicsReady").get("status") == "False",
        "the status to say that Kafka is away",
    )
    assert "raw" in condition(away, "TopicsReady")["message"]
    assert await case.kube.find(one.deployment("ingress")) is None
    other = await create(case.kube, application("other", case.namespace))
    await until_running(other)
    async with forwarded(port, case.bed.kafka):
        found = await until_running(one)
    assert condition(found, "TopicsReady")["status"] == "True"
    await case.kube.delete(secret)


async def test_acc_20_a_namespace_that_terminates_is_no_trouble(case: Case) -> None:
    operator = case.bed.operator
    gone = await case.kube.create(document("v1", "Namespace", f"{case.namespace}-gone"))
    async with case.elsewhere(gone["metadata"]["name"]) as elsewhere:
        one = await elsewhere.deploy("", deletionPolicy="Delete")
        await until_running(one)
        pid = operator.process.pid
        await case.kube.delete(gone)
        ended = await elsewhere.run(f"undeploy {NAME} --delete-topics --yes --wait")
        assert "Traceback" not in ended.err
        await until_gone(case.kube, gone)
    assert await case.topics(one, "raw", "good") == {"raw": None, "good": None}
    await until_running(await case.deploy())
    assert (operator.process.pid, operator.process.is_alive) == (pid, True)
    status, _ = await asyncio.to_thread(operator.answer, "/healthz")
    assert status == HTTPStatus.OK
