"""The resource on a real API server: kept as it is written, refused where it is wrong."""

from __future__ import annotations

import copy
import json
import random
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes.aio.client import ApiException

from cloudflow_operator.api.schema import FILE
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, Spec, Status
from support.kube import Document, address, path
from support.resources import DEFINITION, SPEC, STATUS, Maker, install, objects, resource
from support.sources import ROOT as PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.kube import Kube

EXAMPLE = PROJECT / "tests/unit/cloudflow_cli/golden/sensor-data.resource.yaml"
DESCRIPTOR: dict[str, Any] = {"className": "plant:Filter"}
SECRET: dict[str, Any] = {"secretKeyRef": {"name": "s", "key": "k"}}
STRICT = {"fieldValidation": "Strict"}
UNCHANGED = {**STRICT, "dryRun": "All"}


@pytest.fixture(autouse=True)
async def definition(kube: Kube) -> Document:
    """The definition, which is served."""
    return await install(kube)


@pytest.fixture
def run(kubectl: Path, api_server: Path, namespace: str) -> Callable[..., str]:
    """What the real kubectl says in the test's namespace."""

    def ran(*words: str) -> str:
        command = [str(kubectl), f"--kubeconfig={api_server}", f"--namespace={namespace}", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert not done.stderr, done.stderr
        return done.stdout

    return ran


def a_spec(**fields: Any) -> dict[str, Any]:
    streamlets = [{"name": "one", "class": "plant:Filter"}]
    usual = {"sdk": {"version": "0.1.0", "contract": 1}, "image": "registry.example/plant@sha256:1"}
    return {**usual, "streamlets": streamlets, "descriptors": [DESCRIPTOR], **fields}


def a_parameter(**fields: Any) -> dict[str, Any]:
    parameters = [{"name": "floor", **fields}]
    return a_spec(streamlets=[{"name": "one", "class": "plant:Filter", "parameters": parameters}])


async def refusal(kube: Kube, document: Document, query: dict[str, str] = UNCHANGED) -> str:
    where = path(API_VERSION, KIND, document["metadata"]["namespace"])
    with pytest.raises(ApiException) as refused:
        await kube.ask("POST", where, document, query=query)
    assert refused.value.status in {400, 422}
    return str(json.loads(str(refused.value.body))["message"])


# The definition


def test_the_server_has_nothing_to_say_against_the_definition(
    definition: Document, run: Callable[..., str]
) -> None:
    states = {one["type"]: one["status"] for one in definition["status"]["conditions"]}
    assert states == {"NamesAccepted": "True", "Established": "True"}
    run("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", str(FILE))
    assert (
        definition["spec"]["versions"][0]["schema"] == DEFINITION["spec"]["versions"][0]["schema"]
    )


def test_every_field_explains_itself(run: Callable[..., str]) -> None:
    said = run("explain", "cfa", "--recursive")
    assert "podTemplate\t<Object>" in said
    streamlets = run("explain", "cfa.spec.streamlets")
    assert "How many pods." in streamlets
    assert "class\t<string> -required-" in streamlets
    assert "Default: Retain." in run("explain", "cfa.spec.deletionPolicy")


# What is written comes back


async def test_every_field_comes_back(kube: Kube, namespace: str) -> None:
    written = Maker().resource("maximal", namespace)
    where = path(API_VERSION, KIND, namespace)
    kept = await kube.ask("POST", where, written, query=STRICT)
    assert kept["spec"] == written["spec"]
    assert (await kube.read(written))["spec"] == written["spec"]


async def test_every_field_comes_back_from_an_apply(kube: Kube, namespace: str) -> None:
    written = Maker().resource("applied", namespace)
    assert (await kube.apply(written))["spec"] == written["spec"]


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_is_allowed_comes_back(kube: Kube, namespace: str, seed: int) -> None:
    written = Maker(random.Random(seed)).resource(f"random-{seed}", namespace)
    assert (await kube.create(written))["spec"] == written["spec"]


async def test_the_resource_of_the_example_is_taken_as_it_is(kube: Kube, namespace: str) -> None:
    written = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    written["metadata"]["namespace"] = namespace
    where = path(API_VERSION, KIND, namespace)
    kept = await kube.ask("POST", where, written, query=STRICT)
    assert kept["spec"] == written["spec"]


async def test_null_in_a_pod_template_comes_back(kube: Kube, namespace: str) -> None:
    # There it removes what is below it.
    template = {"spec": {"securityContext": {"runAsNonRoot": None}}}
    runtimes = [{"name": "python", "podTemplate": template}]
    written = resource("removing", namespace, a_spec(runtimes=runtimes))
    assert (await kube.apply(written))["spec"]["runtimes"] == runtimes


def test_the_types_know_every_field_of_the_definition() -> None:
    spec, status = Maker().make(SPEC), Maker().make(STATUS)
    read = Spec.model_validate(spec).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert read == spec
    read = Status.model_validate(status).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert read == status


async def test_an_unknown_field_is_refused_at_every_level(kube: Kube, namespace: str) -> None:
    levels = len(list(objects(Maker().make(SPEC), SPEC)))
    for number in range(levels):
        written = Maker().resource("misspelt", namespace)
        list(objects(written["spec"], SPEC))[number]["misspelt"] = 1
        said = await refusal(kube, written)
        assert 'unknown field "spec.' in said
        assert "misspelt" in said


async def test_what_has_no_name_a_person_knows_is_refused_by_its_place(
    kube: Kube, namespace: str
) -> None:
    spec = a_spec(overrides=[{"name": "one", "replicas": -1}])
    assert "spec.overrides[0].replicas" in await refusal(kube, resource("a", namespace, spec))


# Rules


RULES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("value", a_parameter(value="", valueFrom=SECRET), "exactly one of value and valueFrom"),
    ("neither", a_parameter(), "give exactly one of value and valueFrom"),
    ("no-source", a_parameter(valueFrom={}), "give exactly one of secretKeyRef and configMapKey"),
    (
        "two-sources",
        a_parameter(
            valueFrom={
                "secretKeyRef": {"name": "s", "key": "k"},
                "configMapKeyRef": {"name": "s", "key": "k"},
            }
        ),
        "give exactly one of secretKeyRef and configMapKeyRef",
    ),
    ("other-class", a_spec(descriptors=[{"className": "plant:Other"}]), "in spec.descriptors"),
    ("no-descriptors", a_spec(descriptors=[]), "streamlet's class needs an entry"),
    ("A.b", a_spec(), "a lowercase RFC 1123"),
    ("a.b", a_spec(), "lower case letters, digits and dashes"),
    ("1a", a_spec(), "begins with a letter"),
    ("a" * 64, a_spec(), "at most 63 characters"),
)


