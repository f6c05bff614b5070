"""Consumer groups of streamlets that are no more: what is told of them, and when Kafka is asked."""

from __future__ import annotations

import pytest

from cloudflow_operator.api.v1alpha1 import Status
from cloudflow_operator.left_groups import SHOWN
from cloudflow_operator.reconcile import GROUPS
from support.applications import NAME, a_document, a_streamlet, a_topic
from support.cluster import Crash
from support.reconciling import Operator

OLD = ("default", "plant.sensor-data.old.in")
USED = ("default", "plant.sensor-data.validation.in")


@pytest.fixture
def operator() -> Operator:
    """One whose application has the name, and the topics, of an earlier one."""
    made = Operator()
    made.topics.consumers = {USED}
    made.topics.there = {
        ("default", "plant.sensor-data.raw"): 3,
        ("default", "plant.sensor-data.good"): 3,
    }
    return made


def left(operator: Operator) -> list[tuple[str, str]]:
    """Cluster and name of the groups that the status names."""
    found = operator.cluster.statuses[NAME]["leftGroups"]
    assert found["count"] == len(found["groups"])
    return [(one["cluster"], one["name"]) for one in found["groups"]]


async def test_groups_of_removed_streamlets_and_inlets_are_listed_and_no_others(
    operator: Operator,
) -> None:
    gone = ("default", "plant.sensor-data.validation.gone")
    operator.topics.consumers |= {
        OLD,
        gone,
        ("default", "plant.sensor-data-2.old.in"),
        ("default", "plant-2.sensor-data.old.in"),
        ("default", "theirs"),
    }
    await operator()
    assert left(operator) == [OLD, gone]


async def test_a_removed_streamlet_leaves_its_group_until_it_is_back(operator: Operator) -> None:
    await operator()
    assert left(operator) == []
    document = a_document()
    others = [one for one in document["spec"]["streamlets"] if one["name"] != "validation"]
    topics = [{**one, "consumers": []} for one in document["spec"]["topics"]]
    topics = [one for one in topics if one["name"] == "raw"]
    await operator(streamlets=others, topics=topics)
    assert left(operator) == [USED]
    await operator()
    assert left(operator) == []


async def test_nobody_is_asked_again_while_nothing_changes_and_nothing_is_left(
    operator: Operator,
) -> None:
    await operator()
    await operator.again()
    assert operator.topics.asked == 1
    assert operator.cluster.writes == []


async def test_of_a_new_application_with_new_topics_nobody_is_asked_until_it_changes() -> None:
    operator = Operator()
    operator.topics.consumers = {OLD}
    await operator()
    await operator.again()
    assert operator.topics.asked == 0
    assert "leftGroups" not in operator.cluster.statuses[NAME]
    await operator()
    await operator.again()
    assert left(operator) == [OLD]


async def test_what_was_changed_before_its_first_status_could_be_written_is_asked_for() -> None:
    operator = Operator()
    operator.topics.consumers = {OLD}
    operator.generation = 1
    await operator()
    assert left(operator) == [OLD]


async def test_the_platforms_own_topics_are_no_sign_of_an_earlier_application() -> None:
    operator = Operator()
    operator.topics.there["default", "_cloudflow.schemas"] = 1
    await operator()
    assert operator.topics.asked == 0


async def test_a_group_that_somebody_deleted_is_told_no_longer(operator: Operator) -> None:
    operator.topics.consumers |= {OLD}
    await operator()
    operator.topics.consumers.remove(OLD)
    await operator.again()
    assert left(operator) == []


async def test_very_many_groups_are_counted_and_some_are_named(operator: Operator) -> None:
    names = [f"plant.sensor-data.old-{number:03}.in" for number in range(3 * SHOWN)]
    operator.topics.consumers |= {("default", name) for name in names}
    await operator()
    found = operator.cluster.statuses[NAME]["leftGroups"]
    assert found["count"] == len(names)
    assert [one["name"] for one in found["groups"]] == names[:SHOWN]


async def test_what_is_left_stays_known_while_kafka_is_away(operator: Operator) -> None:
    operator.topics.consumers |= {OLD}
    await operator()
    operator.topics.away = True
    await operator()
    assert left(operator) == [OLD]
    operator.topics.away = False
    operator.topics.consumers.add(("default", "plant.sensor-data.older.in"))
    await operator.again()
    assert len(left(operator)) == 2


async def test_a_cluster_that_does_not_tell_of_groups_is_asked_again_soon(
    operator: Operator,
) -> None:
    operator.topics.mute = True
    outcome = await operator()
    assert outcome.requeue_after == GROUPS
    assert "observedGeneration" not in operator.cluster.statuses[NAME]["leftGroups"]
    operator.topics.mute = False
    operator.topics.consumers |= {OLD}
    outcome = await operator.again()
    assert outcome.requeue_after is None
    assert left(operator) == [OLD]


async def test_a_crash_before_they_are_written_down_is_made_up_for(operator: Operator) -> None:
    await operator()
    operator.topics.consumers |= {OLD}
    operator.cluster.crash_after = 0
    with pytest.raises(Crash):
        await operator()
    operator.cluster.crash_after = None
    await operator.again()
    assert left(operator) == [OLD]


async def test_a_resource_with_problems_leaves_what_was_known(operator: Operator) -> None:
    operator.topics.consumers |= {OLD}
    await operator()
    asked = operator.topics.asked
    await operator(streamlets=[a_streamlet("validation", runtime="cobol")])
    assert left(operator) == [OLD]
    assert operator.topics.asked == asked


async def test_the_cluster_that_an_application_was_on_is_asked_too(operator: Operator) -> None:
    document = a_document()
    streamlets = [*document["spec"]["streamlets"], a_streamlet("old")]
    far = a_topic("far", ("old.out",), cluster="east")
    raw, good = document["spec"]["topics"]
    raw["consumers"] = ("validation.in", "old.in")
    await operator(streamlets=streamlets, topics=[raw, good, far])
    mine, of_another_platform = ("east", f"east.{OLD[1]}"), ("east", OLD[1])
    operator.topics.consumers |= {mine, of_another_platform}
    for _ in range(2):
        await operator()
        assert left(operator) == [mine]


def test_a_status_of_an_operator_that_knew_no_groups_can_be_read() -> None:
    assert Status.model_validate({"phase": "Running"}).left_groups is None
