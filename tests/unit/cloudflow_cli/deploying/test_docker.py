"""Credentials of registries: merged by registry, in the form that the kubelet reads."""

from __future__ import annotations

import base64
import json

import pytest

from cloudflow_cli.deploying import docker


def test_acc_19_entries_of_two_registries_stand_beside_each_other() -> None:
    first = docker.manifest("app", "plant", {"a.example": docker.entry("u", "p")}, None)
    entries = {**docker.registries(first), "b.example": docker.entry("v", "q")}
    second = docker.manifest("app", "plant", entries, None)
    entries = {**docker.registries(second), "a.example": docker.entry("u", "new")}
    found = docker.registries(docker.manifest("app", "plant", entries, None))
    assert {name: one["password"] for name, one in found.items()} == {
        "a.example": "new",
        "b.example": "q",
    }


def test_an_entry_is_what_the_kubelet_reads() -> None:
    made = docker.manifest("app", "plant", {"a.example": docker.entry("me", "hush")}, None)
    assert made["type"] == "kubernetes.io/dockerconfigjson"
    text = base64.b64decode(made["data"][".dockerconfigjson"])
    entry = json.loads(text)["auths"]["a.example"]
    assert base64.b64decode(entry["auth"]) == b"me:hush"


@pytest.mark.parametrize("data", [{}, {".dockerconfigjson": "%%"}, {".dockerconfigjson": "W10="}])
def test_a_secret_with_rubbish_has_no_entries(data: dict[str, str]) -> None:
    assert docker.registries({"data": data}) == {}


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("https://registry.example/", "registry.example"),
        ("registry.example:5000", "registry.example:5000"),
        ("docker.io", "https://index.docker.io/v1/"),
    ],
)
def test_a_registry_is_named_as_the_kubelet_names_it(given: str, host: str) -> None:
    assert docker.registry(given) == host