@pytest.mark.parametrize(("name", "spec", "says"), RULES, ids=[name for name, _, _ in RULES])
async def test_what_a_rule_forbids_is_refused_and_says_why(
    kube: Kube, namespace: str, name: str, spec: dict[str, Any], says: str
) -> None:
    assert says in await refusal(kube, resource(name, namespace, spec))


ALLOWED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("value", a_parameter(value="")),
    ("secret", a_parameter(valueFrom=SECRET)),
    ("map", a_parameter(valueFrom={"configMapKeyRef": {"name": "s", "key": "k"}})),
    ("unused", a_spec(descriptors=[DESCRIPTOR, {"className": "plant:Unused"}])),
    ("nothing", {key: value for key, value in a_spec().items() if key in {"sdk", "image"}}),
    ("a" * 63, a_spec()),
)


@pytest.mark.parametrize(("name", "spec"), ALLOWED, ids=[name for name, _ in ALLOWED])
async def test_what_the_rules_allow_is_taken(
    kube: Kube, namespace: str, name: str, spec: dict[str, Any]
) -> None:
    assert await kube.create(resource(name, namespace, spec))


async def test_partitions_are_raised_and_never_lowered(kube: Kube, namespace: str) -> None:
    def of(partitions: int) -> Document:
        topics = [{"name": "raw"}, {"name": "metrics", "partitions": partitions}]
        return resource("topics", namespace, a_spec(topics=topics))

    await kube.apply(of(4))
    await kube.apply(of(8))
    with pytest.raises(ApiException) as refused:
        await kube.apply(of(7))
    assert "the partitions of a topic can only be raised" in str(refused.value.body)


