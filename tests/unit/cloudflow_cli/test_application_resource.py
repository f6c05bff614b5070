"""The resource that is made of a project: small, without secrets, and the same each time."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cloudflow_cli import project
from cloudflow_cli.application import verified
from cloudflow_cli.application_resource import Release, resource, secret_values
from cloudflow_operator.api.v1alpha1 import Application
from cloudflow_operator.desired.reading import read
from streamlet_sdk.blueprint.configuration import Configuration, configure
from streamlet_sdk.blueprint.layers import Layer
from streamlet_sdk.errors import ConfigurationError
from support.blueprints import a_document, an_application
from support.resources import ROOT, faults
from support.sources import ROOT as PROJECT

if TYPE_CHECKING:
    from support.golden import Golden

RELEASE = Release(
    name="turbines",
    namespace="plant",
    image="registry.example/turbines@sha256:1111",
    sdk="0.1.0",
    version="1.4.0",
)


def configured(**streamlet: Any) -> Configuration:
    layer = Layer("local.yaml", {"cloudflow": {"streamlets": {"filter": streamlet}}})
    return configure(an_application(), [layer])


def made(configuration: Configuration) -> dict[str, Any]:
    return resource(RELEASE, configuration.application, configuration.pods)


def entry(manifest: dict[str, Any], name: str = "filter") -> dict[str, Any]:
    found: dict[str, Any] = {one["name"]: one for one in manifest["spec"]["streamlets"]}[name]
    return found


def test_the_resource_of_the_example_is_as_reviewed(golden: Golden) -> None:
    found = project.load(PROJECT / "examples" / "sensor-data")
    release = Release(
        name=found.name,
        version=found.version,
        image="registry.example/sensor-data@sha256:1111",
        sdk="0.1.0",
    )
    manifest = resource(release, verified(found))
    assert list(faults(manifest, ROOT)) == []
    golden.check("sensor-data.resource.yaml", yaml.safe_dump(manifest, sort_keys=False, width=100))


def test_what_nobody_set_is_not_there() -> None:
    manifest = resource(RELEASE, an_application())
    assert entry(manifest) == {"name": "filter", "class": "turbines:Filter"}
    assert manifest["spec"]["topics"][0] == {
        "name": "raw",
        "producers": ["ingress.out"],
        "consumers": ["filter.in"],
    }
    assert not {"overrides", "state", "runtimes", "deletionPolicy"} & manifest["spec"].keys()


def test_dead_letter_topics_are_listed() -> None:
    topics = {one["name"]: one for one in resource(RELEASE, an_application())["spec"]["topics"]}
    assert topics["filter-in-dead-letters"] == {
        "name": "filter-in-dead-letters",
        "producers": ["filter.in-dead-letters"],
    }


def test_the_same_application_is_the_same_text() -> None:
    texts = {json.dumps(made(configured(replicas=2))) for _ in range(3)}
    assert len(texts) == 1


def test_what_is_set_is_there_and_false_and_zero_are_something() -> None:
    found = entry(
        made(
            configured(
                replicas=0,
                config={"max-emissions": 10_000},
                **{"config-parameters": {"floor": "0.0"}},
                delivery={"in": {"retry": {"attempts": 3}, "on-exhausted": "skip"}},
            )
        )
    )
    assert found["replicas"] == 0
    assert found["settings"] == {"max-emissions": "10000"}
    assert found["parameters"] == [{"name": "floor", "value": "0.0"}]
    assert found["delivery"] == [
        {"inlet": "in", "retry": {"attempts": 3}, "onExhausted": "skip"},
    ]


def test_secrets_are_nowhere_in_the_resource() -> None:
    document = a_document()
    document["blueprint"]["streamlets"]["filter"] = {
        "class": "turbines.Filter",
        "parameters": {"token": "hush"},
    }
    application = an_application(document)
    manifest = resource(RELEASE, application)
    assert "hush" not in json.dumps(manifest)
    reference = {"name": "turbines-parameters", "key": "filter.token"}
    assert entry(manifest)["parameters"] == [
        {"name": "token", "valueFrom": {"secretKeyRef": reference}}
    ]
    assert secret_values(application) == {"filter.token": "hush"}


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("connection-config", "sasl.jaas.config"),
        ("producer-config", "ssl.key.password"),
        ("consumer-config", "ssl.keystore.key"),
    ],
)
def test_credentials_of_kafka_are_refused_and_not_repeated(section: str, key: str) -> None:
    topics = {"raw": {section: {key: "hush", "client.id": "a"}}}
    configuration = configure(an_application(), [Layer("a", {"cloudflow": {"topics": topics}})])
    with pytest.raises(ConfigurationError) as caught:
        made(configuration)
    (problem,) = caught.value.problems
    assert problem.path == f'cloudflow.topics.raw.{section}."{key}"'
    assert "the Secret of the Kafka cluster 'default'" in problem.sentence
    assert "hush" not in str(problem)


def test_without_secrets_there_is_nothing_to_store() -> None:
    assert secret_values(an_application()) == {}


def test_descriptors_name_schemas_whose_text_is_there_once() -> None:
    manifest = resource(RELEASE, an_application())
    spec = manifest["spec"]
    named = {
        port["schema"]["fingerprint"]
        for one in spec["descriptors"]
        for port in (*one.get("inlets", ()), *one.get("outlets", ()))
    }
    listed = [one["fingerprint"] for one in spec["schemas"]]
    assert len(listed) == len(set(listed))
    assert set(listed) == named
    assert '"text"' not in json.dumps(spec["descriptors"])


def test_the_operator_reads_the_descriptors_that_the_classes_have() -> None:
    application = an_application()
    spec = Application.model_validate(resource(RELEASE, application)).spec
    readings = read(spec.descriptors, [])
    assert readings.problems == ()
    for streamlet in application.streamlets.values():
        ours = streamlet.descriptor.model_dump(mode="json")
        for port in (*ours["inlets"], *ours["outlets"]):
            port["schema_"]["text"] = ""
        for parameter in ours["parameters"]:
            parameter["default"] = None if parameter["secret"] else parameter["default"]
        theirs = readings.classes[streamlet.descriptor.class_name]
        assert theirs.model_dump(mode="json") == ours


# Pods


def patch_of(**kubernetes: Any) -> dict[str, Any]:
    found = entry(made(configured(kubernetes=kubernetes)))
    return {key: found[key] for key in ("podTemplate", "volumeClaims") if key in found}


def in_pod(**pod: Any) -> dict[str, Any]:
    return patch_of(pods={"pod": pod})


def in_container(**container: Any) -> Any:
    template = in_pod(containers={"container": container})["podTemplate"]
    (only,) = template["spec"]["containers"]
    assert only.pop("name") == "streamlet"
    return only


def test_resources_and_environment_reach_the_container() -> None:
    limits = {"limits": {"cpu": 2, "memory": "1.5Gi"}, "requests": {"cpu": "500m"}}
    assert in_container(resources=limits, env=[{"name": "MODE", "value": 1}]) == {
        "resources": {"limits": {"cpu": "2", "memory": "1.5Gi"}, "requests": {"cpu": "500m"}},
        "env": [{"name": "MODE", "value": "1"}],
    }


def test_ports_reach_the_container() -> None:
    ports = [{"container-port": "8080", "name": "debug", "protocol": "TCP", "host-port": 80}]
    assert in_container(ports=ports) == {
        "ports": [{"containerPort": 8080, "protocol": "TCP", "name": "debug", "hostPort": 80}]
    }


def test_labels_and_annotations_reach_the_pod() -> None:
    assert in_pod(labels={"team": "wind"}, annotations={"a/b": True}) == {
        "podTemplate": {
            "metadata": {"labels": {"team": "wind"}, "annotations": {"a/b": "true"}},
        }
    }


def test_volumes_are_mounted_where_the_section_says() -> None:
    volumes = {
        "keys": {"secret": {"name": "s"}},
        "words": {"config-map": {"name": "m", "optional": False, "items": {"k": {"path": "p"}}}},
        "disk": {"pvc": {"name": "c", "read-only": False}},
    }
    mounts = {"keys": {"mount-path": "/keys"}, "disk": {"mount-path": "/d", "read-only": "false"}}
    template = in_pod(volumes=volumes, containers={"container": {"volume-mounts": mounts}})
    spec = template["podTemplate"]["spec"]
    assert spec["volumes"] == [
        {"name": "keys", "secret": {"secretName": "s"}},
        {
            "name": "words",
            "configMap": {"name": "m", "optional": False, "items": [{"key": "k", "path": "p"}]},
        },
        {"name": "disk", "persistentVolumeClaim": {"claimName": "c", "readOnly": False}},
    ]
    assert spec["containers"][0]["volumeMounts"] == [
        {"name": "keys", "mountPath": "/keys", "readOnly": True},
        {"name": "disk", "mountPath": "/d", "readOnly": False},
    ]


def test_a_claim_named_as_a_mount_of_the_class_is_its_claim() -> None:
    assert in_pod(volumes={"models": {"pvc": {"name": "models-claim"}}}) == {
        "volumeClaims": [{"mount": "models", "claimName": "models-claim"}]
    }


def test_a_claim_that_the_section_mounts_itself_is_a_volume() -> None:
    found = in_pod(
        volumes={"models": {"pvc": {"name": "c"}}},
        containers={"container": {"volume-mounts": {"models": {"mount-path": "/m"}}}},
    )
    assert "volumeClaims" not in found
    assert found["podTemplate"]["spec"]["volumes"][0]["name"] == "models"


def test_a_plain_patch_is_kept_as_it_is() -> None:
    plain = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"securityContext": {"runAsNonRoot": None}, "tolerations": [{"key": "k"}]},
    }
    assert patch_of(**plain) == {"podTemplate": plain}


def test_a_plain_patch_stands_beside_cloudflows_form_and_wins() -> None:
    template = patch_of(
        pods={"pod": {"labels": {"a": "1", "b": "1"}, "volumes": {"v": {"secret": {"name": "s"}}}}},
        metadata={"labels": {"b": "2"}},
        spec={"volumes": [{"name": "w", "emptyDir": {}}], "priorityClassName": "high"},
    )["podTemplate"]
    assert template["metadata"]["labels"] == {"a": "1", "b": "2"}
    assert template["spec"] == {
        "volumes": [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "emptyDir": {}}],
        "priorityClassName": "high",
    }


K = "cloudflow.streamlets.filter.kubernetes"


@pytest.mark.parametrize(
    ("kubernetes", "path", "kind"),
    [
        ({"pod": {}}, f"{K}.pod", "UnknownKey"),
        ({"pods": {"driver": {}}}, f"{K}.pods.driver", "UnknownKey"),
        ({"pods": {"pod": {"tolerations": []}}}, f"{K}.pods.pod.tolerations", "UnknownKey"),
        (
            {"pods": {"pod": {"containers": {"main": {}}}}},
            f"{K}.pods.pod.containers.main",
            "UnknownKey",
        ),
        (
            {"pods": {"pod": {"volumes": {"v": {"pvc": {}, "secret": {}}}}}},
            f"{K}.pods.pod.volumes.v",
            "InvalidSetting",
        ),
        (
            {"pods": {"pod": {"volumes": {"v": {"secret": {}}}}}},
            f"{K}.pods.pod.volumes.v.secret.name",
            "InvalidSetting",
        ),
        ({"spec": []}, f"{K}.spec", "WrongType"),
        ({"spec": {"a": [{False: "no"}]}}, f"{K}.spec.a.0.False", "KeyNotText"),
        (
            {"metadata": {"labels": {"on": date(2026, 1, 1)}}},
            f"{K}.metadata.labels.on",
            "WrongType",
        ),
    ],
)
def test_what_cannot_be_read_is_a_problem_in_its_place(
    kubernetes: dict[str, Any], path: str, kind: str
) -> None:
    assert problems_of(kubernetes) == [(kind, path)]


@pytest.mark.parametrize(
    ("container", "path", "kind"),
    [
        ({"image": "x"}, "image", "UnknownKey"),
        ({"env": {"A": "1"}}, "env", "WrongType"),
        ({"env": [{"value": "1"}]}, "env.0.name", "InvalidSetting"),
        ({"env": ["A=1"]}, "env.0", "WrongType"),
        ({"ports": [{"name": "x"}]}, "ports.0.container-port", "InvalidSetting"),
        (
            {"resources": {"limits": {"memory": "1 GB"}}},
            "resources.limits.memory",
            "InvalidSetting",
        ),
        ({"resources": {"limit": {}}}, "resources.limit", "UnknownKey"),
        ({"volume-mounts": {"v": {"mount-path": "/v"}}}, "volume-mounts.v", "UnknownKey"),
    ],
)
def test_what_cannot_be_a_container_is_a_problem_in_its_place(
    container: dict[str, Any], path: str, kind: str
) -> None:
    found = problems_of({"pods": {"pod": {"containers": {"container": container}}}})
    assert found == [(kind, f"{K}.pods.pod.containers.container.{path}")]


def problems_of(kubernetes: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        made(configured(kubernetes=kubernetes))
    return [(type(one).__name__, one.path) for one in caught.value.problems]
