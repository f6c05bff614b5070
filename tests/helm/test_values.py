"""Every value changes what is installed, and one that cannot be used is refused with its name."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_operator.kafka_secrets import source
from cloudflow_operator.settings import PREFIX, Settings
from support.chart import (
    BESIDE,
    CHART,
    DIGEST,
    KUBERNETES,
    NAMESPACE,
    OTHERS,
    RefusedError,
    container,
    generator,
    only,
    rendered,
    run,
)

if TYPE_CHECKING:
    from support.chart import Document

NOT_OF_THE_CHART = {"kubeconfig"}
NO_CLUSTER = "give properties with bootstrap.servers"
WRONG = [
    ("replicas", "two", "replicas"),
    ("replicas", -1, "replicas"),
    ("replcas", 2, "replcas"),
    ("image.digest", "sha256:abc", "image/digest"),
    ("image.pullPolicy", "Sometimes", "image/pullPolicy"),
    ("settings.port", 0, "settings/port"),
    ("settings.logLevel", "loud", "settings/logLevel"),
    ("settings.leaseDuration", 15, "settings/leaseDuration"),
    ("settings.workers", 0, "settings/workers"),
    ("settings.kubeconfig", "a", "kubeconfig"),
    ("watchNamespaces", ["a b"], "watchNamespaces/0"),
    ("watchNamespaces", ["a", "a"], "watchNamespaces"),
    ("labels", {"a": 1}, "labels/a"),
    ("metrics.podMonitor.interval", "30", "metrics/podMonitor/interval"),
    ("kafkaClusters", {"Default": {"existingSecret": "a"}}, "Default"),
    ("kafkaClusters", {"a": {"properties": {"linger.ms": 5}}}, "linger.ms"),
    ("kafkaClusters", {"a": {"bootstrapServers": "b:1"}}, "bootstrapServers"),
    ("kafkaClusters", {"a": {"partitions": 0}}, "partitions"),
    ("kafkaClusters", {"a": {}}, f"kafkaClusters.a: {NO_CLUSTER}"),
    ("kafkaClusters", {"a": {"properties": {"acks": "all"}}}, f"kafkaClusters.a: {NO_CLUSTER}"),
    ("kafkaClusters", {"a": {"existingSecret": "b", "partitions": 3}}, "Remove partitions"),
]


def test_helm_finds_nothing_wrong() -> None:
    done = run("lint", str(CHART), "--strict", f"--kube-version={KUBERNETES}")
    assert done.returncode == 0, done.stdout


def test_every_value_is_tried() -> None:
    assert sorted(value.path for value in generator().values()) == sorted(OTHERS)


@pytest.mark.parametrize("path", OTHERS)
def test_a_value_changes_what_is_installed(path: str) -> None:
    beside = BESIDE.get(path, {})
    assert rendered({**beside, path: OTHERS[path]}) != rendered(beside)


@pytest.mark.parametrize("path", OTHERS)
def test_a_default_is_what_the_schema_says(path: str) -> None:
    node = json.loads(CHART.joinpath("values.schema.json").read_text())
    for name in path.split("."):
        node = node["properties"][name]
    assert rendered({path: node["default"]}) == rendered({})


@pytest.mark.parametrize(("path", "value", "named"), WRONG)
def test_a_wrong_value_is_refused_by_its_name(path: str, value: Any, named: str) -> None:
    with pytest.raises(RefusedError, match=named.replace("/", r"[/.]")):
        rendered({path: value})


def test_two_monitors_of_the_same_pods_are_refused() -> None:
    both = {"metrics.podMonitor.enabled": True, "metrics.serviceMonitor.enabled": True}
    with pytest.raises(RefusedError, match="Enable one of them"):
        rendered(both)


def test_a_chart_around_this_one_may_have_global_values() -> None:
    assert rendered({"global": {"imageRegistry": "x"}}) == rendered({})


def environment(documents: list[Document]) -> dict[str, str]:
    """The operator's variables, as the kubelet gives them."""
    fields = {"metadata.namespace": NAMESPACE, "metadata.name": "cloudflow-operator-1"}
    return {
        each["name"]: each["value"]
        if "value" in each
        else fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in container(documents)["env"]
    }


def read(documents: list[Document], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the operator makes of its variables."""
    for name, value in environment(documents).items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_every_setting_of_the_operator_is_a_value() -> None:
    given = {name.removeprefix(PREFIX).lower() for name in environment(rendered({}))}
    assert given | NOT_OF_THE_CHART == set(Settings.model_fields)


def test_defaults_are_those_of_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Settings(namespace=NAMESPACE, pod_name="cloudflow-operator-1")
    assert read(rendered({}), monkeypatch) == usual


def test_the_operator_reads_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = "settings."
    chosen = {path: value for path, value in OTHERS.items() if path.startswith(prefix)}
    made = read(rendered({**chosen, "watchNamespaces": ["plant", "lab"]}), monkeypatch)
    assert made.watch_namespaces == ("plant", "lab")
    said = made.model_dump(mode="json")
    for path, value in chosen.items():
        field = generator().field(path.removeprefix(prefix))
        assert said[field] == value


def test_a_digest_wins_over_a_tag() -> None:
    image = {"image.repository": "a/b", "image.tag": "1"}
    assert container(rendered(image))["image"] == "a/b:1"
    assert container(rendered({**image, "image.digest": DIGEST}))["image"] == f"a/b@{DIGEST}"


def test_labels_of_the_user_never_reach_the_selector() -> None:
    spec = only(rendered({"podLabels": OTHERS["podLabels"]}), "Deployment")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == {"app.kubernetes.io/name": "cloudflow-operator"}
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert labels["example.com/pod"] == "yes"


@pytest.mark.parametrize(("replicas", "strategy"), [(0, "Recreate"), (1, "Recreate"), (2, "Roll")])
def test_one_operator_ends_before_the_next_begins(replicas: int, strategy: str) -> None:
    documents = rendered({"replicas": replicas})
    assert only(documents, "Deployment")["spec"]["strategy"]["type"].startswith(strategy)
    budgets = [each for each in documents if each["kind"] == "PodDisruptionBudget"]
    assert len(budgets) == (replicas > 1)


def test_the_operator_can_use_the_secret_of_a_kafka_cluster() -> None:
    found = source(only(rendered({"kafkaClusters": OTHERS["kafkaClusters"]}), "Secret"))
    assert found.problems == ()
    assert (found.cluster, found.servers) == ("default", "kafka-0.kafka:9092")
    assert (found.partitions, found.replication_factor, found.prefix) == (100_000, 3, "east.")
    assert found.allowed == {"plant", "lab"}


def test_a_certificate_reaches_the_secret_as_it_stands() -> None:
    text = "-----BEGIN CERTIFICATE-----\nabc=\n-----END CERTIFICATE-----\n"
    entries = {"bootstrap.servers": "a:1", "ssl.truststore.location": "ca.crt", "ca.crt": text}
    secret = only(rendered({"kafkaClusters": {"tls": {"properties": entries}}}), "Secret")
    said = {key: base64.b64decode(each).decode() for key, each in secret["data"].items()}
    assert said == entries
