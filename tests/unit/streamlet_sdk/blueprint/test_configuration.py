"""What a deployment sets: precedence, checks, and what each process is told in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk import Parameter
from streamlet_sdk.blueprint.configuration import Configuration, configure
from streamlet_sdk.blueprint.explained import explained
from streamlet_sdk.blueprint.layers import COMMAND_LINE, Layer
from streamlet_sdk.blueprint.resolution import resolve
from streamlet_sdk.errors import ConfigurationError
from support.blueprints import (
    Filter,
    Ingress,
    Logger,
    a_document,
    an_application,
    descriptors,
    found,
)

if TYPE_CHECKING:
    from streamlet_sdk.contract import StreamletConfig
    from streamlet_sdk.problems import Problem


def layer(name: str = "local.yaml", **sections: Any) -> Layer:
    return Layer(name, {"cloudflow": sections})


def of_filter(name: str = "local.yaml", **settings: Any) -> Layer:
    return layer(name, streamlets={"filter": settings})


def told(configuration: Configuration, streamlet: str = "filter") -> StreamletConfig:
    return resolve(configuration, namespace="plant", application="turbines")[streamlet]


def faults(*layers: Layer, sandbox: bool = False) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        configure(an_application(), layers, sandbox=sandbox)
    return list(caught.value.problems)


def test_without_layers_the_blueprint_holds() -> None:
    config = told(configure(an_application()))
    assert config.class_name == "turbines:Filter"
    assert config.parameters == {}
    assert {port: one.kafka_name for port, one in config.ports.items()} == {
        "in": "plant.turbines.raw",
        "out": "plant.turbines.good",
        "in-dead-letters": "plant.turbines.filter-in-dead-letters",
    }


def test_words_win_over_the_last_file_over_earlier_ones_over_the_blueprint() -> None:
    document = a_document()
    streamlet = {"class": "turbines.Filter", "parameters": {"floor": 1, "label": "a", "token": "t"}}
    document["blueprint"]["streamlets"]["filter"] = streamlet | {"replicas": 1}
    layers = [
        of_filter("a.yaml", **{"config-parameters": {"floor": 2, "label": "b"}, "replicas": 2}),
        of_filter("b.yaml", **{"config-parameters": {"floor": 3}}),
        of_filter(COMMAND_LINE, replicas="4"),
    ]
    configuration = configure(an_application(document), layers)
    parameters = told(configuration).parameters
    assert {name: one.value for name, one in parameters.items()} == {
        "floor": "3",
        "label": "b",
        "token": "t",
    }
    assert configuration.application.streamlets["filter"].replicas == 4


def test_settings_of_a_streamlet_win_over_those_of_its_runtime() -> None:
    configuration = configure(
        an_application(),
        [
            layer(
                runtimes={"python": {"config": {"window-records": 5, "commit-interval": 250}}},
                streamlets={"filter": {"config": {"window-records": "7"}}},
            )
        ],
    )
    settings = told(configuration).settings
    assert (settings.window_records, settings.commit_interval) == (7, timedelta(milliseconds=250))
    assert told(configuration, "logger").settings.window_records == 5


def test_kubernetes_sections_are_carried_and_merged() -> None:
    runtime = {"pods": {"pod": {"labels": {"a": "1", "b": "1"}}}}
    streamlet = {"pods": {"pod": {"labels": {"b": "2"}}}}
    configuration = configure(
        an_application(),
        [
            layer(
                runtimes={"python": {"kubernetes": runtime}},
                streamlets={"filter": {"kubernetes": streamlet}},
            )
        ],
    )
    labels = configuration.pods["filter"].kubernetes["pods"]["pod"]["labels"]
    assert labels == {"a": "1", "b": "2"}
    assert configuration.pods["logger"].kubernetes == runtime


def test_topics_are_configured_and_reach_both_ends() -> None:
    settings = {
        "partitions": "6",
        "cluster": "east",
        "topic": {"name": "plant-raw", "retention": {"ms": 5}},
        "connection-config": {"client.id": "c"},
        "consumer-config": {"client.id": "mine", "fetch.min.bytes": 1},
    }
    configuration = configure(an_application(), [layer(topics={"raw": settings})])
    topic = configuration.application.topics["raw"]
    assert (topic.partitions, topic.config) == (6, {"retention.ms": "5"})
    read, written = told(configuration).ports["in"], told(configuration, "ingress").ports["out"]
    assert (read.kafka_name, read.cluster) == ("plant-raw", "east")
    assert read.properties == {"client.id": "mine", "fetch.min.bytes": "1"}
    assert written.properties == {"client.id": "c"}


def test_a_property_may_be_flat_in_one_layer_and_nested_in_another() -> None:
    layers = [
        layer("a.conf", topics={"raw": {"topic": {"retention": {"ms": 1}}}}),
        layer("b.yaml", topics={"raw": {"topic": {"retention.ms": 2}}}),
        layer("c.conf", topics={"raw": {"bootstrap": {"servers": "c:9"}}}),
    ]
    topic = configure(an_application(), layers).application.topics["raw"]
    assert topic.config == {"retention.ms": "2"}
    assert topic.connection == {"bootstrap.servers": "c:9"}


def test_dead_letter_topics_follow_the_configured_policies() -> None:
    layers = [
        layer(
            streamlets={
                "filter": {"delivery": {"in": {"on-exhausted": "skip"}}},
                "logger": {"delivery": {"in": {"on-exhausted": "dead-letter"}}},
            },
            topics={"logger-in-dead-letters": {"partitions": 2}},
        )
    ]
    configuration = configure(an_application(), layers)
    dead = [one for one in configuration.application.topics.values() if one.implicit]
    assert [(topic.id, topic.partitions) for topic in dead] == [("logger-in-dead-letters", 2)]
    assert "in-dead-letters" not in told(configuration).ports
    assert told(configuration).delivery["in"].on_exhausted == "skip"


def test_mounts_are_placed_in_the_sandbox_only() -> None:
    given = of_filter(**{"volume-mounts": {"models": "/tmp/models"}})
    configuration = configure(an_application(), [given], sandbox=True)
    assert told(configuration).volume_mounts == {"models": "/tmp/models"}
    problems = faults(given)
    assert found(problems) == [
        ("UnknownKey", "local.yaml: cloudflow.streamlets.filter.volume-mounts")
    ]
    (problem,) = faults(of_filter(**{"volume-mounts": {"model": "/x"}}), sandbox=True)
    assert problem.suggestion == "models"


C = "cloudflow.streamlets.filter"


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        (layer(streamlet={}), [("UnknownKey", "cloudflow.streamlet")]),
        (layer(streamlets=3), [("WrongType", "cloudflow.streamlets")]),
        (layer(streamlets={"filtr": {}}), [("UnknownStreamlet", "cloudflow.streamlets.filtr")]),
        (layer(streamlets={"filter": 3}), [("WrongType", C)]),
        (of_filter(replicas="many"), [("WrongType", f"{C}.replicas")]),
        (of_filter(config={"window": 1}), [("UnknownKey", f"{C}.config.window")]),
        (
            of_filter(config={"window-records": 0}),
            [("InvalidSetting", f"{C}.config.window-records")],
        ),
        (
            of_filter(**{"config-parameters": {"flo": 1}}),
            [("UnknownParameter", f"{C}.config-parameters.flo")],
        ),
        (
            of_filter(**{"config-parameters": {"floor": "low", "label": 5}}),
            [
                ("InvalidParameterValue", f"{C}.config-parameters.floor"),
                ("InvalidParameterValue", f"{C}.config-parameters.label"),
            ],
        ),
        (of_filter(delivery={"out": {}}), [("UnknownInlet", f"{C}.delivery.out")]),
        (
            of_filter(delivery={"out": {"guarantee": "at-most-once"}}),
            [("UnknownInlet", f"{C}.delivery.out")],
        ),
        (layer(runtimes={"spark": {}}), [("UnknownRuntime", "cloudflow.runtimes.spark")]),
        (
            layer(runtimes={"python": {"config": {"windw-records": 1}}}),
            [("UnknownKey", "cloudflow.runtimes.python.config.windw-records")],
        ),
        (layer(topics={"rwa": {}}), [("UnknownTopic", "cloudflow.topics.rwa")]),
        (
            layer(topics={"raw": {"producers": []}}),
            [("UnknownKey", "cloudflow.topics.raw.producers")],
        ),
        (
            layer(topics={"raw": {"topic": {"name": "no name"}}}),
            [("InvalidTopicName", "cloudflow.topics.raw.topic.name")],
        ),
        (
            layer(topics={"raw": {"topic": {"name": "x"}}, "good": {"topic": {"name": "x"}}}),
            [("SharedKafkaName", "cloudflow.topics.good.topic.name")],
        ),
        (Layer("local.yaml", [1]), [("WrongType", "cloudflow")]),
        (Layer("local.yaml", {"clouflow": {}}), [("UnknownKey", "clouflow")]),
        (Layer("local.yaml", {"other": {}}), [("UnknownKey", "other")]),
    ],
)
def test_what_cannot_be_is_a_problem_with_its_layer(
    given: Layer, problems: list[tuple[str, str]]
) -> None:
    assert found(faults(given)) == [(kind, f"local.yaml: {path}") for kind, path in problems]


def test_sections_beside_cloudflow_serve_substitutions() -> None:
    values = {"shared": {"floor": 3}, "cloudflow": {}}
    configure(an_application(), [Layer("local.conf", values), Layer("empty.yaml", None)])


def test_a_problem_has_the_line_in_the_file_that_won() -> None:
    keys = ("cloudflow", "streamlets", "filter", "replicas")
    first = Layer("a.yaml", of_filter(replicas="x").values, {keys: 3})
    second = Layer("b.yaml", of_filter(replicas="y").values, {keys: 8})
    (problem,) = faults(first, second)
    assert (problem.line, problem.path) == (8, "b.yaml: cloudflow.streamlets.filter.replicas")


def test_a_required_parameter_without_value_is_missing() -> None:
    class Strict(Filter):
        limit = Parameter(int)

    known = descriptors(Strict, Ingress, Logger)
    document = a_document()
    document["blueprint"]["streamlets"]["filter"] = "turbines.Strict"
    application = an_application(document, known)
    with pytest.raises(ConfigurationError) as caught:
        configure(application)
    path = "cloudflow.streamlets.filter.config-parameters.limit"
    assert found(list(caught.value.problems)) == [("MissingParameter", path)]
    given = of_filter(COMMAND_LINE, **{"config-parameters": {"limit": "3"}})
    assert told(configure(application, [given])).parameters["limit"].value == "3"


def test_a_secret_may_come_from_a_configuration_without_warning() -> None:
    given = of_filter(**{"config-parameters": {"token": "t"}})
    assert configure(an_application(), [given]).application.warnings == ()


def test_a_document_is_left_as_it_was() -> None:
    values = {"cloudflow": {"topics": {"raw": {"topic": {"retention": {"ms": 1}}}}}}
    configure(an_application(), [Layer("a.yaml", values), of_filter(replicas=2)])
    assert values == {"cloudflow": {"topics": {"raw": {"topic": {"retention": {"ms": 1}}}}}}


def test_every_value_is_explained_by_its_layer_and_secrets_stay_hidden() -> None:
    document = a_document()
    streamlet = {"class": "turbines.Filter", "parameters": {"floor": 1, "label": "a"}}
    document["blueprint"]["streamlets"]["filter"] = streamlet
    given = of_filter("a.yaml", **{"config-parameters": {"label": "b", "token": "hunter2"}})
    rows = {
        one.path: (one.value, one.layer) for one in explained(an_application(document), [given])
    }
    below = "cloudflow.streamlets.filter.config-parameters"
    assert rows[f"{below}.floor"] == ("1", "blueprint")
    assert rows[f"{below}.label"] == ("b", "a.yaml")
    assert rows[f"{below}.token"] == ("***", "a.yaml")
    policy = "cloudflow.streamlets.filter.delivery.in.on-exhausted"
    assert rows[policy] == ("dead-letter", "default in code")
