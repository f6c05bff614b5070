"""How long a pod takes from its start until it says that it is ready."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import stage
from pods import Order, at_work

if TYPE_CHECKING:
    from cluster import Cluster


async def start_seconds(cluster: Cluster, rounds: int) -> float:
    """The median of some starts, each of a new application."""
    found = []
    for number in range(rounds):
        name = f"startup-{number}"
        order = Order(name="Models", application=name, source=name, target=f"{name}-out")
        for topic in (order.source, order.target):
            await cluster.create(topic, stage.PARTITIONS)
        async with at_work(cluster, order) as (pod,):
            await pod.ready()
            found.append(time.monotonic() - pod.started)
        await cluster.delete(order.source, order.target)
    return median(found)