async def test_a_streamlet_without_its_descriptor_is_refused_on_update(
    kube: Kube, namespace: str
) -> None:
    made = await kube.create(resource("a", namespace, a_spec()))
    with pytest.raises(ApiException) as refused:
        await kube.merge(made, {"spec": {"descriptors": []}})
    assert refused.value.status == 422


# Status


async def test_status_is_written_beside_the_spec_and_by_nobody_else(
    kube: Kube, namespace: str
) -> None:
    made = await kube.create(resource("a", namespace, a_spec()) | {"status": {"phase": "Running"}})
    assert "status" not in made
    status = Maker().make(STATUS)
    kept = await kube.merge(made, {"status": status, "spec": {"image": "other"}}, "status")
    assert kept["status"] == status
    assert kept["spec"] == made["spec"]
    assert kept["metadata"]["generation"] == made["metadata"]["generation"] == 1


async def test_people_see_how_it_is(kube: Kube, namespace: str, run: Callable[..., str]) -> None:
    made = await kube.create(resource("sensor-data", namespace, a_spec(version="1.4.0")))
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Ready",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"phase": "Running", "ready": "3/4", "message": "wait", "conditions": [ready]}
    await kube.merge(made, {"status": {**status, "observedGeneration": 1}}, "status")
    plain, wide = run("get", "cfa"), run("get", "cfa", "-o", "wide")
    assert plain.splitlines()[0].split() == ["NAME", "PHASE", "READY", "VERSION", "AGE"]
    assert plain.splitlines()[1].split()[:4] == ["sensor-data", "Running", "3/4", "1.4.0"]
    assert wide.splitlines()[0].split()[-1] == "MESSAGE"
    assert "condition met" in run("wait", "--for=condition=Ready", "--timeout=60s", "cfa", "--all")
    assert "sensor-data" in run("get", "cloudflow")


# Several writers


async def test_overrides_survive_who_applies_the_rest_again(kube: Kube, namespace: str) -> None:
    def of(count: int) -> Document:
        streamlets = [{"name": "one", "class": "plant:Filter", "replicas": count}]
        return resource("a", namespace, a_spec(streamlets=streamlets))

    overrides = [{"name": "one", "replicas": 5}]
    await kube.apply(of(2), "git")
    await kube.apply(resource("a", namespace, {"overrides": overrides}), "overrides")
    kept = await kube.apply(of(3), "git")
    assert kept["spec"]["overrides"] == overrides
    assert kept["spec"]["streamlets"][0]["replicas"] == 3


async def test_a_streamlet_goes_while_its_override_stays(kube: Kube, namespace: str) -> None:
    two = [{"name": name, "class": "plant:Filter"} for name in ("one", "two")]
    overrides = [{"name": "two", "settings": {"max-emissions": "5"}}]
    await kube.apply(resource("a", namespace, a_spec(streamlets=two)), "git")
    await kube.apply(resource("a", namespace, {"overrides": overrides}), "overrides")
    kept = await kube.apply(resource("a", namespace, a_spec(streamlets=two[:1])), "git")
    assert kept["spec"]["streamlets"] == two[:1]
    assert kept["spec"]["overrides"] == overrides


async def test_lists_are_merged_by_key_and_what_one_writer_drops_goes(
    kube: Kube, namespace: str
) -> None:
    def of(**fields: Any) -> Document:
        return resource("a", namespace, a_spec(**fields))

    ours = {"topics": [{"name": "a", "config": {"x": "1"}}], "runtimes": [{"name": "python"}]}
    await kube.apply(of(**ours), "git")
    theirs = resource("a", namespace, {"topics": [{"name": "b"}]})
    kept = await kube.apply(theirs, "other")
    assert [one["name"] for one in kept["spec"]["topics"]] == ["a", "b"]
    kept = await kube.apply(of(topics=[{"name": "a", "config": {"y": "1"}}]), "git")
    assert kept["spec"]["topics"] == [{"name": "a", "config": {"y": "1"}}, {"name": "b"}]
    assert not kept["spec"].get("runtimes")


