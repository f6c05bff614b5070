"""An application on a real API server, as tests of the operator see and touch it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_operator import names
from support.kube import MERGE, PATIENCE, address, document, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.kube import Document, Kube

KINDS = (
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
)
_QUIET = 1.0
"""Seconds without a change after which nothing more comes, unless somebody begins again."""


@dataclass(frozen=True)
class Installed:
    """One that somebody created.

    Attributes:
        kube: the API server for an administrator.
        document: the resource, as it was made.
    """

    kube: Kube
    document: Document

    @property
    def name(self) -> str:
        """Its own."""
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where it is."""
        return str(self.document["metadata"]["namespace"])

    def deployment(self, streamlet: str) -> Document:
        """What names the Deployment of a streamlet."""
        workload = names.workload(self.name, streamlet)
        return document("apps/v1", "Deployment", workload, self.namespace)

    async def read(self) -> Document:
        """The resource, as it is."""
        return await self.kube.read(self.document)

    async def condition(self, type: str) -> str:
        """The status of a condition; empty when there is none."""
        found = (await self.read()).get("status", {}).get("conditions", ())
        return next((str(one["status"]) for one in found if one["type"] == type), "")

    async def children(self) -> dict[str, Document]:
        """What it owns, by kind and name."""
        found: dict[str, Document] = {}
        uid = self.document["metadata"]["uid"]
        for version, kind in KINDS:
            for one in await self.kube.listed(version, kind, self.namespace):
                owners = one["metadata"].get("ownerReferences", ())
                if any(owner["uid"] == uid for owner in owners):
                    found[f"{kind}/{one['metadata']['name']}"] = one
        return found

    async def versions(self) -> dict[str, str]:
        """The resourceVersions of what it owns."""
        found = await self.children()
        return {name: one["metadata"]["resourceVersion"] for name, one in found.items()}

    async def events(self, reason: str) -> int:
        """How often people were told of something."""
        found = await self.kube.listed("events.k8s.io/v1", "Event", self.namespace)
        about = [
            one
            for one in found
            if one["reason"] == reason and one["regarding"].get("uid") == self.uid
        ]
        return sum((one.get("series") or {}).get("count", 1) for one in about)

    @property
    def uid(self) -> str:
        """Its own."""
        return str(self.document["metadata"]["uid"])

    async def until(self, is_so: Callable[[Document], Any], what: str) -> Document:
        """Wait until that is so of the resource."""

        async def look() -> Document | None:
            found = await self.read()
            return found if is_so(found) else None

        found = await eventually(look, what)
        assert found is not None
        return found

    async def settled(self) -> dict[str, str]:
        """Wait until all is as it shall be and nothing changes any more; the versions then."""
        await self.until(_is_current, f"{self.name} to be looked after")
        async with asyncio.timeout(PATIENCE):
            before: dict[str, str] = {}
            while (now := await self._all_versions()) != before:
                before = now
                await asyncio.sleep(_QUIET)
        return await self.versions()

    async def _all_versions(self) -> dict[str, str]:
        own = (await self.read())["metadata"]["resourceVersion"]
        pods = await self.kube.listed("v1", "Pod", self.namespace)
        seen = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in pods}
        return {"": own, **seen, **await self.versions()}


async def create(kube: Kube, application: Document) -> Installed:
    """Create an application."""
    return Installed(kube, await kube.create(application))


async def merge(kube: Kube, named: Document, patch: Document) -> Document:
    """Change an object as `kubectl patch` does."""
    query = {"fieldManager": "kubectl-patch"}
    changed: Document = await kube.ask("PATCH", address(named), patch, MERGE, query)
    return changed


def _is_current(found: Document) -> bool:
    metadata, status = found["metadata"], found.get("status", {})
    return bool(status.get("observedGeneration") == metadata["generation"])
