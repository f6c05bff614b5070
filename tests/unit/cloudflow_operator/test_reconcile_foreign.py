"""Objects of others, and those that stand where a child shall be."""

from __future__ import annotations

from typing import Any

import pytest

from cloudflow_operator import names
from cloudflow_operator.interfaces import CONFIG_MAP, DEPLOYMENT, Key
from cloudflow_operator.observed import key_of
from cloudflow_operator.reconcile import FOREIGN, RETRY
from support.applications import NAME, NAMESPACE
from support.cluster import FakeTopics
from support.reconciling import Operator

INGRESS = names.workload(NAME, "ingress")
VALIDATION = names.workload(NAME, "validation")


@pytest.fixture
def operator() -> Operator:
    return Operator()


async def test_a_foreign_object_is_left_alone_and_told(operator: Operator) -> None:
    metadata = {"name": VALIDATION, "namespace": NAMESPACE}
    operator.cluster.put(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"replicas": 7},
        }
    )
    outcome = await operator()
    assert operator.deployment()["spec"] == {"replicas": 7}
    assert operator.condition("Progressing") == ("False", "NameTaken")
    assert outcome.status.phase == "Error"
    assert INGRESS in operator.cluster.names(DEPLOYMENT)


async def test_an_object_that_came_in_between_is_not_taken(operator: Operator) -> None:
    metadata = {"name": VALIDATION, "namespace": NAMESPACE}
    spec = {"replicas": 7, "strategy": {"type": "OnDelete"}}
    theirs = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}

    class Slow(FakeTopics):
        async def ensure(self, wanted: Any, before: Any) -> Any:
            operator.cluster.put(theirs)
            return await super().ensure(wanted, before)

    operator.topics = Slow()
    outcome = await operator()
    assert operator.deployment()["spec"] == spec
    assert operator.condition("Progressing") == ("False", "NameTaken")
    assert outcome.requeue_after == FOREIGN


async def test_no_pods_get_a_configuration_that_somebody_else_has_put_there(
    operator: Operator,
) -> None:
    await operator()
    ours = [operator.cluster.the(kind, VALIDATION) for kind in (CONFIG_MAP, DEPLOYMENT)]
    for one in ours:
        operator.cluster.remove(key_of(one))
    metadata = {"name": ours[0]["metadata"]["name"], "namespace": NAMESPACE}
    operator.cluster.put({**ours[0], "metadata": metadata})
    await operator.again()
    assert VALIDATION not in operator.cluster.names(DEPLOYMENT)
    assert operator.condition("Progressing") == ("False", "NameTaken")


async def test_a_child_that_lost_its_label_gets_it_back(operator: Operator) -> None:
    await operator()

    def strip(manifest: Any) -> None:
        del manifest["metadata"]["labels"]

    operator.cluster.edit(Key(DEPLOYMENT, VALIDATION), strip)
    await operator.again()
    assert operator.deployment()["metadata"]["labels"][names.APPLICATION]
    assert operator.condition("ConfigurationValid") == ("True", "Valid")


async def test_a_child_that_goes_without_its_label_is_made_when_it_is_gone(
    operator: Operator,
) -> None:
    await operator()

    def go(manifest: Any) -> None:
        del manifest["metadata"]["labels"]
        manifest["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    operator.cluster.edit(Key(DEPLOYMENT, VALIDATION), go)
    outcome = await operator.again()
    assert outcome.requeue_after == RETRY
    operator.cluster.remove(Key(DEPLOYMENT, VALIDATION))
    await operator.again()
    assert "deletionTimestamp" not in operator.deployment()["metadata"]
