"""What reconciling knows of the world: Kubernetes and Kafka as it needs them, and the time.

Implemented by `cluster` and `kafka_admin`, and by twins in the tests that pass the same contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from cloudflow_operator.api.v1alpha1 import TopicStatus
    from cloudflow_operator.desired.topics import DesiredTopic

Manifest: TypeAlias = "dict[str, Any]"
"""An object of Kubernetes as JSON has it."""


class Kind(NamedTuple):
    """A kind of object; `plural` is its word in URLs."""

    api_version: str
    name: str
    plural: str


SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SECRET = Kind("v1", "Secret", "secrets")
SERVICE = Kind("v1", "Service", "services")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets")
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
POD = Kind("v1", "Pod", "pods")

CHILDREN = (SERVICE_ACCOUNT, CONFIG_MAP, SERVICE, DEPLOYMENT, DISRUPTION_BUDGET)
"""The kinds that an application's children are of, in the order in which they are made."""


class Key(NamedTuple):
    """Which object of a namespace."""

    kind: Kind
    name: str


class Cluster(Protocol):
    """The API server. Every method raises `ClusterError`s and nothing else of the client's."""

    async def children(self, namespace: str, application: str) -> Sequence[Manifest]:
        """Every object of `CHILDREN`, and Pods and ReplicaSets, with the application's label.

        Each says its `apiVersion` and `kind`, and has its `managedFields`.
        """
        ...

    async def read(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """One object; None when it is not there."""
        ...

    async def apply(self, manifest: Manifest, *, manager: str, force: bool = True) -> Manifest:
        """Apply on the server's side, as `manager`; what the object is afterwards.

        A manifest with `metadata.uid` changes only the object of that uid. Without `force` no
        field is taken from another manager.

        Raises:
            ConflictError: when the object is another one now, or a field is another manager's.
        """
        ...

    async def make(self, manifest: Manifest, *, manager: str) -> Manifest:
        """Apply what is not there; nothing is ever written to an object that is.

        Raises:
            TakenError: when it is, whosever it may be.
        """
        ...

    async def delete(self, key: Key, namespace: str, *, uid: str) -> None:
        """Delete the object of that uid; one that is gone is fine."""
        ...

    async def applications(self) -> Sequence[Manifest]:
        """All applications that this operator looks after."""
        ...

    async def set_finalizers(self, application: Manifest, finalizers: Sequence[str]) -> None:
        """Replace the finalizers of an application, if it is as `application` says it is.

        Raises:
            ConflictError: when it changed meanwhile, or is gone.
        """
        ...

    async def write_status(self, application: Manifest, status: Mapping[str, Any]) -> Manifest:
        """Replace the status of an application; what it is afterwards."""
        ...

    async def event(
        self, application: Manifest, *, reason: str, message: str, is_warning: bool
    ) -> None:
        """Tell people; repeated ones are counted up, not written again."""
        ...


class Topics(Protocol):
    """Topics and consumer groups of Kafka, on all clusters.

    Nothing is raised: what went wrong is in the state and the message of each topic. It ends in
    seconds, whatever Kafka does.
    """

    async def ensure(
        self, wanted: Sequence[DesiredTopic], before: Mapping[str, TopicStatus]
    ) -> Sequence[TopicStatus]:
        """Make what is missing, raise and alter what was asked, where it is the application's own.

        Args:
            wanted: what shall be there.
            before: how topics were, by `DesiredTopic.label`. Only those that were `created` by
                this application are made, raised or altered: a topic has to be written down as
                the application's own before it is made.

        Returns:
            How each of `wanted` is, in its order and named by its label. `partitions` is None
            where the topic is not there or could not be looked at. `created` is as before, and no
            longer so where somebody else was faster.
        """
        ...

    async def delete(self, topics: Sequence[TopicStatus]) -> Sequence[TopicStatus]:
        """Delete topics with their records; those that are gone are fine.

        Returns:
            Those that are still there, with why.
        """
        ...

    async def groups(self, prefixes: Mapping[str, str]) -> Mapping[str, Sequence[str] | None]:
        """The consumer groups whose names begin with the prefix of each cluster, sorted.

        None of a cluster that did not tell of all.
        """
        ...


class Copies(Protocol):
    """Secrets of Kafka clusters, in the namespaces that may have them."""

    async def ensure(self, namespace: str, clusters: Iterable[str]) -> None:
        """Have what pods in `namespace` need for `clusters`, as far as it is allowed.

        Raises:
            ClusterError: when one could not be written.
        """
        ...


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        ...
