"""What people, nodes and networks do to an application that runs; each ends with all parts alive.

They wait for what they cause, and leave it to the stage to wait until all is as it shall be.
"""

from __future__ import annotations

import asyncio
import os
import signal
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from kubernetes.aio.client import ApiException

from cloudflow_operator import names
from support.chart import NAMESPACE as OPERATORS
from support.disturbed import APPLICATION, RELAYS, STREAMLETS, WAYS
from support.kube import address, document
from testbed import cgroups

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from support.disturbed import Stage
    from support.kube import Document

AWAY_SECONDS: Final = 4.0
"""How long a broker stays away, which is shorter than a session."""


async def nothing(stage: Stage) -> None:
    """Records flow."""
    await asyncio.sleep(AWAY_SECONDS)


async def rolled(stage: Stage) -> None:
    """Another image is deployed."""
    before = await stage.pods()
    await stage.run(f"deploy {stage.editions[1]} --wait")
    await stage.replaced(before)


async def scaled(stage: Stage) -> None:
    """The middle of each way gets three pods, and has one again."""
    for count in (3, 1):
        words = " ".join(f"{name}={count}" for name in RELAYS)
        await stage.run(f"scale {APPLICATION} {words}")

        async def is_so(wanted: int = count) -> bool:
            found = await stage.pods(*RELAYS)
            return sum(map(_is_ready, found)) == len(found) == wanted * len(RELAYS)

        await stage.until(is_so, f"{count} pods of each relay")


async def configured(stage: Stage) -> None:
    """A parameter of the middle of each way changes; nobody else starts again."""
    before, others = await stage.pods(*RELAYS), await _others(stage)
    await stage.run(f"configure {APPLICATION} {_mark('other')}")
    await stage.replaced(before)
    await stage.settled()
    assert await _others(stage) == others


async def killed(stage: Stage) -> None:
    """The processes of one streamlet of each way end at once."""
    stage.deaths += 1
    pods = await stage.pods(*RELAYS)
    for pod in pods:
        _kill(pod)

    async def are_back() -> bool:
        found = {pod["metadata"]["uid"]: pod for pod in await stage.pods(*RELAYS)}
        return all(
            _restarts(found[pod["metadata"]["uid"]]) > _restarts(pod)
            and _is_ready(found[pod["metadata"]["uid"]])
            for pod in pods
        )

    await stage.until(are_back, "containers that are started again")


async def pods_deleted(stage: Stage) -> None:
    """A pod of each way is deleted."""
    before = await stage.pods(*RELAYS)
    for pod in before:
        await stage.space.kube.delete(pod)
    await stage.replaced(before)


async def deployments_deleted(stage: Stage) -> None:
    """Somebody deletes a Deployment of each way; the operator makes it again."""
    before = await stage.pods(*RELAYS)
    for name in RELAYS:
        await stage.space.kube.delete(stage.application.deployment(name))
    await stage.replaced(before)


async def kubelet_restarted(stage: Stage) -> None:
    """The node's kubelet ends and begins again; pods live on."""
    before = _identities(await stage.pods())
    await asyncio.to_thread(stage.parts.node.kubelet.restart)
    await stage.settled()
    assert _identities(await stage.pods()) == before


async def operator_killed(stage: Stage) -> None:
    """The operator dies and a parameter changes meanwhile; then its pod is deleted too."""
    [pod] = await _operator(stage)
    _kill(pod)
    before = await stage.pods(*RELAYS)
    await stage.run(f"configure {APPLICATION} {_mark('another')}")
    await stage.replaced(before)
    [pod] = await _operator(stage)
    before = await stage.pods(*RELAYS)
    await stage.space.kube.delete(pod)
    await stage.run(f"configure {APPLICATION} {_mark('a third')}")
    await stage.replaced(before)


