"""What the operator knows of Kafka clusters when it renders an application.

Made by whoever reads the clusters' Secrets; nothing in it is secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from streamlet_sdk.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaCluster:
    """A Kafka cluster as one application's namespace sees it.

    Attributes:
        prefix: stands before the names of topics that have none of their own.
        partitions: of topics that do not say how many.
        replication_factor: of topics that do not say; None leaves it to the broker.
        properties: client properties by Kafka's names, for clusters that need no credentials.
        secret: the Secret in the application's namespace with all client properties; it wins.
            Nobody can look whether it is there: pods without it hang, and their status says why.
        problems: why the cluster cannot be used, each with its own place.
    """

    prefix: str = ""
    partitions: int = 1
    replication_factor: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    problems: tuple[Problem, ...] = ()


KafkaClusters: TypeAlias = Mapping[str, KafkaCluster]
"""The clusters that an application may use, by the name that its topics call them by."""
