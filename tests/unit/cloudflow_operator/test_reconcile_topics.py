"""Whose topics are, while they are made, and what becomes of them with their application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_operator import names
from cloudflow_operator.errors import ClusterUnavailableError, ForbiddenError
from cloudflow_operator.interfaces import DEPLOYMENT, POD
from cloudflow_operator.reconcile import RETRY, TOPICS, Outcome
from support.applications import NAME, MetricsIngress, a_document, a_streamlet
from support.cluster import Crash, FakeCopies
from support.reconciling import Operator

if TYPE_CHECKING:
    from collections.abc import Iterable

RAW = ("default", "plant.sensor-data.raw")
GOOD = ("default", "plant.sensor-data.good")


@pytest.fixture
def operator() -> Operator:
    return Operator()


def topics(operator: Operator) -> dict[str, tuple[str, bool]]:
    """State, and whether it was made here, of each topic."""
    found = operator.cluster.statuses[NAME]["topics"]
    return {one["name"]: (one["state"], one["created"]) for one in found}


async def test_a_topic_is_written_down_before_it_is_made(operator: Operator) -> None:
    operator.topics.crash = True
    with pytest.raises(Crash):
        await operator()
    assert topics(operator)["raw"] == ("Creating", True)
    assert operator.topics.there == {}
    operator.topics.crash = False
    await operator.again()
    assert topics(operator)["raw"] == ("Ready", True)


async def test_no_topic_is_made_that_cannot_be_written_down(operator: Operator) -> None:
    operator.cluster.failures[NAME] = ClusterUnavailableError("write status", "away")
    outcome = await operator()
    assert operator.topics.there == {}
    assert operator.cluster.names(DEPLOYMENT) == set()
    assert outcome.requeue_after == RETRY


async def test_a_topic_that_was_there_is_not_the_applications_own(operator: Operator) -> None:
    operator.topics.there[RAW] = 7
    await operator()
    assert topics(operator)["raw"] == ("Ready", False)
    assert topics(operator)["good"] == ("Ready", True)


async def test_who_makes_a_topic_that_was_refused_owns_it(operator: Operator) -> None:
    operator.topics.refused = {"raw"}
    await operator()
    assert topics(operator)["raw"] == ("NotMade", True)
    operator.topics.there[RAW] = 1
    await operator.again()
    assert topics(operator)["raw"] == ("Ready", False)


async def test_a_topic_that_is_refused_for_long_is_written_down_once(operator: Operator) -> None:
    operator.topics.refused = {"raw"}
    await operator()
    outcome = await operator.again()
    assert operator.cluster.writes == []
    assert outcome.requeue_after == TOPICS


async def test_ownership_outlasts_an_outage(operator: Operator) -> None:
    await operator()
    operator.topics.away = True
    await operator.again()
    assert topics(operator)["raw"] == ("Unavailable", True)


async def test_a_topic_of_another_name_in_kafka_is_another_one(operator: Operator) -> None:
    await operator()
    document = a_document()
    document["spec"]["topics"][0]["kafkaName"] = "theirs"
    operator.topics.there["default", "theirs"] = 1
    await operator(topics=document["spec"]["topics"])
    assert topics(operator)["raw"] == ("Ready", False)


async def test_a_copy_that_cannot_be_written_is_told_and_holds_up_nothing(
    operator: Operator,
) -> None:
    class Forbidden(FakeCopies):
        async def ensure(self, namespace: str, clusters: Iterable[str]) -> None:
            raise ForbiddenError("apply Secret plant/cloudflow-kafka-default", "no")

    operator.copies = Forbidden()
    outcome = await operator()
    assert "cloudflow-kafka-default" in outcome.status.message
    assert len(operator.cluster.names(DEPLOYMENT)) == 2


def finalizers(operator: Operator) -> list[str]:
    found: list[str] = operator.cluster.known[NAME]["metadata"].get("finalizers", [])
    return found


async def test_the_finalizer_is_there_only_while_topics_go_too(operator: Operator) -> None:
    await operator()
    assert finalizers(operator) == []
    operator.metadata["finalizers"] = ["others/own"]
    await operator(deletionPolicy="Delete")
    assert names.FINALIZER in finalizers(operator)
    await operator.again()
    assert operator.cluster.writes == []
    await operator(deletionPolicy="Retain")
    assert names.FINALIZER not in finalizers(operator)


async def test_other_finalizers_stay(operator: Operator) -> None:
    await operator()
    operator.cluster.known[NAME]["metadata"]["finalizers"] = ["others/own"]
    await operator(deletionPolicy="Delete")
    assert finalizers(operator) == ["others/own", names.FINALIZER]
    await operator(deletionPolicy="Retain")
    assert finalizers(operator) == ["others/own"]


async def deleted(operator: Operator, **spec: Any) -> Outcome:
    """Somebody deletes an application of this spec, which has run."""
    await operator(**{"deletionPolicy": "Delete", **spec})
    operator.cluster.rolled_out()
    operator.cluster.known[NAME]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return await operator.again()


async def test_topics_go_when_the_pods_are_gone(operator: Operator) -> None:
    operator.cluster.keep = {POD}
    outcome = await deleted(operator)
    assert operator.cluster.names(DEPLOYMENT) == set()
    assert RAW in operator.topics.there
    assert outcome.status.phase == "Undeploying"
    assert outcome.requeue_after == RETRY
    outcome = await operator.again()
    assert RAW in operator.topics.there
    assert "waits for the end of Pod" in outcome.status.message
    operator.cluster.end_pods()
    await operator.again()
    assert RAW not in operator.topics.there
    assert NAME not in operator.cluster.known


async def test_the_platforms_topics_stay(operator: Operator) -> None:
    await deleted(operator)
    await operator.again()
    assert {name for _, name in operator.topics.there} == {"_cloudflow.schemas"}


async def test_topics_of_others_stay(operator: Operator) -> None:
    operator.topics.there[RAW] = 1
    await deleted(operator)
    await operator.again()
    assert RAW in operator.topics.there
    assert NAME not in operator.cluster.known


@pytest.mark.parametrize("part", ["spec", "status"])
async def test_topics_that_another_application_uses_stay(operator: Operator, part: str) -> None:
    other = {"metadata": {"name": "other", "uid": "other"}}
    topic = {"name": "theirs", "kafkaName": RAW[1], "cluster": "default"}
    operator.cluster.known["other"] = {**other, part: {"topics": [topic]}}
    await deleted(operator)
    await operator.again()
    assert RAW in operator.topics.there
    assert "good" not in "".join(name for _, name in operator.topics.there)
    assert NAME not in operator.cluster.known


async def test_an_outage_of_kafka_holds_the_resource_and_says_so(operator: Operator) -> None:
    await deleted(operator)
    operator.topics.away = True
    outcome = await operator.again()
    assert NAME in operator.cluster.known
    assert "raw" in outcome.status.message
    assert operator.condition("TopicsReady") == ("False", "TopicsNotReady")
    operator.topics.away = False
    await operator.again()
    assert NAME not in operator.cluster.known


async def test_who_does_not_want_to_wait_sets_the_policy_to_retain(operator: Operator) -> None:
    await deleted(operator)
    operator.topics.away = True
    await operator.again()
    operator.cluster.known[NAME]["spec"]["deletionPolicy"] = "Retain"
    await operator.again()
    assert NAME not in operator.cluster.known
    assert RAW in operator.topics.there


async def test_an_operator_that_ends_in_between_goes_on_from_there(operator: Operator) -> None:
    await deleted(operator)
    operator.topics.crash = True
    with pytest.raises(Crash):
        await operator.again()
    operator.topics.crash = False
    await operator.again()
    assert NAME not in operator.cluster.known
    assert RAW not in operator.topics.there


async def test_a_server_that_is_away_is_told_and_tried_again(operator: Operator) -> None:
    await deleted(operator)
    operator.cluster.failures[NAME] = ClusterUnavailableError("set finalizers", "away")
    outcome = await operator.again()
    assert outcome.requeue_after == RETRY
    operator.cluster.failures.clear()
    await operator.again()
    assert NAME not in operator.cluster.known


async def test_a_topic_that_left_the_resource_is_remembered_and_goes_with_the_application(
    operator: Operator,
) -> None:
    await operator(deletionPolicy="Delete")
    document = a_document(deletionPolicy="Delete")
    [raw, good] = document["spec"]["topics"]
    assert good["name"] == "good"
    without = [a_streamlet("ingress", MetricsIngress)]
    await operator(deletionPolicy="Delete", streamlets=without, topics=[{**raw, "consumers": ()}])
    assert topics(operator)["good"] == ("Removed", True)
    assert GOOD in operator.topics.there
    await operator.again()
    assert topics(operator)["good"] == ("Removed", True)
    operator.cluster.rolled_out()
    operator.cluster.known[NAME]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for _ in range(2):
        await operator.again()
    assert {name for _, name in operator.topics.there} == {"_cloudflow.schemas"}


async def test_a_topic_of_others_that_left_the_resource_is_forgotten(operator: Operator) -> None:
    operator.topics.there[GOOD] = 2
    await operator()
    without = [a_streamlet("ingress", MetricsIngress)]
    raw = a_document()["spec"]["topics"][0]
    await operator(streamlets=without, topics=[{**raw, "consumers": ()}])
    assert "good" not in topics(operator)


async def test_a_topic_that_comes_back_is_the_applications_own_again(operator: Operator) -> None:
    await operator()
    without = [a_streamlet("ingress", MetricsIngress)]
    raw = a_document()["spec"]["topics"][0]
    await operator(streamlets=without, topics=[{**raw, "consumers": ()}])
    await operator()
    assert topics(operator)["good"] == ("Ready", True)
