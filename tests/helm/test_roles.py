"""The chart grants what `rights.py` says, wherever it is installed, and to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudflow_operator.rights import Installation
from support.chart import NAMESPACE, only, rendered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.chart import Document

# Some are names to Kubernetes and something else to YAML.
NAMES = st.sampled_from(["no", "null", "1e3", "123"]) | st.from_regex(
    "[a-z]([-a-z0-9]{0,5}[a-z0-9])?", fullmatch=True
)
NAMESPACES = st.lists(NAMES, max_size=3, unique=True)
ABOUT = "cloudflow-operator-about"


def roles(documents: Sequence[Document]) -> list[Document]:
    """Roles and bindings without what the chart adds to each; ordered."""
    found = [
        {**each, "metadata": {k: v for k, v in each["metadata"].items() if k != "labels"}}
        for each in documents
        if each["apiVersion"].startswith("rbac.") and each["metadata"]["name"] != ABOUT
    ]
    return ordered(found)


def ordered(documents: Sequence[Document]) -> list[Document]:
    def key(each: Document) -> tuple[str, ...]:
        return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]

    return sorted(documents, key=key)


# Helm is a process of its own at each example.
@settings(max_examples=15)
@given(watches=NAMESPACES, allowed=st.dictionaries(NAMES, NAMESPACES, max_size=3), account=NAMES)
def test_roles_are_those_of_the_operator(
    watches: Sequence[str], allowed: Mapping[str, Sequence[str]], account: str
) -> None:
    clusters = {
        name: {"existingSecret": "a", "allowedNamespaces": list(namespaces)}
        for name, namespaces in allowed.items()
    }
    copies: dict[str, list[str]] = {}
    for name in sorted(allowed):
        for namespace in allowed[name]:
            copies.setdefault(namespace, []).append(name)
    installation = Installation(
        namespace=NAMESPACE, watches=watches, copies=copies, account=account
    )
    made = rendered(
        {
            "watchNamespaces": list(watches),
            "kafkaClusters": clusters,
            "serviceAccount.name": account,
        }
    )
    assert roles(made) == ordered(list(installation.roles()))


def test_everyone_may_see_one_config_map_and_nothing_else() -> None:
    documents = rendered({})
    [role, binding] = [each for each in documents if each["metadata"]["name"] == ABOUT]
    [rule] = role["rules"]
    assert rule == {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "verbs": ["get"],
        "resourceNames": ["cloudflow-operator"],
    }
    assert [each["name"] for each in binding["subjects"]] == ["system:authenticated"]
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == NAMESPACE
    assert [each for each in documents if "system:" in str(each.get("subjects"))] == [binding]


def test_the_pod_is_the_account_that_is_bound() -> None:
    made = rendered({"serviceAccount.name": "another"})
    assert only(made, "ServiceAccount")["metadata"]["name"] == "another"
    spec = only(made, "Deployment")["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "another"
    assert spec["automountServiceAccountToken"] is True
