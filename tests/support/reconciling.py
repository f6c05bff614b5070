"""Reconciling one application against an API server and a Kafka in memory."""

from __future__ import annotations

import copy
from typing import Any

from cloudflow_operator import names
from cloudflow_operator.interfaces import DEPLOYMENT, Copies, Key
from cloudflow_operator.reconcile import Outcome, World, reconcile
from support.applications import CLUSTERS, NAME, a_document
from support.cluster import FakeClock, FakeCluster, FakeCopies, FakeTopics


class Operator:
    """Reconciles one application, whose resource a test writes."""

    def __init__(self) -> None:
        self.cluster, self.topics, self.clock = FakeCluster(), FakeTopics(), FakeClock()
        self.copies: Copies = FakeCopies()
        self.generation = 0
        self.metadata: dict[str, Any] = {}

    async def __call__(self, **spec: Any) -> Outcome:
        """Reconcile a resource of this spec."""
        self.generation += 1
        self.document = a_document(**spec)
        self.document["metadata"] |= {"generation": self.generation, **self.metadata}
        known = self.cluster.known.get(NAME, self.document)["metadata"]
        self.document["metadata"]["finalizers"] = known.get("finalizers", [])
        self.cluster.known[NAME] = self.document
        return await self.again()

    async def again(self) -> Outcome:
        """Reconcile the same resource once more."""
        document = copy.deepcopy(self.cluster.known.get(NAME, self.document))
        document["status"] = self.cluster.statuses.get(NAME, {})
        self.cluster.writes.clear()
        world = World(
            cluster=self.cluster, topics=self.topics, copies=self.copies, clock=self.clock
        )
        return await reconcile(document, CLUSTERS, world)

    def deployment(self, streamlet: str = "validation") -> Any:
        return self.cluster.objects[Key(DEPLOYMENT, names.workload(NAME, streamlet))]

    def condition(self, aspect: str) -> tuple[str, str]:
        (found,) = [
            one for one in self.cluster.statuses[NAME]["conditions"] if one["type"] == aspect
        ]
        return found["status"], found["reason"]
