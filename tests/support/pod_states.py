"""What a kubelet would say of pods that run nowhere: tests decide it, by streamlet.

    async with played(kube, namespace) as pods:
        pods.say("validation", waiting("ErrImagePull", "no such image"))

Pods of streamlets of which nothing is said run and are ready. Pods that nobody has put on a node go
as soon as they are asked to.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kubernetes.aio.client import ApiException

from cloudflow_operator.names import STREAMLET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.kube import Document, Kube

_PAUSE = 0.1
State = dict[str, Any]
"""The state of a container, with its last one and the count of its restarts."""


def running() -> State:
    """One that runs and is ready."""
    return {"ready": True, "restartCount": 0, "state": {"running": {"startedAt": _now()}}}


def waiting(reason: str, message: str = "", restarts: int = 0) -> State:
    """One that does not run, such as for `ErrImagePull`."""
    told = {"reason": reason, "message": message}
    return {"ready": False, "restartCount": restarts, "state": {"waiting": told}}


def crashing(log: str, restarts: int) -> State:
    """One that ended again and again; `log` is the end of what it wrote."""
    ended = {"reason": "Error", "exitCode": 1, "message": log}
    told = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container", restarts)
    return {**told, "lastState": {"terminated": ended}}


class PlayedPods:
    """The pods of a namespace."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        """Say nothing yet."""
        self._kube = kube
        self._namespace = namespace
        self._states: dict[str, State] = {}
        self._said: dict[str, State] = {}

    def say(self, streamlet: str, state: State) -> None:
        """From now on the pods of a streamlet are so."""
        self._states[streamlet] = state

    async def run(self) -> None:
        """Say it of pods that are there and of those that come, for ever."""
        usual = running()
        while True:
            for pod in await self._kube.listed("v1", "Pod", self._namespace):
                streamlet = pod["metadata"].get("labels", {}).get(STREAMLET, "")
                await self._tell(pod, self._states.get(streamlet, usual))
            await asyncio.sleep(_PAUSE)

    async def _tell(self, pod: Document, state: State) -> None:
        uid = pod["metadata"]["uid"]
        if self._said.get(uid) == state:
            return
        try:
            await self._kube.merge(pod, {"status": _status(pod, state)}, "status")
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        self._said[uid] = state


@contextlib.asynccontextmanager
async def played(kube: Kube, namespace: str) -> AsyncIterator[PlayedPods]:
    """The pods of a namespace, as long as the block runs."""
    made = PlayedPods(kube, namespace)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _status(pod: Document, state: State) -> Document:
    is_ready = state["ready"]
    types = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    return {
        "phase": "Running" if is_ready or state["restartCount"] else "Pending",
        "startTime": _now(),
        "conditions": [
            {
                "type": one,
                "status": "True" if is_ready or one in types[:2] else "False",
                "lastTransitionTime": _now(),
            }
            for one in types
        ],
        "containerStatuses": [
            {"name": one["name"], "image": one["image"], "imageID": "", **state}
            for one in pod["spec"]["containers"]
        ],
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