async def brokers_killed(stage: Stage) -> None:
    """Each of three brokers dies and comes back, one after the other."""
    for broker in stage.brokers.brokers:
        # Every replica may have had something in hand that this broker did not acknowledge.
        stage.deaths += max(map(len, WAYS.values()))
        await asyncio.to_thread(broker.kill)
        await asyncio.sleep(AWAY_SECONDS)
        broker.launch()
        await asyncio.to_thread(broker.await_brokers, len(stage.brokers.brokers))
        await stage.flow.through()


async def evicted(stage: Stage) -> None:
    """Every pod is evicted, as who drains a node does."""
    before = await stage.pods()
    for pod in before:
        await _evict(stage, pod)
    await stage.replaced(before)


async def denied(stage: Stage) -> None:
    """A quota allows no new pods: the old ones stay, the status says so, and the quota goes."""
    kube, before = stage.space.kube, await stage.pods(*RELAYS)
    spec = {"hard": {"pods": str(len(STREAMLETS) - len(RELAYS))}}
    quota = document("v1", "ResourceQuota", "tight", stage.space.namespace, spec=spec)
    await kube.create(quota)
    await stage.run(f"restart {APPLICATION} {' '.join(RELAYS)}")

    async def says_so() -> bool:
        status = (await stage.application.read())["status"]
        told = {one["name"]: one.get("message", "") for one in status["streamlets"]}
        return all("exceeded quota" in told[name] for name in RELAYS)

    await stage.until(says_so, "a status that tells of the quota")
    assert _identities(await stage.pods(*RELAYS)) == _identities(before)
    await kube.delete(quota)
    await stage.replaced(before)


DISTURBANCES: Final[Mapping[str, Callable[[Stage], Awaitable[None]]]] = {
    "calm": nothing,
    "roll": rolled,
    "scale": scaled,
    "configure": configured,
    "kill": killed,
    "delete-pod": pods_deleted,
    "delete-deployment": deployments_deleted,
    "kubelet": kubelet_restarted,
    "operator": operator_killed,
    "brokers": brokers_killed,
    "evict": evicted,
    "quota": denied,
}


def _mark(text: str) -> str:
    keys = (f"cloudflow.streamlets.{name}.config-parameters.mark" for name in RELAYS)
    return " ".join(f"'{key}={text}'" for key in keys)


async def _others(stage: Stage) -> dict[str, str]:
    return _identities(await stage.pods(*(name for name in STREAMLETS if name not in RELAYS)))


async def _operator(stage: Stage) -> list[Document]:
    """The operator's pods."""
    return [
        pod
        for pod in await stage.space.kube.listed("v1", "Pod", OPERATORS)
        if pod["metadata"]["labels"].get(names.PROGRAM) == names.ABOUT
        and "deletionTimestamp" not in pod["metadata"]
        and pod["status"].get("containerStatuses")
    ]


async def _evict(stage: Stage, pod: Document) -> None:
    """Ask until no budget forbids it."""
    where = pod["metadata"]["namespace"]
    asked = document("policy/v1", "Eviction", pod["metadata"]["name"], where)

    async def is_granted() -> bool:
        try:
            await stage.space.kube.ask("POST", f"{address(pod)}/eviction", asked)
        except ApiException as error:
            if error.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            return False
        return True

    await stage.until(is_granted, f"the eviction of {pod['metadata']['name']}")


def _kill(pod: Document) -> None:
    """End the processes of its container as a crash would."""
    [status] = pod["status"]["containerStatuses"]
    container = status["containerID"].rpartition("/")[2]
    [group] = list(cgroups.hierarchies()[0].rglob(container))
    for pid in group.joinpath("cgroup.procs").read_text().split():
        os.kill(int(pid), signal.SIGKILL)


def _identities(pods: Iterable[Document]) -> dict[str, str]:
    """By the uid of each pod, which container it has now."""
    return {
        pod["metadata"]["uid"]: pod["status"]["containerStatuses"][0]["containerID"] for pod in pods
    }


def _restarts(pod: Document) -> int:
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


def _is_ready(pod: Document) -> bool:
    states = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return states.get("Ready") == "True"
