"""Tells the command line about this operator, by a ConfigMap in the operator's namespace.

The leader keeps it right. `kubectl cloudflow` reads it to judge an application before it is
deployed; nothing in it is secret, and the operator itself does not depend on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator.desired.runtime_config import CONTRACTS
from cloudflow_operator.errors import ClusterError
from cloudflow_operator.interfaces import CONFIG_MAP
from cloudflow_operator.names import ABOUT, FIELD_MANAGER, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudflow_operator.desired.clusters import KafkaClusters
    from cloudflow_operator.interfaces import Cluster, Manifest

LABELS: Final = {PROGRAM: ABOUT}
"""By which the command line finds it in any namespace."""
AGAIN: Final = timedelta(minutes=5)
RETRY: Final = timedelta(seconds=15)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What there is to tell.

    Attributes:
        version: the operator's.
        watches: namespaces whose applications it runs; none means all.
        clusters: the Kafka clusters that it knows.
    """

    version: str
    watches: Sequence[str]
    clusters: KafkaClusters

    def as_data(self) -> dict[str, str]:
        """As the ConfigMap has it: text, and JSON where there is more to it."""
        clusters = {name: self._cluster(name) for name in sorted(self.clusters)}
        return {
            "version": self.version,
            "contracts": json.dumps(list(CONTRACTS)),
            "watches": json.dumps(sorted(self.watches)),
            "clusters": json.dumps(clusters),
        }

    def _cluster(self, name: str) -> dict[str, Any]:
        found = self.clusters[name]
        return {
            "prefix": found.prefix,
            "partitions": found.partitions,
            "replicationFactor": found.replication_factor,
        }


class About:
    """Keeps the ConfigMap as it shall be."""

    def __init__(self, cluster: Cluster, namespace: str, facts: Callable[[], Facts]) -> None:
        """Write nothing yet; `facts` is asked at each look, `namespace` is the operator's."""
        self._cluster = cluster
        self._namespace = namespace
        self._facts = facts
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Say that the facts are others now."""
        self._changed.set()

    async def run(self) -> None:
        """Write it whenever it is not right, for ever; for the leader only."""
        while True:
            self._changed.clear()
            wait = AGAIN
            try:
                await self.publish()
            except ClusterError as error:
                _log.warning("Could not tell about the operator: %s. %s", error, error.hint or "")
                wait = RETRY
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait.total_seconds()):
                    await self._changed.wait()

    async def publish(self) -> None:
        """Look, and write it if it is not right.

        Raises:
            ClusterError: when the API server does not do it.
        """
        wanted = self._facts().as_data()
        if _says(await self._cluster.read(CONFIG_MAP, self._namespace, ABOUT), wanted):
            return
        metadata = {"name": ABOUT, "namespace": self._namespace, "labels": LABELS}
        manifest = {
            "apiVersion": CONFIG_MAP.api_version,
            "kind": CONFIG_MAP.name,
            "metadata": metadata,
            "data": wanted,
        }
        await self._cluster.apply(manifest, manager=FIELD_MANAGER)


def _says(found: Manifest | None, wanted: dict[str, str]) -> bool:
    if found is None:
        return False
    labels = found["metadata"].get("labels") or {}
    return LABELS.items() <= labels.items() and wanted.items() <= (found.get("data") or {}).items()
