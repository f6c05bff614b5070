"""Which topics shall be there, and what is asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamlet_sdk.runtime.transport import TopicSpec
from support.applications import (
    DESCRIPTORS,
    MetricsIngress,
    Poll,
    a_streamlet,
    a_topic,
    class_name,
    desired_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflow_operator.desired.topics import DesiredTopic


def topics_of(**spec: Any) -> Mapping[str, DesiredTopic]:
    return {one.spec.name: one for one in desired_of(**spec).topics}


def test_a_topic_is_made_as_the_cluster_says_unless_it_says_itself() -> None:
    topics = [
        a_topic("raw", ("ingress.out",), ("validation.in",)),
        a_topic(
            "good",
            ("validation.out",),
            partitions=8,
            replicationFactor=1,
            config={"retention.ms": "1000"},
        ),
    ]
    made = topics_of(topics=topics)
    raw, good = made["plant.sensor-data.raw"], made["plant.sensor-data.good"]
    assert raw.spec == TopicSpec(name=raw.spec.name, partitions=3, replication_factor=2)
    assert (raw.asked_partitions, raw.asked_replication_factor) == (None, None)
    assert good.spec == TopicSpec(
        name=good.spec.name,
        partitions=8,
        replication_factor=1,
        config={"retention.ms": "1000"},
    )
    assert (good.asked_partitions, good.asked_replication_factor) == (8, 1)


def test_a_topic_of_somebody_else_is_not_managed() -> None:
    topics = [
        a_topic("raw", ("ingress.out",), ("validation.in",), managed=False, kafkaName="theirs"),
        a_topic("good", ("validation.out",)),
    ]
    assert not topics_of(topics=topics)["theirs"].is_managed


def test_dead_letters_have_a_topic_beside_their_inlet_unless_the_resource_lists_one() -> None:
    cluster = {"cluster": "east"}
    raw = a_topic("raw", ("ingress.out",), ("validation.in",), **cluster)
    good = a_topic("good", ("validation.out",))
    made = topics_of(topics=[raw, good])
    implicit = made["east.plant.sensor-data.validation-in-dead-letters"]
    assert (implicit.id, implicit.cluster) == ("validation-in-dead-letters", "east")
    lost = a_topic("lost", ("validation.in-dead-letters",))
    ids = [one.id for one in desired_of(topics=[raw, good, lost]).topics]
    assert ids == ["raw", "good", "lost", None, None]


def test_records_that_are_skipped_need_no_topic() -> None:
    overrides = [{"name": "validation", "delivery": [{"inlet": "in", "onExhausted": "skip"}]}]
    assert [one.id for one in desired_of(overrides=overrides).topics] == ["raw", "good", None]


def test_schemas_have_a_compacted_topic_on_every_cluster_that_nobody_deletes() -> None:
    topics = [
        a_topic("raw", ("ingress.out",), ("validation.in",)),
        a_topic("good", ("validation.out",), cluster="east"),
    ]
    shared = [one for one in desired_of(topics=topics).topics if one.is_shared]
    assert [(one.spec.name, one.cluster, one.spec.replication_factor) for one in shared] == [
        ("_cloudflow.schemas", "default", 2),
        ("_cloudflow.schemas", "east", None),
    ]
    assert all(one.spec.config == {"cleanup.policy": "compact"} for one in shared)
    assert not topics_of()["plant.sensor-data.raw"].is_shared


def test_positions_have_a_topic_where_a_source_has_one() -> None:
    poll = next(one for one in DESCRIPTORS if one["className"] == class_name(Poll))
    source = {"name": "poll", "every": "PT1M", "position": True}
    made = desired_of(
        streamlets=[a_streamlet("poll", Poll), a_streamlet("ingress", MetricsIngress)],
        topics=[a_topic("a", ("poll.out",), cluster="east"), a_topic("b", ("ingress.out",))],
        descriptors=[*DESCRIPTORS, {**poll, "sources": [source]}],
    ).topics
    assert [one.cluster for one in made if one.spec.name == "_cloudflow.positions"] == ["east"]
