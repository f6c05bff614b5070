"""Whatever an application looks like: stable, separate, restricted, readable by its pods."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from cloudflow_operator import names
from cloudflow_operator.desired.application import desired
from cloudflow_operator.desired.intent import Intent
from cloudflow_operator.desired.runtime_config import streamlet_config
from streamlet_sdk.contract import from_json
from support.applications import (
    CLUSTERS,
    MetricsIngress,
    Poll,
    Validation,
    a_store,
    a_streamlet,
    a_topic,
    an_application,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from cloudflow_operator.interfaces import Manifest

LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
NAMES = st.from_regex(LABEL, fullmatch=True).filter(lambda name: len(name) <= 63)
SHORT = st.from_regex(re.compile(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?"), fullmatch=True)
WORDS = st.text("abcXYZ 019.-_ü\n\"'{}:", max_size=12)
LABELS = st.dictionaries(
    st.sampled_from(["team", "app", names.PART_OF, names.VERSION]), st.just("user"), max_size=3
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "drain-timeout": st.integers(0, 600).map(lambda seconds: f"{seconds}s"),
        "window-bytes": st.integers(1, 64).map(lambda size: f"{size}Mi"),
        "max-emissions": st.integers(1, 99).map(str),
    },
)


@st.composite
def validations(draw: DrawFn, name: str) -> dict[str, Any]:
    delivery = st.fixed_dictionaries(
        {"inlet": st.just("in")},
        optional={
            "onExhausted": st.sampled_from(["dead-letter", "skip", "stop"]),
            "retry": st.fixed_dictionaries({}, optional={"backoff": st.just("2s")}),
        },
    )
    return a_streamlet(
        name,
        replicas=draw(st.none() | st.integers(0, 4)),
        settings=draw(SETTINGS),
        delivery=draw(st.lists(delivery, max_size=1)),
        parameters=draw(
            st.lists(
                st.sampled_from(
                    [
                        {"name": "floor", "value": "1.5"},
                        {"name": "label", "value": "fine"},
                        {"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    ]
                ),
                unique_by=lambda one: str(one["name"]),
            )
        ),
        podTemplate={"metadata": {"labels": draw(LABELS), "annotations": {"note": draw(WORDS)}}},
    )


@st.composite
def specs(draw: DrawFn) -> dict[str, Any]:
    """An application that renders: servers, sources, a store, and a chain of consumers."""
    consumers = draw(st.lists(SHORT, min_size=1, max_size=4, unique=True))
    clusters = st.sampled_from(list(CLUSTERS))
    streamlets = [a_streamlet("a-server", MetricsIngress), a_streamlet("a-source", Poll)]
    topics = [a_topic("start", ("a-server.out", "a-source.out"), cluster=draw(clusters))]
    for number, name in enumerate(f"x-{one}" for one in consumers):
        streamlets.append(draw(validations(name)))
        topics[-1]["consumers"] = (f"{name}.in",)
        topics.append(a_topic(f"t{number}", (f"{name}.out",), cluster=draw(clusters)))
    streamlets.append(a_store())
    topics[-1]["consumers"] = ("store.in",)
    return {"streamlets": streamlets, "topics": topics, "version": draw(WORDS)}


def manifests(spec: dict[str, Any]) -> dict[str, list[Manifest]]:
    made = desired(an_application(**spec), CLUSTERS)
    return {name: list(one.manifests()) for name, one in made.streamlets.items()}


def templates(spec: dict[str, Any]) -> list[tuple[Manifest, Manifest]]:
    """Selector and pod template of every Deployment."""
    return [
        (one["spec"]["selector"]["matchLabels"], one["spec"]["template"])
        for children in manifests(spec).values()
        for one in children
        if one["kind"] == "Deployment"
    ]


@given(st.lists(st.tuples(NAMES, NAMES), unique=True, min_size=2, max_size=6), WORDS)
def test_names_are_labels_that_nobody_shares(pairs: list[tuple[str, str]], content: str) -> None:
    workloads = [names.workload(*pair) for pair in pairs]
    configurations = [names.configuration(*pair, content) for pair in pairs]
    accounts = [names.service_account(application) for application, _ in pairs]
    assert len(set(workloads)) == len(pairs)
    assert len({*workloads, *configurations}) == 2 * len(pairs)
    assert len(set(accounts)) == len({application for application, _ in pairs})
    for name in (*workloads, *configurations, *accounts):
        assert LABEL.fullmatch(name)
        assert len(name) <= 63


@given(SHORT, SHORT, SHORT)
def test_a_dash_may_be_on_either_side(first: str, second: str, third: str) -> None:
    """`a` with `b-c` is not `a-b` with `c`."""
    one = names.workload(first, f"{second}-{third}")
    assert one != names.workload(f"{first}-{second}", third)


@given(st.text(min_size=1, max_size=253), st.sampled_from(["kafka", "claim"]))
def test_volumes_of_any_name_are_labels(name: str, kind: str) -> None:
    volume = names.volume(kind, name)
    assert LABEL.fullmatch(volume)
    assert len(volume) <= 63


@given(WORDS)
def test_every_text_becomes_a_legal_label_value(text: str) -> None:
    assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?", names.label_value(text))


@given(specs())
def test_the_same_application_is_rendered_the_same_to_the_byte(spec: dict[str, Any]) -> None:
    again = json.loads(json.dumps(spec))
    assert json.dumps(manifests(spec)) == json.dumps(manifests(again))


@given(specs(), st.data())
def test_a_change_of_one_streamlet_changes_only_its_manifests(
    spec: dict[str, Any], data: st.DataObject
) -> None:
    consumers = [one["name"] for one in spec["streamlets"] if one["name"].startswith("x-")]
    name = data.draw(st.sampled_from(consumers))
    override = {"name": name, "settings": {"commit-interval": "7s"}, "replicas": 9}
    before, after = manifests(spec), manifests({**spec, "overrides": [override]})
    assert {one for one in before if before[one] != after[one]} == {name}


@given(specs(), WORDS)
def test_a_new_version_changes_no_pod_and_no_configuration(
    spec: dict[str, Any], version: str
) -> None:
    before = desired(an_application(**spec), CLUSTERS).streamlets
    after = desired(an_application(**{**spec, "version": version}), CLUSTERS).streamlets
    for name, old in before.items():
        new = after[name]
        assert new.inputs == old.inputs
        assert new.configuration["data"] == old.configuration["data"]
        assert new.deployment["spec"] == old.deployment["spec"]


@given(specs())
def test_a_new_streamlet_changes_no_other(spec: dict[str, Any]) -> None:
    added = {
        **spec,
        "streamlets": [*spec["streamlets"], a_streamlet("new", Validation)],
        "topics": [*spec["topics"], a_topic("new", ("new.out",), ("new.in",))],
    }
    before, after = manifests(spec), manifests(added)
    assert {name: after[name] for name in before} == before


@given(specs())
def test_selectors_are_identity_and_select_their_pods(spec: dict[str, Any]) -> None:
    found = templates(spec)
    for selector, template in found:
        assert selector.keys() == {names.APPLICATION, names.STREAMLET}
        assert selector.items() <= template["metadata"]["labels"].items()
    assert len({json.dumps(selector) for selector, _ in found}) == len(found)


@given(specs())
def test_every_pod_keeps_the_restricted_profile(spec: dict[str, Any]) -> None:
    """Source: kubernetes.io, Pod Security Standards, Restricted."""
    volumes = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
    for _, template in templates(spec):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all(volume.keys() - {"name"} <= volumes for volume in pod["volumes"])
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] is True


@given(specs())
def test_nothing_is_mounted_inside_another_volume(spec: dict[str, Any]) -> None:
    for _, template in templates(spec):
        volumes = {one["name"] for one in template["spec"]["volumes"]}
        assert len(volumes) == len(template["spec"]["volumes"])
        mounts = template["spec"]["containers"][0]["volumeMounts"]
        paths = [one["mountPath"] for one in mounts]
        assert {one["name"] for one in mounts} == volumes
        assert not any(one.startswith(f"{other}/") for one in paths for other in paths)
        assert len(set(paths)) == len(paths)


@given(specs())
def test_the_pod_reads_what_the_operator_wrote(spec: dict[str, Any]) -> None:
    intent = Intent(an_application(**spec), CLUSTERS)
    made = manifests(spec)
    for name, descriptor in intent.descriptors.items():
        config_map = made[name][0]
        read = from_json(config_map["data"]["streamlet.json"])
        assert read == streamlet_config(intent, name, descriptor)
        assert all(re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) for key in config_map["data"])


@given(specs())
def test_every_port_has_a_topic_that_is_made(spec: dict[str, Any]) -> None:
    application = an_application(**spec)
    made = desired(application, CLUSTERS)
    there = {(one.cluster, one.spec.name) for one in made.topics}
    for streamlet in made.streamlets.values():
        config = from_json(streamlet.configuration["data"]["streamlet.json"])
        assert {(one.cluster, one.kafka_name) for one in config.ports.values()} <= there
