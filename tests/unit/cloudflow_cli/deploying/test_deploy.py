"""`deploy` and `plan` from end to end, on a cluster in memory."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cloudflow_cli.exits import Exit
from cloudflow_cli.kube.kinds import APPLICATION, AUTOSCALER, CLAIM, SECRET
from cloudflow_cli.kube.session import Target
from cloudflow_operator import names
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.interfaces import CONFIG_MAP
from support.applications import (
    NAME,
    NAMESPACE,
    MetricsIngress,
    a_store,
    a_streamlet,
    a_topic,
)
from support.deploying import a_claim, a_file, a_resource, plain
from support.kube_server import an_operator
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from cloudflow_operator.interfaces import Manifest
    from support.cli import CommandLine
    from support.golden import Golden
    from support.kube_server import FakeServer

THERE = Target(APPLICATION, NAMESPACE, NAME)
PARAMETERS = Target(SECRET, NAMESPACE, f"{NAME}-parameters")
VALIDATION = "cloudflow.streamlets.validation"
TOKEN = f"{VALIDATION}.config-parameters.token"
STORE: dict[str, Any] = plain(
    {
        "streamlets": [a_streamlet("ingress", MetricsIngress), a_store()],
        "topics": [a_topic("raw", ("ingress.out",), ("store.in",))],
    }
)


def spec(server: FakeServer) -> dict[str, Any]:
    found: dict[str, Any] = server.objects[THERE]["spec"]
    return found


def streamlet(server: FakeServer, name: str = "validation") -> dict[str, Any]:
    found: dict[str, Any] = {one["name"]: one for one in spec(server)["streamlets"]}[name]
    return found


def stored(server: FakeServer) -> dict[str, str]:
    data = server.objects[PARAMETERS]["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def reference(server: FakeServer, name: str = "token") -> dict[str, Any]:
    (found,) = [one for one in streamlet(server)["parameters"] if one["name"] == name]
    return dict(found["valueFrom"]["secretKeyRef"])


def test_what_is_new_is_shown_and_written(
    cli: CommandLine, server: FakeServer, golden: Golden, tmp_path: Path
) -> None:
    file = a_file(tmp_path, a_resource())
    golden.check("deploy-new.txt", cli("deploy", file).out)
    assert spec(server) == a_resource()["spec"]
    assert server.writes == [("apply", THERE)]


def test_what_changes_is_shown_in_all_forms(
    cli: CommandLine, server: FakeServer, golden: Golden, tmp_path: Path
) -> None:
    cli("deploy", a_file(tmp_path, a_resource()))
    after = a_resource(
        version="1.5.0",
        streamlets=[
            a_streamlet("ingress", MetricsIngress, replicas=2),
            a_streamlet("validation", parameters=[{"name": "floor", "value": "1.5"}]),
            a_streamlet("second"),
        ],
        topics=[
            a_topic("raw", ("ingress.out",), ("validation.in", "second.in"), partitions=4),
            a_topic("good", ("validation.out", "second.out")),
        ],
    )
    file = a_file(tmp_path, after)
    assert len(server.writes) == 1
    for form in ("table", "json", "yaml"):
        golden.check(f"plan-changes.{form}", cli("plan", file, "-o", form).out)
    assert len(server.writes) == 1


def test_acc_04_the_same_again_changes_nothing(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    file = a_file(tmp_path, a_resource())
    words = ["deploy", file, f"{TOKEN}=hush", "--scale", "validation=2"]
    cli(*words)
    before = spec(server)
    outcome = cli(*words)
    assert outcome.out == "sensor-data in namespace plant: nothing changes.\n"
    assert spec(server) == before


def test_all_problems_are_told_at_once_and_nothing_is_written(
    cli: CommandLine, server: FakeServer, golden: Golden, tmp_path: Path
) -> None:
    server.put(a_claim("models.v2", "ReadWriteOnce"))
    resource = a_resource(**STORE)
    resource["spec"]["topics"][0]["cluster"] = "west"
    resource["spec"]["streamlets"][1]["replicas"] = 3
    file = a_file(tmp_path, resource)
    outcome = cli("deploy", file)
    assert outcome.status == Exit.PROBLEMS
    golden.check("deploy-problems.txt", outcome.err)
    assert server.writes == []


def test_problems_of_words_are_told_at_once_too(
    cli: CommandLine, server: FakeServer, golden: Golden, tmp_path: Path
) -> None:
    outcome = cli(
        "deploy",
        a_file(tmp_path, a_resource()),
        f"{VALIDATION}.config-parameters.flor=1",
        f"{VALIDATION}.config.window-record=1",
        "cloudflow.topics.rav.partitions=2",
        "--scale",
        "validations=3",
        "--volume-mount",
        "validation.models=m",
    )
    assert outcome.status == Exit.PROBLEMS
    golden.check("deploy-words.txt", outcome.err)
    assert server.writes == []


def test_words_and_files_are_set_on_top_of_a_resource(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    conf = tmp_path / "prod.yaml"
    document = {
        "cloudflow": {
            "streamlets": {
                "validation": {
                    "config-parameters": {"floor": 1.5, "label": "fine"},
                    "config": {"window-records": 5},
                    "delivery": {"in": {"on-exhausted": "skip"}},
                }
            },
            "topics": {"raw": {"partitions": 4, "topic": {"retention.ms": 60}}},
        }
    }
    conf.write_text(yaml.safe_dump(document), "utf-8")
    file = a_file(tmp_path, a_resource())
    word = f"{VALIDATION}.config-parameters.floor=2.5"
    cli("deploy", file, word, "--conf", str(conf), "--scale", "validation=3", "--image", "b")
    assert streamlet(server) == {
        "name": "validation",
        "class": "plant:Validation",
        "replicas": 3,
        "parameters": [{"name": "floor", "value": "2.5"}, {"name": "label", "value": "fine"}],
        "settings": {"window-records": "5"},
        "delivery": [{"inlet": "in", "onExhausted": "skip"}],
    }
    raw = spec(server)["topics"][0]
    assert (raw["partitions"], raw["config"]) == (4, {"retention.ms": "60"})
    assert raw["consumers"] == ["validation.in"]
    assert spec(server)["image"] == "b"


def test_claims_and_the_account_are_set(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    for name, mode in (("other", "ReadWriteMany"), ("state", "ReadWriteOnce")):
        server.put(a_claim(name, mode))
    word = ["--volume-mount", "store.models=other", "--service-account", "own"]
    assert cli("deploy", a_file(tmp_path, a_resource(**STORE)), *word).status == 0
    claims = {one["mount"]: one["claimName"] for one in streamlet(server, "store")["volumeClaims"]}
    assert claims == {"models": "other", "state": "state"}
    assert spec(server)["serviceAccountName"] == "own"


def test_a_secret_is_stored_under_a_key_of_its_own_and_owned(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    file = a_file(tmp_path, a_resource())
    cli("deploy", file, f"{TOKEN}=hush")
    assert stored(server) == {"validation.token": "hush"}
    (owner,) = server.objects[PARAMETERS]["metadata"]["ownerReferences"]
    assert owner["uid"] == server.objects[THERE]["metadata"]["uid"]
    outcome = cli("deploy", file, f"{TOKEN}=other")
    assert "restarts: secret parameter token" in outcome.out
    assert reference(server)["key"] == "validation.token.2"
    # Pods of before may still start.
    assert stored(server) == {"validation.token": "hush", "validation.token.2": "other"}
    cli("deploy", file, f"{TOKEN}=third")
    assert stored(server) == {"validation.token.2": "other", "validation.token.3": "third"}


def test_the_secret_of_an_application_that_is_there_is_written_before_it(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    file = a_file(tmp_path, a_resource())
    cli("deploy", file)
    server.writes.clear()
    cli("deploy", file, f"{TOKEN}=hush")
    assert [target for _, target in server.writes] == [PARAMETERS, THERE]


def test_a_required_secret_that_was_given_once_need_not_be_given_again(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    server.put(a_claim("models.v2", "ReadOnlyMany"))
    server.put(a_claim("state", "ReadWriteOnce"))
    resource = a_resource(**STORE)
    del resource["spec"]["streamlets"][1]["parameters"]
    file = a_file(tmp_path, resource)
    outcome = cli("deploy", file)
    assert (outcome.status, "MissingParameter" in outcome.err) == (Exit.PROBLEMS, False)
    assert "'url' (string) has no value" in outcome.err
    url = "cloudflow.streamlets.store.config-parameters.url"
    assert cli("deploy", file, f"{url}=hush").status == 0
    again = cli("deploy", file)
    assert again.out == "sensor-data in namespace plant: nothing changes.\n"
    assert stored(server) == {"store.url": "hush"}


def test_overrides_stay_until_they_are_reset(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    file = a_file(tmp_path, a_resource())
    cli("deploy", file)
    cli("scale", NAME, "validation=3")
    assert cli("deploy", file).out.endswith("nothing changes.\n")
    assert spec(server)["overrides"] == [{"name": "validation", "replicas": 3}]
    outcome = cli("deploy", file, "--reset")
    assert "validation: replicas 3 → unset" in outcome.out
    assert not spec(server).get("overrides")


def test_acc_11_a_streamlet_that_was_scaled_can_be_removed(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    cli("deploy", a_file(tmp_path, a_resource()))
    cli("scale", NAME, "validation=3")
    less = a_resource(
        streamlets=[a_streamlet("ingress", MetricsIngress)],
        topics=[a_topic("raw", ("ingress.out",))],
    )
    outcome = cli("deploy", a_file(tmp_path, less))
    assert (outcome.status, "- validation: removed" in outcome.out) == (0, True)


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run_writes_nothing(
    cli: CommandLine, server: FakeServer, tmp_path: Path, how: str
) -> None:
    file = a_file(tmp_path, a_resource())
    assert cli("deploy", file, f"{TOKEN}=hush", "--dry-run", how).status == 0
    assert server.writes == []


def test_a_dry_run_of_the_client_asks_no_cluster_and_shows_the_resource(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    for verb, kind in (("get", APPLICATION), ("list", CONFIG_MAP), ("apply", APPLICATION)):
        server.failures[verb, kind] = AssertionError("the cluster was asked")
    file = a_file(tmp_path, a_resource())
    outcome = cli("deploy", file, "--scale", "validation=2", "--dry-run", "client", "-o", "yaml")
    shown: Manifest = yaml.safe_load(outcome.out)
    assert (shown["kind"], shown["spec"]["streamlets"][1]["replicas"]) == (APPLICATION.name, 2)


def test_acc_17_without_an_operator_nothing_is_written(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    server.objects.clear()
    outcome = cli("deploy", a_file(tmp_path, a_resource()))
    assert (outcome.status, server.writes) == (Exit.FAILED, [])
    assert "There is no operator" in outcome.err


@pytest.mark.parametrize(("contracts", "word"), [("[0]", "too old"), ("[2]", "too new")])
def test_acc_17_an_operator_that_does_not_fit_is_told_in_both_directions(
    cli: CommandLine, server: FakeServer, tmp_path: Path, contracts: str, word: str
) -> None:
    server.objects.clear()
    server.put(an_operator(contracts=contracts))
    outcome = cli("deploy", a_file(tmp_path, a_resource()))
    assert (outcome.status, word in outcome.err, server.writes) == (Exit.FAILED, True, [])


def test_what_one_may_not_look_at_does_not_stop_a_deployment(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    denied = ForbiddenError("get", "no")
    asked = (("get", SECRET), ("list", CLAIM), ("list", AUTOSCALER), ("list", APPLICATION))
    server.failures |= dict.fromkeys(asked, denied)
    resource = a_resource(**STORE)
    resource["spec"]["streamlets"][0]["replicas"] = 1
    assert cli("deploy", a_file(tmp_path, resource)).status == 0


@pytest.mark.parametrize(("kind", "is_told"), [("Deployment", True), ("StatefulSet", False)])
def test_an_autoscaler_of_replicas_that_are_set_is_told(
    cli: CommandLine, server: FakeServer, tmp_path: Path, kind: str, *, is_told: bool
) -> None:
    resource = a_resource()
    one = resource["spec"]["streamlets"][0]["name"]
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": names.workload(NAME, one)}
    metadata = {"name": "by-load", "namespace": NAMESPACE}
    server.put({"metadata": metadata, "spec": {"scaleTargetRef": reference}}, AUTOSCALER)
    file = a_file(tmp_path, resource)
    assert "'by-load'" not in cli("deploy", file).err
    asked = cli("scale", NAME, f"{one}=2")
    assert asked.status == 0
    assert ("'by-load'" in asked.err) is is_told


def test_a_secret_that_cannot_be_looked_at_is_not_overwritten(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    server.failures["get", SECRET] = ForbiddenError("get Secret", "no")
    outcome = cli("deploy", a_file(tmp_path, a_resource()), f"{TOKEN}=hush")
    assert (outcome.status, server.writes) == (Exit.FAILED, [])
    assert "hush" not in outcome.out + outcome.err


def test_a_resource_for_another_namespace_than_n_says_is_refused(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    resource = a_resource()
    resource["metadata"]["namespace"] = "east"
    file = a_file(tmp_path, resource)
    assert cli("deploy", file, "-n", "west").status == Exit.USAGE
    assert cli("deploy", file).status == 0
    assert THERE._replace(namespace="east") in server.objects


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": 1}, "it has no metadata"),
        ({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "a"}}, "it is not"),
        ({**a_resource(), "spec": {"image": 1}}, "spec.sdk"),
        ({**a_resource(), "spec": None}, "spec"),
    ],
)
def test_what_is_no_application_resource_is_refused(
    cli: CommandLine, tmp_path: Path, content: dict[str, Any], said: str
) -> None:
    outcome = cli("deploy", a_file(tmp_path, content))
    assert (outcome.status, said in outcome.err) == (Exit.PROBLEMS, True)


def test_a_project_needs_an_image(cli: CommandLine) -> None:
    outcome = cli("deploy", str(ROOT / "examples" / "hello"))
    assert outcome.status == Exit.PROBLEMS
    assert "nobody says which image" in outcome.err


def test_a_project_is_deployed_like_its_resource(
    cli: CommandLine, server: FakeServer, golden: Golden
) -> None:
    word = "cloudflow.streamlets.greeter.config-parameters.greeting=Hi"
    outcome = cli("deploy", str(ROOT / "examples" / "hello"), word, "--image", "hello@sha256:1")
    golden.check("deploy-project.txt", outcome.out)
    (found,) = [one for target, one in server.objects.items() if target.kind == APPLICATION]
    streamlets = {one["name"]: one for one in found["spec"]["streamlets"]}
    assert streamlets["greeter"]["parameters"] == [{"name": "greeting", "value": "Hi"}]


def test_an_application_that_is_on_its_way_out_is_left_alone(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    file = a_file(tmp_path, a_resource())
    cli("deploy", file)
    server.objects[THERE]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    outcome = cli("deploy", file)
    assert (outcome.status, "is being removed" in outcome.err) == (Exit.FAILED, True)


def test_wait_ends_with_the_reason_when_it_fails(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    def operate(there: FakeServer) -> None:
        found = there.objects[THERE]
        condition = {
            "type": "ConfigurationValid",
            "status": "False",
            "reason": "Invalid",
            "message": "a is wrong",
            "observedGeneration": 1,
            "lastTransitionTime": "",
        }
        generation = found["metadata"]["generation"]
        found["status"] = {"observedGeneration": generation, "conditions": [condition]}

    server.reacts = operate
    outcome = cli("deploy", a_file(tmp_path, a_resource()), "--wait", "--timeout", "1m")
    assert outcome.status == Exit.FAILED
    assert "sensor-data does not get ready: a is wrong" in outcome.err


def test_acc_19_credentials_are_stored_by_registry_and_kept_by_deployments(
    cli: CommandLine, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from io import StringIO

    def update(registry: str, password: str) -> str:
        monkeypatch.setattr("sys.stdin", StringIO(f"{password}\n"))
        words = ["update-docker-credentials", NAME, registry, "-u", "me", "--password-stdin"]
        outcome = cli(*words)
        assert outcome.status == 0
        assert password not in outcome.out + outcome.err
        return outcome.out

    assert "There is no application" in update("a.example", "first-password")
    file = a_file(tmp_path, a_resource())
    cli("deploy", file)
    update("b.example", "second-password")
    update("a.example", "third-password")
    cli("deploy", file)
    assert spec(server)["imagePullSecrets"] == [{"name": "sensor-data-registry"}]
    secret = server.objects[Target(SECRET, NAMESPACE, "sensor-data-registry")]
    auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    assert {name: one["password"] for name, one in auths.items()} == {
        "a.example": "third-password",
        "b.example": "second-password",
    }


def test_a_password_is_taken_from_stdin_alone(cli: CommandLine) -> None:
    outcome = cli("update-docker-credentials", NAME, "a.example", "-u", "me")
    assert outcome.status == Exit.USAGE
