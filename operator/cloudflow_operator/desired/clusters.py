"""What the operator knows of Kafka clusters when it renders an application.

Made by whoever reads the clusters' Secrets; nothing in it is secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from streamlet_sdk.runtime.pod.files import SERVERS


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaCluster:
    """A Kafka cluster as one application's namespace sees it.

    Attributes:
        prefix: stands before the names of topics that have none of their own.
        partitions: of topics that do not say how many.
        replication_factor: of topics that do not say; None leaves it to the broker.
        properties: client properties by Kafka's names, for clusters that need no credentials.
        secret: the Secret in the application's namespace with all client properties; it wins.
    """

    prefix: str = ""
    partitions: int = 1
    replication_factor: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None

    @property
    def is_reachable(self) -> bool:
        """Whether a pod can be told how to connect."""
        return self.secret is not None or SERVERS in self.properties


KafkaClusters: TypeAlias = Mapping[str, KafkaCluster]
"""The clusters that an application may use, by the name that its topics call them by."""
