"""What the benchmark sees of a cluster and of a process, at little cost for either."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml

from support.kube import path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from support.kube import Kube
    from support.operator_process import OperatorProcess

PATIENCE_SECONDS = 1200.0
CALM_SECONDS = 5.0
APPLICATIONS = ("cloudflow.dev/v1alpha1", "CloudflowApplication")
KINDS = (
    APPLICATIONS,
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("policy/v1", "PodDisruptionBudget"),
)
"""Everything that is there for applications; Leases are not, for they move."""


async def count(kube: Kube, version: str, kind: str) -> int:
    """How many of a kind there are, from one answer of one item."""
    found = await kube.ask("GET", path(version, kind, None), query={"limit": "1"})
    return len(found["items"]) + int(found["metadata"].get("remainingItemCount", 0))


async def until_count(kube: Kube, version: str, kind: str, wanted: int) -> None:
    """Wait until there are `wanted` of a kind.

    Raises:
        TimeoutError: when that takes many minutes.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await count(kube, version, kind) < wanted:
            await asyncio.sleep(0.2)


async def until_empty(kube: Kube, namespace: str) -> None:
    """Wait until no applications, no pods and nothing that makes some are left in a namespace.

    Raises:
        TimeoutError: when that takes many minutes.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        for version, kind in (
            APPLICATIONS,
            ("apps/v1", "Deployment"),
            ("apps/v1", "ReplicaSet"),
            ("v1", "Pod"),
        ):
            while await kube.listed(version, kind, namespace):
                await asyncio.sleep(0.05)


async def versions(kube: Kube) -> dict[str, str]:
    """The resourceVersion of every object of `KINDS`, by uid."""
    found: dict[str, str] = {}
    for version, kind in KINDS:
        rest = ""
        while True:
            query = {"limit": "500", **({"continue": rest} if rest else {})}
            page = await kube.ask("GET", path(version, kind, None), query=query)
            for one in page["items"]:
                found[one["metadata"]["uid"]] = one["metadata"]["resourceVersion"]
            rest = page["metadata"].get("continue", "")
            if not rest:
                break
    return found


async def settled(kube: Kube) -> None:
    """Wait until nothing has moved for some seconds.

    Raises:
        TimeoutError: when something moves for many minutes.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        before: dict[str, str] = {}
        while (now := await versions(kube)) != before:
            before = now
            await asyncio.sleep(CALM_SECONDS)


async def until_looked(operator: OperatorProcess, applications: int) -> None:
    """Wait until a process has looked at so many applications, and none waits.

    Raises:
        TimeoutError: when that takes many minutes.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await operator.metric("cloudflow_operator_reconciles_total") < applications:
            await asyncio.sleep(0.1)
        while await operator.metric("cloudflow_operator_queue_depth"):
            await asyncio.sleep(0.1)


async def templates(kube: Kube) -> dict[str, int]:
    """The generation of every Deployment, by uid."""
    listed = await kube.listed("apps/v1", "Deployment", None)
    return {one["metadata"]["uid"]: one["metadata"]["generation"] for one in listed}


async def watched(kubeconfig: Path, namespace: str) -> AsyncIterator[Mapping[str, Any]]:
    """Every change of a Deployment in `namespace`, beginning with those that are there."""
    config = yaml.safe_load(await asyncio.to_thread(kubeconfig.read_text))
    user = config["users"][0]["user"]
    cluster = config["clusters"][0]["cluster"]
    tls = _tls(cluster)
    url = f"{cluster['server']}{path('apps/v1', 'Deployment', namespace)}?watch=1"
    headers = {"Authorization": f"Bearer {user['token']}"}
    limits = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=limits, read_bufsize=2**22) as session,
        session.get(url, headers=headers, ssl=tls) as response,
    ):
        async for line in response.content:
            yield json.loads(line)


def _tls(cluster: Mapping[str, str]) -> ssl.SSLContext:
    pem = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return ssl.create_default_context(cadata=pem)


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has used since it began."""

    processor_seconds: float
    resident_bytes: int


def used(pid: int) -> Used:
    """What the process `pid` has used."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(stat[11]) + int(stat[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Used(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` of all are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def since(moment: float) -> float:
    """Seconds since `moment` of the monotonic clock."""
    return time.monotonic() - moment
