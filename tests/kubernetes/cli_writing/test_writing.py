"""The commands that write an application, on a real API server beside the real kubectl.

The operator is there by what it says of itself; nothing is made of an application here.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cloudflow_cli.exits import Exit
from cloudflow_operator import names
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from support.applications import NAME, MetricsIngress, a_streamlet, a_topic
from support.deploying import a_file, a_resource, plain
from support.kube import Document, document
from support.kube_server import an_operator
from support.resources import install
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from support.kube import Kube

MAIN = "from cloudflow_cli.main import main; main()"
TOKEN = "cloudflow.streamlets.validation.config-parameters.token"


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A namespace that an operator looks after, and who works there."""

    kube: Kube
    kubeconfig: Path
    kubectl_path: Path
    namespace: str
    folder: Path

    async def run(self, *words: str, stdin: str = "") -> Outcome:
        """What a command of ours says there, in a process of its own."""
        return await self._run([sys.executable, "-c", MAIN, *words], ["--kubeconfig", "-n"], stdin)

    async def kubectl(self, *words: str) -> Outcome:
        """What kubectl says there."""
        return await self._run([str(self.kubectl_path), *words], ["--kubeconfig", "-n"], "")

    async def read(self) -> Document:
        """The application."""
        return await self.kube.read(document(API_VERSION, KIND, NAME, self.namespace))

    async def secret(self, name: str) -> dict[str, str]:
        """What a Secret holds."""
        found = await self.kube.read(document("v1", "Secret", name, self.namespace))
        return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}

    def file(self, **spec: Any) -> str:
        """The path of a file with the application."""
        return a_file(self.folder, a_resource(**spec))

    async def _run(self, command: list[str], flags: list[str], stdin: str) -> Outcome:
        values = (str(self.kubeconfig), self.namespace)
        named = [word for pair in zip(flags, values, strict=True) for word in pair]
        packages = os.pathsep.join(map(str, (ROOT, ROOT / "cli", ROOT / "operator")))
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, *named],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": packages},
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
async def place(
    kube: Kube, api_server: Path, kubectl: Path, namespace: str, tmp_path: Path
) -> Place:
    """A namespace with an operator of its own; those of other tests watch others."""
    await install(kube)
    told = an_operator(namespace, watches=json.dumps([namespace]))
    await kube.create(told)
    return Place(kube, api_server, kubectl, namespace, tmp_path)


def without_validation() -> dict[str, Any]:
    return {
        "streamlets": [a_streamlet("ingress", MetricsIngress)],
        "topics": [a_topic("raw", ("ingress.out",))],
    }


async def test_deploy_writes_what_the_file_says(place: Place) -> None:
    outcome = await place.run("deploy", place.file())
    assert (outcome.status, outcome.err) == (0, "")
    assert (await place.read())["spec"].items() >= plain(a_resource()["spec"]).items()


async def test_acc_04_the_same_again_writes_nothing_new(place: Place) -> None:
    await place.run("deploy", place.file())
    before = await place.read()
    outcome = await place.run("deploy", place.file())
    assert outcome.out.endswith("nothing changes.\n")
    assert (await place.read())["metadata"]["resourceVersion"] == (
        before["metadata"]["resourceVersion"]
    )


@pytest.mark.parametrize("how", ["--server-side", "--server-side=false"])
async def test_overrides_survive_what_git_applies(place: Place, how: str) -> None:
    file = place.file()
    apply = ["apply", how, "-f", file]
    assert (await place.kubectl(*apply)).status == 0
    assert (await place.run("scale", NAME, "validation=3")).status == 0
    assert (await place.kubectl("diff", how, "-f", file)).status == 0
    assert (await place.kubectl(*apply)).status == 0
    overrides = [{"name": "validation", "replicas": 3}]
    assert (await place.read())["spec"]["overrides"] == overrides


@pytest.mark.parametrize("how", ["--server-side", "--server-side=false"])
async def test_acc_11_git_can_remove_a_streamlet_that_was_scaled(place: Place, how: str) -> None:
    await place.kubectl("apply", how, "-f", place.file())
    await place.run("scale", NAME, "validation=3")
    outcome = await place.kubectl("apply", how, "-f", place.file(**without_validation()))
    assert (outcome.status, outcome.err) == (0, "")
    assert [one["name"] for one in (await place.read())["spec"]["streamlets"]] == ["ingress"]


async def test_acc_11_deploy_can_remove_a_streamlet_that_was_scaled(place: Place) -> None:
    await place.run("deploy", place.file())
    await place.run("scale", NAME, "validation=3")
    outcome = await place.run("deploy", place.file(**without_validation()))
    assert (outcome.status, "- validation: removed" in outcome.out) == (0, True)


async def test_what_the_server_would_refuse_is_told_before_anything_is_written(
    place: Place,
) -> None:
    await place.run("deploy", place.file())
    before = await place.read()
    raw = a_topic("raw", ("ingress.out",), ("validation.in",))
    topics = [plain({**raw, "kafkaName": "x" * 300}), plain(a_topic("good", ("validation.out",)))]
    outcome = await place.run("deploy", place.file(topics=topics), f"{TOKEN}=hush")
    assert outcome.status != 0
    found = await place.kube.find(document("v1", "Secret", f"{NAME}-parameters", place.namespace))
    assert (found, await place.read()) == (None, before)


