"""What would change, and why pods restart: as the operator's hash says, in words."""

from __future__ import annotations

from typing import Any

import pytest

from cloudflow_cli.deploying.changes import changes
from cloudflow_cli.deploying.report import changes_text
from cloudflow_operator.names import service_account
from support.applications import CLUSTERS, NAME, MetricsIngress, Poll, a_store, a_streamlet, a_topic
from support.deploying import application

USUAL = [a_streamlet("ingress", MetricsIngress), a_streamlet("validation")]


def validation(**fields: Any) -> dict[str, Any]:
    return {"streamlets": [USUAL[0], a_streamlet("validation", **fields)]}


def why(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    found = changes(application(**before), application(**after), CLUSTERS)
    (change,) = [one for one in found.streamlets if one.name == "validation"]
    return [*change.why]


def test_the_same_application_changes_nothing() -> None:
    found = changes(application(), application(), CLUSTERS)
    assert found.is_nothing
    assert changes_text(found) == "sensor-data in namespace plant: nothing changes.\n"


def test_another_version_with_the_same_image_restarts_nothing() -> None:
    found = changes(application(), application(version="1.5.0"), CLUSTERS)
    assert {one.fate for one in found.streamlets} == {"unchanged"}
    assert found.rest == ("version 1.4.0 → 1.5.0",)


def test_other_counts_restart_nothing() -> None:
    found = changes(application(), application(**validation(replicas=3)), CLUSTERS)
    assert [(one.fate, one.before, one.after) for one in found.streamlets] == [
        ("unchanged", None, None),
        ("scaled", None, 3),
    ]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"image": "b"}, "image registry.example/sensor-data@sha256:1111 → b"),
        (validation(image="b"), "image registry.example/sensor-data@sha256:1111 → b"),
        ({"imagePullSecrets": [{"name": "a"}]}, "image pull secrets"),
        ({"serviceAccountName": "own"}, f"service account {service_account(NAME)} → own"),
        (
            validation(parameters=[{"name": "floor", "value": "1.5"}]),
            "parameter floor unset → 1.5",
        ),
        (
            validation(
                parameters=[
                    {"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
                ]
            ),
            "secret parameter token",
        ),
        (validation(settings={"window-records": "5"}), "setting window-records"),
        (validation(delivery=[{"inlet": "in", "guarantee": "at-most-once"}]), "delivery of in"),
        (validation(podTemplate={"spec": {"priorityClassName": "a"}}), "pod template"),
    ],
)
def test_a_restart_is_explained(after: dict[str, Any], reason: str) -> None:
    assert why({}, after) == [reason]


def test_a_value_of_a_secret_that_stands_in_the_resource_is_not_told() -> None:
    found = why({}, validation(parameters=[{"name": "token", "value": "hush"}]))
    assert found == ["secret parameter token"]


def test_another_name_of_a_topic_restarts_those_that_use_it() -> None:
    named = [
        a_topic("raw", ("ingress.out",), ("validation.in",), kafkaName="raw.v2"),
        a_topic("good", ("validation.out",)),
    ]
    found = changes(application(), application(topics=named), CLUSTERS)
    assert [one.why for one in found.streamlets] == [
        ("topic of out plant.sensor-data.raw → raw.v2",),
        ("topic of in plant.sensor-data.raw → raw.v2",),
    ]
    (topic,) = [one for one in found.topics if one.fate != "unchanged"]
    assert "whose records stay there" in topic.what[0]


def test_a_restart_that_somebody_asked_for_is_told() -> None:
    before = application()
    annotations = {"cloudflow.dev/restarted-at": "2026-01-01T00:00:00Z"}
    metadata = before.metadata.model_copy(update={"annotations": annotations})
    found = changes(before, before.model_copy(update={"metadata": metadata}), CLUSTERS)
    assert {one.why for one in found.streamlets} == {("a restart was asked for",)}


def test_streamlets_and_topics_come_and_go() -> None:
    after = application(
        streamlets=[USUAL[0], a_streamlet("poll", Poll, replicas=1)],
        topics=[a_topic("raw", ("ingress.out",)), a_topic("polled", ("poll.out",))],
    )
    found = changes(application(), after, CLUSTERS)
    assert {one.name: one.fate for one in found.streamlets} == {
        "ingress": "unchanged",
        "poll": "added",
        "validation": "removed",
    }
    assert {one.name: one.fate for one in found.topics} == {
        "raw": "unchanged",
        "polled": "added",
        "good": "dropped",
        "validation-in-dead-letters": "dropped",
    }


def test_settings_of_topics_are_told_one_by_one() -> None:
    def topics(**fields: Any) -> dict[str, Any]:
        raw = a_topic("raw", ("ingress.out",), ("validation.in",), **fields)
        return {"topics": [raw, a_topic("good", ("validation.out",))]}

    before = application(**topics(partitions=2, config={"retention.ms": "1", "a": "b"}))
    after = application(**topics(partitions=4, config={"retention.ms": "2"}))
    (raw, *_) = changes(before, after, CLUSTERS).topics
    assert raw.what == ("partitions 2 → 4", "a b → unset", "retention.ms 1 → 2")


def test_a_claim_that_another_takes_the_place_of_is_a_reason() -> None:
    def store(claim: str) -> dict[str, Any]:
        claims = [
            {"mount": "models", "claimName": claim},
            {"mount": "state", "claimName": "state"},
        ]
        return {
            "streamlets": [*USUAL, a_store(volumeClaims=claims)],
            "topics": [
                a_topic("raw", ("ingress.out",), ("validation.in", "store.in")),
                a_topic("good", ("validation.out",)),
            ],
        }

    found = changes(application(**store("a")), application(**store("b")), CLUSTERS)
    assert [one.why for one in found.streamlets] == [(), (), ("volume claim of models",)]
