"""How soon a change of an application is a change of its Deployments, in a full cluster.

Kubernetes' own controllers work on what the operator has written, on the same two processors. A try
begins when they have ended with the last one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from applications import STREAMLETS, named
from seen import PATIENCE_SECONDS, since, until_empty, watched

from cloudflow_operator.names import APPLICATION, STREAMLET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.kube import Document, Kube

PROBE = "bench-probe"
CHANGED = "step-2"
CALM_SECONDS = 0.5


class Deployments:
    """The Deployments of the namespace `PROBE`, as a watch tells of them."""

    def __init__(self) -> None:
        self._images: dict[tuple[str, str], int] = {}
        self._change = asyncio.Event()

    def note(self, deployment: Document) -> None:
        """One is there, or another one now."""
        metadata = deployment["metadata"]
        key = metadata["labels"][APPLICATION], metadata["labels"][STREAMLET]
        self._images[key] = metadata["generation"]
        self._change.set()

    def count(self, application: str) -> int:
        """How many streamlets of an application have been seen."""
        return sum(name == application for name, _ in self._images)

    def generation(self, application: str, streamlet: str) -> int:
        """Of a Deployment's spec; 0 when it is not there."""
        return self._images.get((application, streamlet), 0)

    async def change(self) -> None:
        """Wait for the next change."""
        self._change.clear()
        await self._change.wait()


@contextlib.asynccontextmanager
async def followed(kubeconfig: Path) -> AsyncIterator[Deployments]:
    """Deployments, followed as long as this lasts."""
    seen = Deployments()

    async def follow() -> None:
        async for event in watched(kubeconfig, PROBE):
            if event["type"] in {"ADDED", "MODIFIED"}:
                seen.note(event["object"])

    task = asyncio.create_task(follow())
    try:
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _probe(name: str) -> Document:
    """One that takes its topics with it: the cluster is no fuller after a thousand of them."""
    made = named(name, PROBE)
    return {**made, "spec": {**made["spec"], "deletionPolicy": "Delete"}}


async def creates(kube: Kube, seen: Deployments, tries: int) -> list[float]:
    """Seconds from the create of an application until it has all Deployments, each time."""
    found = []
    for number in range(tries):
        made = _probe(f"probe-{number}")
        began = time.monotonic()
        await kube.create(made)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while seen.count(made["metadata"]["name"]) < STREAMLETS:
                await seen.change()
        found.append(since(began))
        await kube.delete(made)
        await until_empty(kube, PROBE)
    return found


async def configures(kube: Kube, seen: Deployments, tries: int) -> list[float]:
    """Seconds from a configure until the Deployment of its streamlet is another one, each time."""
    made = _probe("probe-configure")
    await kube.create(made)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while seen.count("probe-configure") < STREAMLETS:
            await seen.change()
    found = []
    for number in range(tries):
        before = seen.generation("probe-configure", CHANGED)
        value = [{"name": "floor", "value": f"{number + 1}.0"}]
        patch = {"spec": {"overrides": [{"name": CHANGED, "parameters": value}]}}
        began = time.monotonic()
        await kube.merge(made, patch)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while seen.generation("probe-configure", CHANGED) == before:
                await seen.change()
        found.append(since(began))
        await asyncio.sleep(CALM_SECONDS)
    await kube.delete(made)
    await until_empty(kube, PROBE)
    return found
