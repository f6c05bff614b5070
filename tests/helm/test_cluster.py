"""A real API server takes all that the chart makes, and keeps applications whatever Helm does."""

from __future__ import annotations

import json
import shutil
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from kubernetes.aio.client import ApiException

from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from support.chart import BESIDE, CHART, NAMESPACE, OTHERS, rendered, run, settings
from support.kube import APPLY, Kube, a_kube, address, document, eventually, path
from testbed.kubernetes import control_plane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.chart import Document

OF_PROMETHEUS = "monitoring.coreos.com"
NAMESPACES = (NAMESPACE, "plant", "lab")
ACCOUNTS = ("cloudflow-operator", "another")
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
DRY = {"fieldManager": "tests", "dryRun": "All", "fieldValidation": "Strict"}
NEWER = "    shortNames:\n"
"""A line of the definition; the next one goes with it."""
DEFINITION = document(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "cloudflowapplications.cloudflow.dev"
)
APPLICATION = document(
    API_VERSION,
    KIND,
    "hello",
    "plant",
    spec={
        "sdk": {"version": "0.1.0", "contract": 1},
        "version": "1",
        "image": "a/b",
        "streamlets": [],
    },
)


@pytest.fixture(scope="module")
def administrator() -> Iterator[Path]:
    """The kubeconfig of an API server of its own: the definition belongs to no namespace."""
    with control_plane(controllers=False) as made:
        yield made.kubeconfig


@pytest.fixture
async def kube(administrator: Path) -> AsyncIterator[Kube]:
    async with a_kube(administrator) as made:
        for name in NAMESPACES:
            namespace = document("v1", "Namespace", name)
            namespace["metadata"]["labels"] = RESTRICTED
            await made.apply(namespace)
        yield made


class Helm:
    """What Helm does for an administrator."""

    def __init__(self, administrator: Path) -> None:
        self._where = (f"--kubeconfig={administrator}", f"--namespace={NAMESPACE}")

    def do(self, *words: str, **values: object) -> None:
        """Something that works."""
        done = run(*words, *self._where, *settings(values))
        assert done.returncode == 0, done.stderr

    def refused(self, *words: str) -> str:
        """Why something is not done."""
        done = run(*words, *self._where)
        assert done.returncode != 0
        return done.stderr


def everything() -> dict[str, tuple[str, Document]]:
    """Each different document that some value makes, with the value."""
    made: dict[str, tuple[str, Document]] = {}
    for value in ("", *OTHERS):
        values = {**BESIDE.get(value, {}), value: OTHERS[value]} if value else {}
        for each in rendered(values):
            made.setdefault(json.dumps(each, sort_keys=True), (value, each))
    return made


async def test_the_server_takes_all_that_is_made_for_every_value(kube: Kube) -> None:
    asked = [each for _, each in everything().values() if OF_PROMETHEUS not in each["apiVersion"]]
    assert {"Deployment", "Secret", "Role", "ClusterRole", "CustomResourceDefinition"} <= {
        each["kind"] for each in asked
    }
    for each in asked:
        await kube.ask("PATCH", address(each), each, APPLY, {**DRY, "force": "true"})


async def test_a_restricted_namespace_takes_the_pods(kube: Kube) -> None:
    for name in ACCOUNTS:
        await kube.apply(document("v1", "ServiceAccount", name, "lab"))
    pods = [
        (value, each["spec"]["template"])
        for value, each in everything().values()
        if each["kind"] == "Deployment" and value != "priorityClassName"
    ]
    assert len(pods) > 10
    for _, template in pods:
        pod = document("v1", "Pod", "operator", "lab", spec=template["spec"])
        await kube.ask("POST", path("v1", "Pod", "lab"), pod, query=DRY)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The chart with a definition that lacks what the next one has."""
    made = shutil.copytree(CHART, tmp_path / "older")
    file = made / "templates" / "definition.yaml"
    lines = file.read_text().splitlines(keepends=True)
    at = lines.index(NEWER)
    file.write_text("".join(lines[:at] + lines[at + 2 :]))
    return made


async def test_applications_outlive_the_chart(kube: Kube, administrator: Path, older: Path) -> None:
    async def is_served() -> bool:
        try:
            await kube.apply(APPLICATION)
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    async def short_names() -> list[str]:
        found = await kube.read(DEFINITION)
        return list(found["spec"]["names"].get("shortNames", ()))

    helm = Helm(administrator)
    helm.do("install", "cloudflow", str(older))
    assert await short_names() == []
    await eventually(is_served, "applications to be served")
    before = await kube.read(APPLICATION)
    helm.do("upgrade", "cloudflow", str(CHART), replicas=2)
    assert await short_names() == ["cfa"]
    helm.do("rollback", "cloudflow", "1")
    assert await short_names() == []
    helm.do("uninstall", "cloudflow")
    assert await kube.read(APPLICATION) == before
    assert "cannot be imported" in helm.refused("install", "another", str(CHART))
    helm.do("install", "cloudflow", str(CHART))
    assert await short_names() == ["cfa"]
    assert await kube.read(APPLICATION) == before