# Size


def _record(number: int) -> str:
    fields = [{"name": f"measurement_{n}", "type": ["null", "double"]} for n in range(12)]
    named = {"type": "record", "name": f"Metric{number}", "namespace": "plant.records"}
    return json.dumps({**named, "fields": fields})


def _large(namespace: str, size: int) -> Document:
    def port(name: str, number: int, **fields: Any) -> dict[str, Any]:
        fingerprint = f"{number:064x}"
        schema = {"format": "avro", "name": f"plant.records.Metric{number}"}
        return {"name": name, "schema": {**schema, "fingerprint": fingerprint}, **fields}

    def descriptor(n: int) -> dict[str, Any]:
        words = [
            {"name": f"parameter-{k}", "attribute": f"parameter_{k}", "kind": "string"}
            for k in range(3)
        ]
        return {
            "className": f"plant.streamlets.stage_{n}:Stage{n}",
            "description": "Takes what is measured and keeps what is in its range.",
            "inlets": [port("in", n, handler="each", delivery={"guarantee": "at-least-once"})],
            "outlets": [port("out", n + 1), port("in-dead-letters", n, deadLettersOf="in")],
            "parameters": words,
        }

    streamlets = [
        {
            "name": f"stage-{n}",
            "class": f"plant.streamlets.stage_{n}:Stage{n}",
            "replicas": 3,
            "parameters": [{"name": f"parameter-{k}", "value": "some value"} for k in range(3)],
        }
        for n in range(size)
    ]
    topics = [
        {"name": f"t-{n}", "producers": [f"stage-{n}.out"], "consumers": [f"stage-{n + 1}.in"]}
        for n in range(size)
    ]
    topics += [
        {"name": f"stage-{n}-in-dead-letters", "producers": [f"stage-{n}.in-dead-letters"]}
        for n in range(size)
    ]
    spec = a_spec(
        streamlets=streamlets,
        topics=topics,
        descriptors=[descriptor(n) for n in range(size)],
        schemas=[{"fingerprint": f"{n:064x}", "text": _record(n)} for n in range(size + 1)],
    )
    return resource("large", namespace, spec)


def _status(namespace: str, size: int) -> dict[str, Any]:
    def pods(n: int) -> list[dict[str, Any]]:
        states = {"status": "Running", "ready": True, "restarts": 0}
        return [{"name": f"large-stage-{n}-1a2b3c4d-6f8b9-{k}abcd", **states} for k in range(3)]

    return {
        "observedGeneration": 1,
        "phase": "Running",
        "streamlets": [
            {"name": f"stage-{n}", "phase": "Running", "replicas": 3, "readyReplicas": 3}
            | {"pods": pods(n)}
            for n in range(size)
        ],
        "topics": [
            {"name": name, "kafkaName": f"{namespace}.large.{name}", "created": True}
            | {"state": "Ready", "partitions": 53}
            for n in range(size)
            for name in (f"t-{n}", f"stage-{n}-in-dead-letters")
        ],
    }


async def test_two_hundred_streamlets_with_schemas_fit_into_a_mebibyte(
    kube: Kube, namespace: str
) -> None:
    written = _large(namespace, 200)
    await kube.apply(written, "kubectl-cloudflow")
    overrides = [{"name": f"stage-{n}", "replicas": 4} for n in range(200)]
    await kube.apply(resource("large", namespace, {"overrides": overrides}), "overrides")
    status = resource("large", namespace, {}) | {"status": _status(namespace, 200)}
    del status["spec"]
    query = {"fieldManager": "operator", "force": "true"}
    where = f"{address(written)}/status"
    await kube.ask("PATCH", where, status, "application/apply-patch+yaml", query)
    kept = copy.deepcopy(await kube.read(written))
    parts = {
        "spec": kept["spec"],
        "status": kept["status"],
        "managedFields": kept["metadata"]["managedFields"],
    }
    sizes = {name: len(json.dumps(part, separators=(",", ":"))) for name, part in parts.items()}
    whole = len(json.dumps(kept, separators=(",", ":")))
    assert whole < 2**20, sizes
