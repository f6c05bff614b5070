"""Every shape of a streamlet as YAML, and what the shapes have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cloudflow_operator import names
from cloudflow_operator.desired.application import desired
from cloudflow_operator.desired.clusters import KafkaCluster
from cloudflow_operator.desired.pods import ADMIN_PORT
from streamlet_sdk.contract import StreamletConfig, from_json
from streamlet_sdk.runtime.pod.probes import PORT
from streamlet_sdk.runtime.pod.process import REPLICA
from support.applications import (
    CLUSTERS,
    PLAIN,
    MetricsIngress,
    Poll,
    a_store,
    a_streamlet,
    a_topic,
    an_application,
    desired_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudflow_operator.interfaces import Manifest
    from support.golden import Golden


class _Yaml(yaml.SafeDumper):
    """Multi-line texts as blocks, so that they can be read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Yaml, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Yaml.add_representer(str, _text)


def as_yaml(manifests: Iterable[Manifest]) -> str:
    return yaml.dump_all(manifests, Dumper=_Yaml, sort_keys=False, width=100)


def of_poll(**fields: Any) -> dict[str, Any]:
    return {
        "streamlets": [a_streamlet("poll", Poll, **fields)],
        "topics": [a_topic("raw", ("poll.out",))],
    }


def of_store(**fields: Any) -> dict[str, Any]:
    return {
        "streamlets": [a_store(**fields)],
        "topics": [
            a_topic("raw", (), ("store.in",), managed=False, kafkaName="raw", cluster="east"),
        ],
    }


SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "consumer": ("validation", {}),
    "server": ("ingress", {}),
    "source": ("poll", of_poll(replicas=1)),
    "secrets-and-volumes": ("store", {**of_store(), "imagePullSecrets": [{"name": "registry"}]}),
    "overrides": (
        "validation",
        {
            "runtimes": [
                {
                    "name": "python",
                    "settings": {"drain-timeout": "45s", "max-emissions": "10"},
                    "podTemplate": {"metadata": {"labels": {"team": "wind"}}},
                }
            ],
            "streamlets": [
                a_streamlet("ingress", MetricsIngress),
                a_streamlet(
                    "validation",
                    replicas=2,
                    settings={"max-emissions": "20"},
                    parameters=[{"name": "floor", "value": "1.5"}],
                    delivery=[{"inlet": "in", "retry": {"attempts": 3, "backoff": "1s"}}],
                ),
            ],
            "overrides": [
                {
                    "name": "validation",
                    "replicas": 5,
                    "parameters": [{"name": "floor", "value": "2.5"}],
                    "delivery": [{"inlet": "in", "retry": {"attempts": 7}, "onExhausted": "skip"}],
                    "podTemplate": {
                        "spec": {
                            "containers": [
                                {
                                    "name": "streamlet",
                                    "resources": {"requests": {"cpu": "2"}},
                                    "env": [{"name": "LEVEL", "value": "9"}],
                                }
                            ]
                        }
                    },
                }
            ],
        },
    ),
    "paused": (
        "validation",
        {
            "state": "Paused",
            "streamlets": [
                a_streamlet("ingress", MetricsIngress),
                a_streamlet("validation", replicas=3),
            ],
        },
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_rendered_as_it_was_read_in_review(shape: str, golden: Golden) -> None:
    name, spec = SHAPES[shape]
    streamlet = desired_of(**spec).streamlets[name]
    golden.check(f"{shape}.yaml", as_yaml(streamlet.manifests()))


def test_the_account_is_rendered_as_it_was_read_in_review(golden: Golden) -> None:
    account = desired_of().service_account
    assert account is not None
    golden.check("account.yaml", as_yaml([account]))


def config_of(name: str, **spec: Any) -> StreamletConfig:
    return from_json(desired_of(**spec).streamlets[name].configuration["data"]["streamlet.json"])


def pod_of(name: str, **spec: Any) -> Manifest:
    pod: Manifest = desired_of(**spec).streamlets[name].deployment["spec"]["template"]["spec"]
    return pod


def strategy_of(name: str, **spec: Any) -> Manifest:
    strategy: Manifest = desired_of(**spec).streamlets[name].deployment["spec"]["strategy"]
    return strategy


def test_operator_and_pod_use_one_variable_and_one_port() -> None:
    assert (names.REPLICA_VARIABLE, ADMIN_PORT) == (REPLICA, PORT)


def test_a_count_that_nobody_sets_is_left_out() -> None:
    assert "replicas" not in desired_of().streamlets["validation"].deployment["spec"]


def test_replicas_change_neither_the_hash_nor_the_pods() -> None:
    one, two = (
        desired_of(**of_poll_replicated(count)).streamlets["validation"] for count in (1, 2)
    )
    assert one.inputs == two.inputs
    assert one.deployment["spec"]["template"] == two.deployment["spec"]["template"]
    assert (one.budget is None, two.budget is None) == (True, False)


def of_poll_replicated(count: int) -> dict[str, Any]:
    return {
        "streamlets": [
            a_streamlet("ingress", MetricsIngress),
            a_streamlet("validation", replicas=count),
        ]
    }


@pytest.mark.parametrize(
    "spec",
    [
        {"image": "registry.example/other@sha256:2222"},
        {"imagePullSecrets": [{"name": "registry"}]},
        {"serviceAccountName": "mine"},
        {"overrides": [{"name": "validation", "parameters": [{"name": "floor", "value": "3"}]}]},
        {"overrides": [{"name": "validation", "settings": {"commit-interval": "2s"}}]},
        {"overrides": [{"name": "validation", "podTemplate": {"spec": {"hostname": "x"}}}]},
        {"annotations": {"cloudflow.dev/restarted-at": "2026-03-01T10:00:00Z"}},
        {"clusters": {"default": KafkaCluster(properties={"bootstrap.servers": "b:1"})}},
        {"clusters": {"default": KafkaCluster(secret="kafka")}},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_what_pods_are_made_of_changes_hash_and_pods(spec: dict[str, Any]) -> None:
    before, after = desired_of(), desired_of(**spec)
    one, two = before.streamlets["validation"], after.streamlets["validation"]
    assert one.inputs != two.inputs
    assert one.deployment["spec"]["template"] != two.deployment["spec"]["template"]
    assert two.deployment["metadata"]["annotations"][names.INPUTS] == two.inputs


def test_defaults_for_topics_that_exist_restart_nothing() -> None:
    other = {"default": KafkaCluster(properties=PLAIN.properties, partitions=12)}
    assert [one.inputs for one in desired_of(other).streamlets.values()] == [
        one.inputs for one in desired_of().streamlets.values()
    ]


def test_a_restart_reaches_the_pods_as_an_annotation() -> None:
    made = desired_of(annotations={names.RESTARTED_AT: "now", "other": "x"})
    template = made.streamlets["validation"].deployment["spec"]["template"]
    assert template["metadata"]["annotations"] == {names.RESTARTED_AT: "now"}


def test_one_streamlet_is_restarted_alone() -> None:
    before, both = desired_of(), {names.RESTARTED_AT: "t1", names.restart_of("validation"): "t2"}
    alone = desired_of(annotations={names.restart_of("validation"): "t2"})
    template = desired_of(annotations=both).streamlets["validation"].deployment["spec"]["template"]
    assert alone.streamlets["validation"].inputs != before.streamlets["validation"].inputs
    assert alone.streamlets["ingress"].inputs == before.streamlets["ingress"].inputs
    assert template["metadata"]["annotations"] == {names.RESTARTED_AT: "t1, t2"}


def test_a_named_account_is_used_and_not_made() -> None:
    made = desired_of(serviceAccountName="mine")
    assert made.service_account is None
    assert pod_of("validation", serviceAccountName="mine")["serviceAccountName"] == "mine"


def test_an_image_of_its_own_wins() -> None:
    streamlets = [a_streamlet("ingress", MetricsIngress), a_streamlet("validation", image="own:1")]
    assert pod_of("validation", streamlets=streamlets)["containers"][0]["image"] == "own:1"


def test_the_grace_period_outlasts_the_drain() -> None:
    overrides = [{"name": "validation", "settings": {"drain-timeout": "1500ms"}}]
    assert pod_of("validation", overrides=overrides)["terminationGracePeriodSeconds"] == 12


def test_what_must_not_run_twice_is_recreated() -> None:
    assert strategy_of("poll", **of_poll()) == {"type": "Recreate"}
    assert strategy_of("store", **of_store()) == {"type": "Recreate"}


def test_a_source_keeps_its_last_asked_count_through_a_pause() -> None:
    made = desired_of(**of_poll(replicas=1), state="Paused").streamlets["poll"]
    assert (made.replicas, made.deployment["spec"]["replicas"]) == (0, 0)


def test_two_mounts_of_one_claim_are_one_volume() -> None:
    claims = [{"mount": one, "claimName": "all"} for one in ("models", "state")]
    pod = pod_of("store", **of_store(volumeClaims=claims))
    volumes = [one for one in pod["volumes"] if "persistentVolumeClaim" in one]
    mounts = [
        (one["mountPath"], one.get("readOnly", False))
        for one in pod["containers"][0]["volumeMounts"]
        if one["name"] == volumes[0]["name"]
    ]
    assert len(volumes) == 1
    assert mounts == [("/models", True), ("/state", False)]


def test_a_value_in_another_object_is_a_file_for_the_pod() -> None:
    source = {"configMapKeyRef": {"name": "words", "key": "label"}}
    overrides = [{"name": "validation", "parameters": [{"name": "label", "valueFrom": source}]}]
    config = config_of("validation", overrides=overrides)
    (volume,) = [
        one for one in pod_of("validation", overrides=overrides)["volumes"] if "projected" in one
    ]
    assert config.parameters["label"].file == "secrets/label"
    assert config.parameters["label"].value is None
    assert volume["projected"]["sources"] == [
        {"configMap": {"name": "words", "items": [{"key": "label", "path": "label"}]}}
    ]


def test_ports_have_the_properties_of_their_side() -> None:
    topics = [
        a_topic(
            "raw",
            ("ingress.out",),
            ("validation.in",),
            clientConfig={"request.timeout.ms": "1", "client.rack": "a"},
            producerConfig={"acks": "all"},
            consumerConfig={"client.rack": "b"},
        ),
        a_topic("good", ("validation.out",)),
    ]
    inlet = config_of("validation", topics=topics).ports["in"]
    outlet = config_of("ingress", topics=topics).ports["out"]
    assert inlet.properties == {"request.timeout.ms": "1", "client.rack": "b"}
    assert outlet.properties == {"request.timeout.ms": "1", "client.rack": "a", "acks": "all"}


def test_a_prefix_stands_before_generated_names_alone() -> None:
    topics = [
        a_topic("raw", ("ingress.out",), ("validation.in",), cluster="east"),
        a_topic("good", ("validation.out",), cluster="east", kafkaName="verbatim"),
    ]
    ports = config_of("validation", topics=topics).ports
    assert {name: one.kafka_name for name, one in ports.items()} == {
        "in": "east.plant.sensor-data.raw",
        "out": "verbatim",
        "in-dead-letters": "east.plant.sensor-data.validation-in-dead-letters",
    }


def test_credentials_come_from_a_secret_and_are_in_no_config_map() -> None:
    made = desired_of(**of_store()).streamlets["store"]
    assert set(made.configuration["data"]) == {"streamlet.json"}
    volumes = made.deployment["spec"]["template"]["spec"]["volumes"]
    assert {"secret": {"secretName": "kafka-east"}}.items() <= volumes[1].items()


def test_a_streamlet_that_is_gone_leaves_its_override_ignored() -> None:
    assert desired_of(overrides=[{"name": "gone", "replicas": 2}]).ignored_overrides == ("gone",)


def test_manifests_come_in_the_order_in_which_they_are_made() -> None:
    kinds = [one["kind"] for one in desired(an_application(), CLUSTERS).manifests()]
    assert kinds == [
        "ServiceAccount",
        "ConfigMap",
        "Service",
        "Deployment",
        "ConfigMap",
        "Deployment",
    ]