async def test_a_dry_run_of_the_server_writes_nothing(place: Place) -> None:
    outcome = await place.run("deploy", place.file(), f"{TOKEN}=hush", "--dry-run", "server")
    assert (outcome.status, "is new" in outcome.out) == (0, True)
    named = document(API_VERSION, KIND, NAME, place.namespace)
    assert await place.kube.find(named) is None


async def test_managers_never_share_a_field(place: Place) -> None:
    file = place.file()
    await place.run("deploy", file, f"{TOKEN}=deployed")
    await place.run("scale", NAME, "validation=3", "ingress=2")
    await place.run("configure", NAME, f"{TOKEN}=configured")
    password = ["-u", "me", "--password-stdin"]
    words = ["update-docker-credentials", NAME, "a.example", *password]
    assert (await place.run(*words, stdin="secret\n")).status == 0
    owned = [
        (one["manager"], path)
        for one in (await place.read())["metadata"]["managedFields"]
        for path in _paths(one["fieldsV1"])
    ]
    paths = [path for _, path in owned]
    assert len(paths) == len(set(paths))
    managers = {names.DEPLOY_MANAGER, names.OVERRIDES_MANAGER, names.CREDENTIALS_MANAGER}
    assert {manager for manager, _ in owned} == managers


def _paths(fields: dict[str, Any], above: str = "") -> list[str]:
    """What a manager owns, leaves only; the names of entries are shared by nature."""
    if not fields:
        return [above]
    return [path for key, below in fields.items() for path in _paths(below, f"{above}/{key}")]


async def test_secrets_of_deploy_and_configure_stand_beside_each_other(place: Place) -> None:
    file = place.file()
    outcomes = [
        await place.run("deploy", file, f"{TOKEN}=deployed-value"),
        await place.run("configure", NAME, f"{TOKEN}=first-value"),
        await place.run("configure", NAME, f"{TOKEN}=second-value"),
        await place.run("deploy", file, f"{TOKEN}=deployed-value"),
        await place.run("configuration", NAME, "--explain"),
    ]
    assert [one.status for one in outcomes] == [0] * len(outcomes)
    assert not [one for one in outcomes if "-value" in one.out + one.err]
    assert await place.secret(f"{NAME}-parameters") == {
        "validation.token": "deployed-value",
        "overrides.validation.token": "first-value",
        "overrides.validation.token.2": "second-value",
    }
    (streamlet,) = (await place.read())["spec"]["overrides"]
    (parameter,) = streamlet["parameters"]
    key = parameter["valueFrom"]["secretKeyRef"]["key"]
    assert key == "overrides.validation.token.2"


async def test_reset_takes_overrides_away(place: Place) -> None:
    file = place.file()
    await place.run("deploy", file)
    await place.run("scale", NAME, "validation=3")
    assert (await place.run("deploy", file, "--reset")).status == 0
    assert not (await place.read())["spec"].get("overrides")


async def test_acc_19_a_pull_secret_is_kept_by_deploy_and_by_git(place: Place) -> None:
    words = ["-u", "me", "--password-stdin"]
    file = place.file()
    for registry in ("a.example", "b.example"):
        command = ["update-docker-credentials", NAME, registry, *words]
        assert (await place.run(*command, stdin=f"of {registry}")).status == 0
        assert (await place.run("deploy", file)).status == 0
    assert (await place.kubectl("apply", "-f", file)).status == 0
    secret = f"{NAME}-registry"
    assert (await place.read())["spec"]["imagePullSecrets"] == [{"name": secret}]
    auths = json.loads((await place.secret(secret))[".dockerconfigjson"])["auths"]
    assert {name: one["password"] for name, one in auths.items()} == {
        "a.example": "of a.example",
        "b.example": "of b.example",
    }
    made = await place.kube.read(document("v1", "Secret", secret, place.namespace))
    assert made["metadata"]["ownerReferences"][0]["name"] == NAME
    again = ["update-docker-credentials", NAME, "a.example", *words]
    assert (await place.run(*again, stdin="another")).status == 0
    after = json.loads((await place.secret(secret))[".dockerconfigjson"])["auths"]
    assert (after["a.example"]["password"], after["b.example"]) == ("another", auths["b.example"])


async def test_counts_that_two_people_write_at_once_are_both_there(place: Place) -> None:
    await place.run("deploy", place.file())
    outcomes = await asyncio.gather(
        place.run("scale", NAME, "validation=3"), place.run("scale", NAME, "ingress=2")
    )
    assert [one.status for one in outcomes] == [0, 0]
    found = {one["name"]: one["replicas"] for one in (await place.read())["spec"]["overrides"]}
    assert found == {"validation": 3, "ingress": 2}


async def test_a_claim_that_is_not_there_is_a_problem(place: Place) -> None:
    template = {"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}}
    streamlets = plain([*a_resource()["spec"]["streamlets"]])
    streamlets[1]["podTemplate"] = template
    outcome = await place.run("deploy", place.file(streamlets=streamlets))
    assert outcome.status == Exit.PROBLEMS
    assert "there is no PersistentVolumeClaim 'c'" in outcome.err


async def test_it_is_found_by_kubectl_as_a_plug_in(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "bin" / "kubectl-cloudflow"
    plugin.parent.mkdir()
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{MAIN}" "$@"\n')
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", str(plugin.parent), prepend=os.pathsep)
    outcome = await place.kubectl("cloudflow", "plan", place.file(), "-o", "yaml")
    assert outcome.status == 0
    assert yaml.safe_load(outcome.out)["new"] is True
