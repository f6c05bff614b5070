"""How a blueprint is read: what is wrong with the writing alone, all of it at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamlet_sdk.blueprint.document import Blueprint, parse
from streamlet_sdk.blueprint.problems.documents import DuplicateKey, UnknownKey
from support.blueprints import a_document, found, problems_of


def read(document: object) -> Blueprint:
    blueprint = parse(document)
    assert blueprint.problems == ()
    return blueprint


def test_a_streamlet_is_a_class_or_a_section() -> None:
    streamlets = read(
        a_document(streamlets={"a": "m.A", "b": {"class": "m.B", "replicas": 2, "image": "i"}})
    ).streamlets
    assert streamlets["a"].class_name == "m.A"
    assert (streamlets["b"].class_name, streamlets["b"].replicas) == ("m.B", 2)
    assert streamlets["b"].image == "i"


def test_delivery_is_read_in_dashed_words_with_durations() -> None:
    policy = {"guarantee": "at-most-once", "on-exhausted": "stop", "retry": {"backoff": "2s"}}
    written = {"class": "m.A", "delivery": {"in": policy}}
    delivery = read(a_document(streamlets={"a": written})).streamlets["a"].delivery["in"]
    assert delivery.guarantee == "at-most-once"
    assert delivery.on_exhausted == "stop"
    assert delivery.retry.backoff == timedelta(seconds=2)


def test_a_bare_number_is_milliseconds_whether_text_or_number() -> None:
    for written in (250, "250"):
        policy = {"in": {"retry": {"backoff": written}}}
        streamlets = {"a": {"class": "m.A", "delivery": policy}}
        delivery = read(a_document(streamlets=streamlets)).streamlets["a"].delivery["in"]
        assert delivery.retry.backoff == timedelta(milliseconds=250)


@pytest.mark.parametrize(
    "kafka",
    [
        {"name": "plant", "retention.ms": 100, "cleanup.policy": ["compact", "delete"]},
        {"name": "plant", "retention": {"ms": 100}, "cleanup": {"policy": "compact,delete"}},
    ],
    ids=["flat as in YAML", "nested as in HOCON"],
)
def test_kafka_properties_are_the_same_flat_and_nested(kafka: dict[str, Any]) -> None:
    topic = read(a_document(topics={"t": {"topic": kafka, "managed": False}})).topics["t"]
    assert topic.settings.kafka_name == "plant"
    assert topic.settings.properties == {
        "retention.ms": "100",
        "cleanup.policy": "compact,delete",
    }
    assert topic.settings.managed is False


@pytest.mark.parametrize(
    "written", [{"bootstrap.servers": "k:9"}, {"bootstrap": {"servers": "k:9"}}]
)
def test_bootstrap_servers_are_connection_settings(written: dict[str, Any]) -> None:
    topic = read(a_document(topics={"t": written})).topics["t"]
    assert topic.settings.connection == {"bootstrap.servers": "k:9"}


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        (None, [("MissingSection", "blueprint")]),
        ({}, [("MissingSection", "blueprint")]),
        ({"blueprnt": {}}, [("MissingSection", "blueprint")]),
        ([1], [("WrongType", "blueprint")]),
        ({"blueprint": 3}, [("WrongType", "blueprint")]),
        ({"blueprint": {}}, [("MissingSection", "blueprint.streamlets")]),
        ({"blueprint": {"topics": {}}}, [("MissingSection", "blueprint.streamlets")]),
        ({"blueprint": {"streamlets": {}}}, [("EmptyStreamlets", "blueprint.streamlets")]),
        ({"blueprint": {"streamlets": None}}, [("EmptyStreamlets", "blueprint.streamlets")]),
        ({"blueprint": {"streamlets": []}}, [("WrongType", "blueprint.streamlets")]),
        (a_document(connections={}), [("ConnectionsSection", "blueprint.connections")]),
        (a_document(topcs={}), [("UnknownKey", "blueprint.topcs")]),
        (a_document(topics=3), [("WrongType", "blueprint.topics")]),
        (a_document(streamlets={"a": 3}), [("WrongType", "blueprint.streamlets.a")]),
        (a_document(streamlets={"a": {}}), [("MissingClass", "blueprint.streamlets.a")]),
        (
            a_document(streamlets={"a": {"class": 3}}),
            [("WrongType", "blueprint.streamlets.a.class")],
        ),
        (a_document(topics={1: {}}), [("KeyNotText", "blueprint.topics.1")]),
        (
            a_document(topics={"a.b": {"partitions": "many"}}),
            [("WrongType", 'blueprint.topics."a.b".partitions')],
        ),
        (a_document(topics={"t": None}), []),
        (
            a_document(topics={"t": {"partitions": True}}),
            [("WrongType", "blueprint.topics.t.partitions")],
        ),
        (
            a_document(topics={"t": {"topic": {"partitions": 3}}}),
            [("MisplacedTopicSetting", "blueprint.topics.t.topic.partitions")],
        ),
        (
            a_document(topics={"t": {"producers": "a.out"}}),
            [("WrongType", "blueprint.topics.t.producers")],
        ),
        (
            a_document(topics={"t": {"producers": [3]}}),
            [("WrongType", "blueprint.topics.t.producers.0")],
        ),
        (
            a_document(topics={"t": {"producer-config": {"a": None}}}),
            [("WrongType", "blueprint.topics.t.producer-config.a")],
        ),
        (
            a_document(streamlets={"a": {"class": "m.A", "parameters": {"p": [1]}}}),
            [("WrongType", "blueprint.streamlets.a.parameters.p")],
        ),
    ],
)
def test_a_slip_in_writing_is_a_problem_at_its_place(
    document: object, problems: list[tuple[str, str]]
) -> None:
    assert found(list(parse(document).problems)) == problems


def test_all_problems_of_a_section_are_reported_at_once() -> None:
    streamlet = {
        "class": "m.A",
        "replcas": 2,
        "replicas": -1,
        "delivery": {"in": {"guarantee": "often", "retry": {"attempts": 0, "times": 3}}},
    }
    blueprint = parse(a_document(streamlets={"a": streamlet}))
    assert found(list(blueprint.problems)) == [
        ("UnknownKey", "blueprint.streamlets.a.replcas"),
        ("OutOfRange", "blueprint.streamlets.a.replicas"),
        ("UnknownKey", "blueprint.streamlets.a.delivery.in.retry.times"),
        ("InvalidSetting", "blueprint.streamlets.a.delivery.in.guarantee"),
        ("InvalidSetting", "blueprint.streamlets.a.delivery.in.retry.attempts"),
    ]


def test_a_negative_duration_is_a_problem() -> None:
    retry = {"in": {"retry": {"backoff": "-5s"}}}
    streamlets = {"a": {"class": "turbines.Filter", "delivery": retry}}
    assert ("InvalidSetting", "blueprint.streamlets.a.delivery.in.retry.backoff") in found(
        problems_of(a_document(streamlets=streamlets))
    )


def test_an_unknown_key_suggests_the_one_that_was_meant() -> None:
    (problem,) = parse(a_document(topics={"t": {"partition": 3}})).problems
    assert isinstance(problem, UnknownKey)
    assert problem.suggestion == "partitions"


def test_a_problem_has_the_line_of_its_key_or_of_the_nearest_section_above() -> None:
    lines = {
        ("blueprint", "topics", "raw"): 7,
        ("blueprint", "topics", "raw", "partitions"): 9,
        ("blueprint", "streamlets", "filter"): 3,
    }
    document = a_document()
    document["blueprint"]["topics"]["raw"] |= {"partitions": 0, "producers": []}
    problems = problems_of(document, lines=lines)
    assert [(type(one).__name__, one.line) for one in problems] == [
        ("UnconnectedOutlet", None),
        ("OutOfRange", 9),
    ]


def test_what_the_reader_found_is_reported_with_the_rest_in_document_order() -> None:
    document = a_document()
    document["blueprint"]["topics"]["good"]["cluster"] = "UPPER"
    duplicate = DuplicateKey(path="blueprint.streamlets.filter.class", key="class", line=4)
    problems = problems_of(document, problems=[duplicate])
    assert found(problems) == [
        ("DuplicateKey", "blueprint.streamlets.filter.class"),
        ("InvalidClusterName", "blueprint.topics.good.cluster"),
    ]
