"""Two operators of different scope that overlap, which nobody should install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_cli.exits import Exit
from support.applications import NAME
from support.case import until_running
from support.kube import eventually
from support.operator_process import an_operator, kafka_cluster, until_leading

if TYPE_CHECKING:
    from pathlib import Path

    from support.case import Case


async def test_two_operators_of_different_scope_overlapping_agree_and_are_told(
    case: Case, kubernetes: Path
) -> None:
    one = await case.deploy()
    await until_running(one)
    before, pods = await one.settled(), await case.pods_of_streamlets()
    await case.kube.create(kafka_cluster(case.namespace, case.bed.kafka))
    async with an_operator(
        kubernetes, case.folder, namespace=case.namespace, watch_namespaces=case.namespace
    ) as second:
        await until_leading(second)

        async def has_looked() -> bool:
            looks = await second.metric("cloudflow_operator_reconciles_total")
            return looks > 0 and await second.metric("cloudflow_operator_queue_depth") == 0

        await eventually(has_looked, "the second one to look")
        assert await one.settled() == before
        assert await case.pods_of_streamlets() == pods

        async def is_refused() -> bool:
            ended = await case.run(f"scale {NAME} validation=2")
            return ended.status != Exit.DONE and "2 operators watch" in ended.err

        await eventually(is_refused, "the command line to see both")
        doctor = (await case.run("doctor -o json")).data["findings"]
        verdicts = {each["what"]: each["verdict"] for each in doctor}
        assert verdicts["operator"] == "fault"
