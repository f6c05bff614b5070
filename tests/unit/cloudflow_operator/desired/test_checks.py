"""Everything that the operator refuses, each with its place; several are told at once."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from cloudflow_operator import names
from cloudflow_operator.desired import problems as problem_types
from cloudflow_operator.desired.clusters import KafkaCluster
from cloudflow_operator.kafka_secrets import UnusableEntry
from streamlet_sdk.blueprint.problems.stated import Stated
from support.applications import (
    CLUSTERS,
    DESCRIPTORS,
    MetricsIngress,
    Poll,
    Store,
    Validation,
    a_store,
    a_streamlet,
    a_topic,
    class_name,
    problems_of,
)
from support.blueprints import found

RAW = a_topic("raw", ("ingress.out",), ("validation.in",))
GOOD = a_topic("good", ("validation.out",))
INGRESS = a_streamlet("ingress", MetricsIngress)
UNUSABLE = UnusableEntry(
    path="Secret cloudflow/west: bootstrap.servers", reason="it is missing", advice="Give it."
)


def validation(**fields: Any) -> list[dict[str, Any]]:
    return [INGRESS, a_streamlet("validation", **fields)]


def override(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "validation", **fields}]


def with_descriptor(cls: type, **fields: Any) -> list[dict[str, Any]]:
    return [
        {**one, **fields} if one["className"] == class_name(cls) else one for one in DESCRIPTORS
    ]


def of_store(**fields: Any) -> dict[str, Any]:
    return {"streamlets": [a_store(**fields)], "topics": [a_topic("raw", (), ("store.in",))]}


def of_poll(**fields: Any) -> dict[str, Any]:
    return {
        "streamlets": [a_streamlet("poll", Poll, **fields)],
        "topics": [a_topic("raw", ("poll.out",))],
    }


def test_the_example_itself_has_no_problems() -> None:
    assert problems_of() == []
    assert problems_of(**of_store()) == []


CASES: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a contract that is too new": (
        {"sdk": {"version": "9.0", "contract": 9}},
        ("UnsupportedContract", "spec.sdk.contract"),
    ),
    "a class without descriptor": (
        {"streamlets": [INGRESS, {"name": "validation", "class": "plant:Validatio"}]},
        ("UnknownClass", "spec.streamlets.validation"),
    ),
    "a descriptor that is none": (
        {"descriptors": with_descriptor(Validation, parameters=[{"name": "floor"}])},
        ("UnreadableDescriptor", "spec.descriptors.plant:Validation"),
    ),
    "a runtime that is none": (
        {"streamlets": validation(runtime="akka")},
        ("UnknownRuntime", "spec.streamlets.validation.runtime"),
    ),
    "settings of a runtime that is none": (
        {"runtimes": [{"name": "akka"}]},
        ("UnknownRuntime", "spec.runtimes.akka"),
    ),
    "a topic of a streamlet that is none": (
        {"topics": [RAW, GOOD, a_topic("x", (), ("gone.in",))]},
        ("UnknownStreamlet", "spec.topics.x.consumers.0"),
    ),
    "a topic of a port that is none": (
        {"topics": [RAW, GOOD, a_topic("x", ("validation.valid",))]},
        ("UnknownPort", "spec.topics.x.producers.0"),
    ),
    "a port that is not written as one": (
        {"topics": [RAW, GOOD, a_topic("x", (), ("validation",))]},
        ("InvalidPortPath", "spec.topics.x.consumers.0"),
    ),
    "an inlet that produces": (
        {"topics": [RAW, GOOD, a_topic("x", ("validation.in",))]},
        ("InletAsProducer", "spec.topics.x.producers.0"),
    ),
    "an outlet in two topics": (
        {"topics": [RAW, GOOD, a_topic("x", ("validation.out",))]},
        ("PortInManyTopics", "spec.topics.x.producers.0"),
    ),
    "an inlet that nothing feeds": (
        {"topics": [GOOD, a_topic("raw", ("ingress.out",))]},
        ("UnconnectedInlet", "spec.streamlets.validation"),
    ),
    "an outlet without a topic": (
        {"topics": [RAW]},
        ("UnconnectedOutlet", "spec.streamlets.validation"),
    ),
    "a parameter that is none": (
        {"streamlets": validation(parameters=[{"name": "flor", "value": "1"}])},
        ("UnknownParameter", "spec.streamlets.validation.parameters.flor"),
    ),
    "a wrong value": (
        {"streamlets": validation(parameters=[{"name": "floor", "value": "low"}])},
        ("InvalidParameterValue", "spec.streamlets.validation.parameters.floor"),
    ),
    "a value against its pattern": (
        {"streamlets": validation(parameters=[{"name": "label", "value": "GOOD"}])},
        ("InvalidParameterValue", "spec.streamlets.validation.parameters.label"),
    ),
    "a parameter without a value": (
        {"streamlets": validation(parameters=[{"name": "label"}])},
        ("InvalidParameterValue", "spec.streamlets.validation.parameters.label"),
    ),
    "a wrong value in an override": (
        {"overrides": override(parameters=[{"name": "floor", "value": "low"}])},
        ("InvalidParameterValue", "spec.overrides.validation.parameters.floor"),
    ),
    "a required parameter that nobody sets": (
        of_store(parameters=[]),
        ("MissingParameter", "spec.streamlets.store.parameters.url"),
    ),
    "a setting that is none": (
        {"streamlets": validation(settings={"window": "3"})},
        ("UnknownKey", "spec.streamlets.validation.settings.window"),
    ),
    "a wrong setting": (
        {"streamlets": validation(settings={"window-records": "many"})},
        ("InvalidSetting", "spec.streamlets.validation.settings.window-records"),
    ),
    "a drain without end": (
        {"overrides": override(settings={"drain-timeout": "-1s"})},
        ("InvalidSetting", "spec.overrides.validation.settings.drain-timeout"),
    ),
    "a wrong setting of a runtime": (
        {"runtimes": [{"name": "python", "settings": {"window-bytes": "x"}}], **of_poll()},
        ("InvalidSetting", "spec.runtimes.python.settings.window-bytes"),
    ),
    "a wrong delay": (
        {"streamlets": validation(delivery=[{"inlet": "in", "retry": {"backoff": "soon"}}])},
        ("InvalidSetting", "spec.streamlets.validation.delivery.in.retry.backoff"),
    ),
    "a policy of an inlet that is none": (
        {"overrides": override(delivery=[{"inlet": "inn", "onExhausted": "skip"}])},
        ("UnknownInlet", "spec.overrides.validation.delivery.inn"),
    ),
    "exactly once over two clusters": (
        {
            "overrides": override(delivery=[{"inlet": "in", "guarantee": "exactly-once"}]),
            "topics": [RAW, {**GOOD, "cluster": "east"}],
        },
        ("ExactlyOnceImpossible", "spec.overrides.validation.delivery.in"),
    ),
    "replicas of a source": (
        {**of_poll(), "overrides": [{"name": "poll", "replicas": 2}]},
        ("SourceNotReplicated", "spec.overrides.poll.replicas"),
    ),
    "a claim for a mount that is none": (
        {"streamlets": validation(volumeClaims=[{"mount": "models", "claimName": "c"}])},
        ("UnknownMount", "spec.streamlets.validation.volumeClaims.models"),
    ),
    "a mount without claim": (
        of_store(volumeClaims=[{"mount": "models", "claimName": "c"}]),
        ("MountWithoutClaim", "spec.streamlets.store.volumeClaims.state"),
    ),
    "a Kafka cluster whose Secret cannot be used": (
        {
            "topics": [{**RAW, "cluster": "west"}, {**GOOD, "cluster": "default"}],
            "clusters": {
                "default": CLUSTERS["default"],
                "west": KafkaCluster(problems=(UNUSABLE,)),
            },
        },
        ("UnusableEntry", "Secret cloudflow/west: bootstrap.servers"),
    ),
    "a topic that takes the dead letters' id": (
        {"topics": [RAW, GOOD, a_topic("validation-in-dead-letters")]},
        ("DeadLetterTopicTaken", "spec.topics.validation-in-dead-letters"),
    ),
    "a topic that Kafka refuses": (
        {"topics": [RAW, {**GOOD, "kafkaName": "no spaces"}]},
        ("InvalidTopicName", "spec.topics.good.kafkaName"),
    ),
    "a topic whose generated name is too long": (
        {"topics": [RAW, {**GOOD, "name": "g" * 240}]},
        ("InvalidTopicName", f"spec.topics.{'g' * 240}.kafkaName"),
    ),
    "two topics that are one in Kafka": (
        {"topics": [RAW, {**GOOD, "kafkaName": "plant.sensor-data.raw"}]},
        ("KafkaNameTaken", "spec.topics.good.kafkaName"),
    ),
    "two topics that Kafka's metrics would mix": (
        {"topics": [RAW, {**GOOD, "kafkaName": "plant_sensor-data_raw"}]},
        ("KafkaNameTaken", "spec.topics.good.kafkaName"),
    ),
    "a topic of the platform": (
        {"topics": [RAW, {**GOOD, "kafkaName": "_cloudflow.schemas"}]},
        ("KafkaNameTaken", "spec.topics.good.kafkaName"),
    ),
    "two streamlets of one name": (
        {"streamlets": [*validation(), a_streamlet("validation")]},
        ("NameTaken", "spec.streamlets.validation"),
    ),
    "a template that is no pod template": (
        {"overrides": override(podTemplate={"containers": []})},
        ("UnknownKey", "spec.overrides.validation.podTemplate.containers"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(case: str) -> None:
    spec, problem = CASES[case]
    assert problem in found(problems_of(**spec))


@pytest.mark.parametrize("case", CASES)
def test_one_mistake_is_told_once(case: str) -> None:
    spec, problem = CASES[case]
    assert found(problems_of(**spec)).count(problem) == 1


def test_a_cluster_that_nobody_knows_is_refused_with_those_that_exist() -> None:
    problems = problems_of(topics=[{**RAW, "cluster": "eest"}, GOOD])
    (of_raw,) = [one for one in problems if one.path == "spec.topics.raw.cluster"]
    assert of_raw.suggestion == "east"


def test_the_same_name_on_two_clusters_is_two_topics() -> None:
    topics = [{**RAW, "kafkaName": "same"}, {**GOOD, "kafkaName": "same", "cluster": "east"}]
    assert problems_of(topics=topics) == []


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/etc/cloudflow", "/etc/cloudflow/kafka", "/tmp", "/tmp/"]
)
def test_a_mount_that_hides_the_platforms_files_is_refused(path: str) -> None:
    mounts = [{"name": "models", "attribute": "models", "path": path, "access": "ReadOnlyMany"}]
    spec = of_store(volumeClaims=[{"mount": "models", "claimName": "c"}])
    problems = problems_of(**spec, descriptors=with_descriptor(Store, volumeMounts=mounts))
    assert found(problems) == [("MountPathTaken", "spec.streamlets.store.volumeClaims.models")]


def test_an_override_for_a_streamlet_that_is_gone_is_no_problem() -> None:
    gone = {"name": "gone", "settings": {"x": "y"}, "podTemplate": {"containers": 1}}
    assert problems_of(overrides=[gone]) == []


def test_a_later_descriptor_may_say_more() -> None:
    parameters = [
        {"name": "floor", "attribute": "floor", "kind": "float", "unit": "m/s"},
    ]
    assert problems_of(descriptors=with_descriptor(Validation, parameters=parameters)) == []


def test_an_override_can_cure_what_the_streamlet_has_wrong() -> None:
    wrong, right = ({"name": "floor", "value": value} for value in ("low", "1"))
    streamlets = validation(parameters=[wrong])
    assert problems_of(streamlets=streamlets, overrides=override(parameters=[right])) == []


def test_a_secret_value_is_not_repeated() -> None:
    parameters = [{"name": "token", "attribute": "token", "kind": "string", "secret": True}]
    parameters[0]["pattern"] = "[a-z]+"
    (problem,) = problems_of(
        descriptors=with_descriptor(Validation, parameters=parameters),
        streamlets=validation(parameters=[{"name": "token", "value": "HUNTER2"}]),
    )
    assert "HUNTER2" not in str(problem)


def test_everything_is_told_at_once() -> None:
    problems = problems_of(
        sdk={"version": "9", "contract": 9},
        streamlets=validation(
            parameters=[{"name": "floor", "value": "low"}],
            settings={"window": "1"},
            podTemplate={"spec": {"containers": [{"image": "x"}]}},
        ),
        topics=[RAW],
    )
    assert found(problems) == [
        ("UnsupportedContract", "spec.sdk.contract"),
        ("UnconnectedOutlet", "spec.streamlets.validation"),
        ("UnknownKey", "spec.streamlets.validation.settings.window"),
        ("InvalidParameterValue", "spec.streamlets.validation.parameters.floor"),
        ("UnusablePatch", "spec.streamlets.validation.podTemplate"),
    ]


OWN = [
    one
    for one in vars(problem_types).values()
    if isinstance(one, type) and issubclass(one, Stated) and "says" in vars(one)
]


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_a_problem_is_two_sentences_of_its_own_fields(kind: type[Stated]) -> None:
    make: Any = kind
    names_of_fields = {one.name for one in fields(kind)} - {"line"}
    problem = make(**{name: ("x",) if name == "known" else "x" for name in names_of_fields})
    for text in (problem.sentence, problem.remedy):
        assert text.endswith(".")
        assert "{" not in text


def test_workloads_of_lookalike_pairs_differ() -> None:
    assert names.workload("a", "b-c") != names.workload("a-b", "c")
