"""What the operator may do on the API server: the one source of its roles.

The chart's roles are made from here, and tests run the operator with exactly these. Every rule says
what it is for; what no code needs is not granted. Nothing here asks the server for anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from cloudflow_operator.api.v1alpha1 import GROUP, PLURAL
from cloudflow_operator.names import ABOUT, ACCOUNT, LEASE, kafka_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cloudflow_operator.interfaces import Manifest

_RBAC: Final = "rbac.authorization.k8s.io"
_LOOK: Final = ("list", "watch")
_CHILD: Final = ("get", "list", "watch", "create", "patch", "delete")
_OBJECT_WITH_NAME: Final = {"GET": "get", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


class Rule(NamedTuple):
    """What may be done with some resources of an API group.

    Attributes:
        group: empty for the core one.
        resources: as URLs have them, with `/part` for a subresource.
        verbs: as RBAC has them.
        why: for people who review it.
        only: names of objects; empty for all.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    only: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """As it stands in a role."""
        made: dict[str, Any] = {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }
        return {**made, "resourceNames": list(self.only)} if self.only else made


APPLICATIONS: Final = (
    Rule(GROUP, (PLURAL,), ("get", *_LOOK), "to know what shall run"),
    Rule(GROUP, (PLURAL,), ("patch",), "to add and remove the finalizer that deletes topics"),
    Rule(GROUP, (f"{PLURAL}/status",), ("patch",), "to tell how it is"),
    Rule(
        GROUP,
        (f"{PLURAL}/finalizers",),
        ("update",),
        "to own children where OwnerReferencesPermissionEnforcement is on, as on OpenShift",
    ),
    Rule("", ("configmaps", "serviceaccounts", "services"), _CHILD, "to keep children"),
    Rule("apps", ("deployments",), _CHILD, "to keep children"),
    Rule("policy", ("poddisruptionbudgets",), _CHILD, "to keep children"),
    Rule("apps", ("replicasets",), _LOOK, "to know which configurations are in use, and quotas"),
    Rule("", ("pods",), _LOOK, "to tell how pods are"),
    Rule("events.k8s.io", ("events",), ("get", "create", "patch"), "to tell people what happened"),
)
"""In each namespace with applications, or in all."""

OWN: Final = (
    # By its name it could not be made: a request to make something has the name inside.
    Rule("coordination.k8s.io", ("leases",), ("create",), "to stand for election"),
    Rule("coordination.k8s.io", ("leases",), ("get", "update"), "to lead", (LEASE,)),
    Rule(
        "",
        ("configmaps",),
        ("get", "create", "patch"),
        "to tell the command line about the operator",
        (ABOUT,),
    ),
    Rule("", ("secrets",), _LOOK, "to know the Kafka clusters"),
)
"""In the operator's own namespace."""


def copies(clusters: Iterable[str]) -> tuple[Rule, ...]:
    """In each namespace that may have copies of these Kafka clusters' Secrets.

    A patch tells what was there before, so it is granted for the copies alone.
    """
    names = tuple(map(kafka_secret, clusters))
    why = "to copy the client properties of a Kafka cluster"
    return (Rule("", ("secrets",), ("create", "patch"), why, names),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An operator and where it works.

    Attributes:
        namespace: its own.
        watches: namespaces whose applications it runs; none means all.
        copies: by namespace, the Kafka clusters of whose Secrets it may have copies.
        account: its ServiceAccount.
    """

    namespace: str
    watches: Sequence[str] = ()
    copies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    account: str = ACCOUNT

    def roles(self) -> Iterator[Manifest]:
        """Every role and its binding."""
        yield from self._granted(f"{ACCOUNT}-own", OWN, self.namespace)
        for namespace, clusters in self.copies.items():
            yield from self._granted(f"{ACCOUNT}-copies", copies(clusters), namespace)
        for namespace in self.watches:
            yield from self._granted(f"{ACCOUNT}-applications", APPLICATIONS, namespace)
        if not self.watches:
            # Not of a namespace, so two operators must not share it.
            name = f"{ACCOUNT}-applications-{self.namespace}"
            yield from self._granted(name, APPLICATIONS, None)

    def _granted(
        self, name: str, rules: Sequence[Rule], namespace: str | None
    ) -> Iterator[Manifest]:
        kind = "ClusterRole" if namespace is None else "Role"
        metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
        version = f"{_RBAC}/v1"
        documents = [rule.as_document() for rule in rules]
        yield {"apiVersion": version, "kind": kind, "metadata": metadata, "rules": documents}
        account = {"kind": "ServiceAccount", "name": self.account, "namespace": self.namespace}
        yield {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": dict(metadata),
            "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name},
            "subjects": [account],
        }


class Use(NamedTuple):
    """What a request needs a right for; `namespace` and `name` are empty where it names none."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


def use(method: str, url: str) -> Use | None:
    """What a request needs; None for one that is about no resource, such as discovery.

    An apply that makes its object needs `create` besides, of an object with that name.

    Args:
        method: of HTTP.
        url: path and query.
    """
    parts = urlsplit(url)
    match parts.path.strip("/").split("/"):
        case ["api", _, *rest]:
            group = ""
        case ["apis", group, _, *rest]:
            pass
        case _:
            return None
    match rest:
        case ["namespaces", namespace, kind, *names]:
            pass
        case [kind, *names]:
            namespace = ""
        case _:
            return None
    name = names[0] if names else ""
    watches = parse_qs(parts.query).get("watch", [""])[0] in {"1", "true", "True"}
    verb = _verb(method, has_name=bool(name), watches=watches)
    return Use(verb, group, "/".join((kind, *names[1:])), namespace, name)


def _verb(method: str, *, has_name: bool, watches: bool) -> str:
    if watches:
        return "watch"
    if has_name:
        return _OBJECT_WITH_NAME.get(method, "create")
    return {"GET": "list", "DELETE": "deletecollection"}.get(method, "create")
