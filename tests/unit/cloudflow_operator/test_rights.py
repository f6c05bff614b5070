"""Roles hold what is needed and no more, and requests are named as roles name them."""

from __future__ import annotations

import pytest

from cloudflow_operator.rights import APPLICATIONS, OWN, Installation, Use, copies, use

ALL = (*APPLICATIONS, *OWN, *copies(["default"]))


@pytest.mark.parametrize(
    ("method", "url", "used"),
    [
        ("GET", "/api/v1/pods?limit=100", Use("list", "", "pods")),
        ("GET", "/api/v1/namespaces/a/pods", Use("list", "", "pods", "a")),
        ("GET", "/api/v1/namespaces/a/pods?watch=true&x=1", Use("watch", "", "pods", "a")),
        ("GET", "/api/v1/namespaces/a/pods/b", Use("get", "", "pods", "a", "b")),
        ("GET", "/api/v1/namespaces/a", Use("get", "", "namespaces", "", "a")),
        ("PUT", "/apis/g/v1/namespaces/a/ks/b", Use("update", "g", "ks", "a", "b")),
        ("PATCH", "/apis/g/v1/namespaces/a/ks/b/status", Use("patch", "g", "ks/status", "a", "b")),
        ("POST", "/apis/g/v1/namespaces/a/ks", Use("create", "g", "ks", "a")),
        ("POST", "/api/v1/namespaces/a/s/b/token", Use("create", "", "s/token", "a", "b")),
        ("DELETE", "/apis/g/v1/namespaces/a/ks/b", Use("delete", "g", "ks", "a", "b")),
        ("DELETE", "/apis/g/v1/namespaces/a/ks", Use("deletecollection", "g", "ks", "a")),
        ("GET", "/apis/g/v1", None),
        ("GET", "/api", None),
        ("GET", "/version", None),
    ],
)
def test_a_request_is_named_as_roles_name_it(method: str, url: str, used: Use | None) -> None:
    assert use(method, url) == used


def test_no_rule_grants_everything() -> None:
    words = [word for rule in ALL for word in (rule.group, *rule.resources, *rule.verbs)]
    assert not [word for word in words if "*" in word]
    assert all(rule.resources and rule.verbs and rule.why for rule in ALL)


def test_secrets_of_applications_cannot_be_read() -> None:
    assert not [rule for rule in APPLICATIONS if "secrets" in rule.resources]
    for rule in copies(["default", "other"]):
        assert set(rule.verbs) == {"create", "patch"}
        assert rule.only == ("cloudflow-kafka-default", "cloudflow-kafka-other")


def test_an_installation_for_all_namespaces_needs_one_cluster_role() -> None:
    made = list(Installation(namespace="cloudflow").roles())
    assert [(one["kind"], one["metadata"].get("namespace")) for one in made] == [
        ("Role", "cloudflow"),
        ("RoleBinding", "cloudflow"),
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
    ]


def test_an_installation_for_some_namespaces_has_no_rights_in_others() -> None:
    installation = Installation(namespace="own", watches=["a", "own"], copies={"a": ["default"]})
    made = list(installation.roles())
    assert {one["kind"] for one in made} == {"Role", "RoleBinding"}
    named = [(one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]) for one in made]
    assert len(set(named)) == len(named) == 8
    assert {namespace for _, namespace, _ in named} == {"own", "a"}


def test_every_role_is_bound_to_the_account() -> None:
    made = list(Installation(namespace="own", watches=["a"], account="theirs").roles())
    subjects = [one["subjects"] for one in made if "subjects" in one]
    account = {"kind": "ServiceAccount", "name": "theirs", "namespace": "own"}
    assert subjects == [[account]] * 2
    assert [one["roleRef"]["name"] for one in made if "roleRef" in one] == [
        one["metadata"]["name"] for one in made if "rules" in one
    ]
