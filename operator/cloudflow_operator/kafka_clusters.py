"""The Kafka clusters that the operator knows, from Secrets in its own namespace.

A watch feeds `KafkaClusterBook`; who reconciles asks it what a namespace may use, and the admin
how to connect. `SecretCopies` brings credentials to the namespaces that a Secret allows.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudflow_operator import names
from cloudflow_operator.desired.clusters import KafkaCluster
from cloudflow_operator.errors import ConflictError
from cloudflow_operator.interfaces import SECRET
from cloudflow_operator.kafka_secrets import Source, UnusableEntry, source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cloudflow_operator.desired.clusters import KafkaClusters
    from cloudflow_operator.interfaces import Cluster, Manifest

_DEFAULT: Final = "default"
_FOREIGN: Final = "Delete that Secret to have the operator's copy, or take the namespace off the "


class Connection(NamedTuple):
    """How the operator itself connects; holds credentials."""

    servers: str
    properties: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the properties."""
        return f"Connection(servers={self.servers!r})"


class KafkaClusterBook:
    """All Kafka clusters, and which applications name which."""

    def __init__(self) -> None:
        """Know none."""
        self._sources: dict[str, Source] = {}
        self._users: dict[tuple[str, str], frozenset[str]] = {}
        self._changed: set[str] = set()

    def put(self, secret: Manifest) -> None:
        """A Secret with the label of Kafka clusters is so, as the API server has it."""
        new = source(secret)
        old = self._sources.get(new.secret)
        if new != old:
            self._sources[new.secret] = new
            self._changed |= {one.cluster for one in (old, new) if one is not None}

    def remove(self, name: str) -> None:
        """The Secret of that name is gone, or has the label no more."""
        if (gone := self._sources.pop(name, None)) is not None:
            self._changed.add(gone.cluster)

    def changed(self) -> frozenset[tuple[str, str]]:
        """Namespace and name of the applications whose clusters changed since it was asked last."""
        changed, self._changed = self._changed, set()
        return frozenset(user for user, used in self._users.items() if used & changed)

    def clusters_of(self, application: Manifest) -> KafkaClusters:
        """What an application may use; from now on `changed` tells of it."""
        metadata = application["metadata"]
        self._users[metadata["namespace"], metadata["name"]] = frozenset(_named(application))
        return self.clusters()

    def forget(self, namespace: str, application: str) -> None:
        """The application is gone."""
        self._users.pop((namespace, application), None)

    def clusters(self) -> KafkaClusters:
        """All clusters by name, those that cannot be used too, with their problems."""
        return {one.cluster: _as_seen(one) for one in self._distinct().values()}

    def connection(self, cluster: str) -> Connection | None:
        """How to connect to a cluster; None when it is not there or cannot be used."""
        found = self._distinct().get(cluster)
        if found is None or found.problems:
            return None
        return Connection(found.servers, found.connection)

    def copy(self, cluster: str, namespace: str) -> Manifest | None:
        """The Secret that pods in `namespace` mount; None when the operator may not make it."""
        found = self._distinct().get(cluster)
        is_asked = found is not None and namespace in found.allowed and found.has_credentials
        if found is None or found.problems or not is_asked:
            return None
        return {
            "apiVersion": SECRET.api_version,
            "kind": SECRET.name,
            "metadata": {
                "name": names.kafka_secret(cluster),
                "namespace": namespace,
                # Not the label of clusters: it is a copy, and no source.
                "labels": {names.MANAGED_BY: names.MANAGER},
            },
            "type": "Opaque",
            "data": {
                key: base64.b64encode(text.encode()).decode()
                for key, text in sorted(found.entries.items())
            },
        }

    def _distinct(self) -> dict[str, Source]:
        """The clusters by name; one that two Secrets describe cannot be used."""
        found: dict[str, Source] = {}
        for name, one in sorted(self._sources.items()):
            if (first := found.get(one.cluster)) is not None:
                problem = UnusableEntry(
                    path=f"Secret {name}: label {names.KAFKA_CLUSTER}",
                    reason=f"Secret {first.secret} describes cluster {one.cluster!r} too",
                    advice="Remove one of the two, or give it another name.",
                )
                found[one.cluster] = Source(
                    cluster=one.cluster, secret=first.secret, problems=(*first.problems, problem)
                )
            else:
                found[one.cluster] = one
        return found


class SecretCopies:
    """Brings Secrets of Kafka clusters to the namespaces that may have them.

    A copy is written once, and again when its source has changed or the operator is started anew:
    the operator may write Secrets there and not read them.
    """

    def __init__(self, book: KafkaClusterBook, cluster: Cluster) -> None:
        """Write nothing yet."""
        self._book = book
        self._cluster = cluster
        self._done: dict[tuple[str, str], Manifest] = {}

    async def ensure(self, namespace: str, clusters: Iterable[str]) -> None:
        """Have what pods in `namespace` need for `clusters`, as far as it is allowed.

        Raises:
            ClusterError: when one could not be written.
        """
        for name in clusters:
            wanted = self._book.copy(name, namespace)
            if wanted is None or self._done.get((namespace, name)) == wanted:
                continue
            await self._write(wanted)
            self._done[namespace, name] = wanted

    async def _write(self, wanted: Manifest) -> None:
        try:
            # Not by force: what somebody else put there is theirs.
            await self._cluster.apply(wanted, manager=names.FIELD_MANAGER, force=False)
        except ConflictError as error:
            hint = f"{_FOREIGN}annotation {names.ALLOWED_NAMESPACES}."
            raise ConflictError(error.doing, "it is somebody else's", hint=hint) from error


def _as_seen(one: Source) -> KafkaCluster:
    """A cluster as applications see it, without anything that is secret."""
    secret = names.kafka_secret(one.cluster) if one.has_credentials else None
    return KafkaCluster(
        prefix=one.prefix,
        partitions=one.partitions,
        replication_factor=one.replication_factor,
        properties={} if secret is not None else one.entries,
        secret=secret,
        problems=one.problems,
    )


def _named(application: Manifest) -> Iterator[str]:
    """The clusters that the topics of an application are on, whatever else is wrong with it."""
    yield _DEFAULT
    topics = (application.get("spec") or {}).get("topics")
    for topic in topics if isinstance(topics, list) else ():
        if isinstance(topic, dict) and isinstance(name := topic.get("cluster"), str):
            yield name
