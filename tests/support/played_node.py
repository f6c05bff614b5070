"""A node that is played: pods that the scheduler gives it are soon ready.

    async with a_node(kube, tmp_path, {"printer": "2026-01-01T00:00:00Z Hello\\n"}):
        ...

Nothing of an image is run. One of the tag `missing` cannot be pulled, as on a node of the world.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kubernetes.aio.client import ApiException

from cloudflow_operator.names import STREAMLET
from support.kube import address, document
from support.kubelet import a_kubelet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from support.kube import Document, Kube
    from support.kubelet import Kubelet

MISSING = ":missing"
_PERIOD = 0.2  # seconds
_TURNS_OF_A_BEAT = 25
_ROOM = {"cpu": "64", "memory": "256Gi", "pods": "500"}
_READINGS = 50  # of a log, each as the first


@contextlib.asynccontextmanager
async def a_node(kube: Kube, folder: Path, logs: Mapping[str, str]) -> AsyncIterator[None]:
    """One with room for everything; `logs` is what the pods of a streamlet have written."""
    async with a_kubelet(kube, f"node-{secrets.token_hex(4)}", folder) as kubelet:
        task = asyncio.create_task(_played(kube, kubelet, logs))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _played(kube: Kube, kubelet: Kubelet, logs: Mapping[str, str]) -> None:
    for turn in itertools.count():
        if turn % _TURNS_OF_A_BEAT == 0:
            await _beat(kube, kubelet)
        for pod in await kube.listed("v1", "Pod", None):
            with contextlib.suppress(ApiException):  # it is gone, or another one now
                await _care(kube, kubelet, pod, logs)
        await asyncio.sleep(_PERIOD)


async def _beat(kube: Kube, kubelet: Kubelet) -> None:
    """Say that the node lives; controllers give up on one that is silent for 40 s."""
    now = _now()
    ready = {"type": "Ready", "status": "True", "reason": "Played", "lastHeartbeatTime": now}
    status = {"conditions": [ready], "capacity": _ROOM, "allocatable": _ROOM}
    await kube.merge(document("v1", "Node", kubelet.name), {"status": status}, "status")


async def _care(kube: Kube, kubelet: Kubelet, pod: Document, logs: Mapping[str, str]) -> None:
    name = pod["metadata"]["name"]
    if pod["spec"].get("nodeName") != kubelet.name:
        return
    if "deletionTimestamp" in pod["metadata"]:
        await kube.ask("DELETE", address(pod), {"gracePeriodSeconds": 0})
    elif "containerStatuses" not in pod.get("status", {}):
        streamlet = pod["metadata"].get("labels", {}).get(STREAMLET, "")
        kubelet.logs[name] = [logs.get(streamlet, "")] * _READINGS
        await kube.merge(pod, {"status": _status(pod)}, "status")


def _status(pod: Document) -> dict[str, Any]:
    containers = [_container(one) for one in pod["spec"]["containers"]]
    runs = all(one["ready"] for one in containers)
    condition = {"type": "Ready", "status": str(runs), "lastTransitionTime": _now()}
    phase = "Running" if runs else "Pending"
    # No address, so no Service leads here.
    return {"phase": phase, "conditions": [condition], "containerStatuses": containers}


def _container(spec: Mapping[str, Any]) -> dict[str, Any]:
    image = spec["image"]
    made = {"name": spec["name"], "image": image, "imageID": "", "restartCount": 0}
    if image.endswith(MISSING):
        text = f'failed to pull and unpack image "{image}": not found'
        return made | {
            "ready": False,
            "state": {"waiting": {"reason": "ErrImagePull", "message": text}},
        }
    return made | {"ready": True, "state": {"running": {"startedAt": _now()}}}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
