"""`--wait`: it ends when all is well, and with the reason when it will not be."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from cloudflow_cli.deploying import waiting
from cloudflow_cli.deploying.waiting import NotReadyError
from cloudflow_cli.errors import NotFoundError
from cloudflow_cli.kube.kinds import APPLICATION
from cloudflow_cli.kube.session import Session, Target
from support.applications import NAMESPACE
from support.deploying import a_resource, a_server, live
from support.kube_server import FakeServer, an_operator

LIMIT = timedelta(seconds=60)


def condition(type_: str, reason: str, *, holds: bool = True, message: str = "") -> dict[str, Any]:
    return {
        "type": type_,
        "status": str(holds),
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": "",
    }


def status(phase: str = "Running", progress: str = "Settled", **more: Any) -> dict[str, Any]:
    valid = more.pop("valid", condition("ConfigurationValid", "Valid"))
    message = more.pop("why", "")
    conditions = [valid, condition("Progressing", progress, message=message)]
    return {"observedGeneration": 1, "phase": phase, "conditions": conditions, **more}


def streamlet(word: str, message: str = "", pod: str = "a-1") -> dict[str, Any]:
    one = {"name": pod, "status": word, "ready": False, "restarts": 1, "message": message}
    return {
        "name": "validation",
        "phase": "Pending",
        "replicas": 1,
        "readyReplicas": 0,
        "message": f"pod {pod} is {word}",
        "pods": [one],
    }


class _Moving(FakeServer):
    """A cluster whose operator writes another status before each look; the last one stays."""

    statuses: list[dict[str, Any]]

    async def read(self, target: Target) -> Any:
        found = await super().read(target)
        if found is not None and target.kind == APPLICATION:
            found["status"] = self.statuses.pop(0) if self.statuses[1:] else self.statuses[0]
        return found


async def waited(*statuses: dict[str, Any], written: dict[str, Any] | None = None) -> list[str]:
    """Wait while one status follows the other at each look; the lines that were told."""
    there = live(a_resource(), status=statuses[0])
    server = _Moving(an_operator(), there)
    (target,) = [one for one in server.objects if one.kind == APPLICATION]
    server.statuses = [*statuses]
    lines: list[str] = []
    made = {**server.objects[target], "status": written or {}}
    await waiting.settled(Session(server, NAMESPACE), made, LIMIT, lines.append)
    return lines


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_PAUSE", 0.0)


async def test_it_ends_when_all_runs() -> None:
    assert await waited({}, status("Pending", "RollingOut"), status()) == []


async def test_a_status_of_the_generation_before_says_nothing() -> None:
    old = {**status(), "observedGeneration": 0}
    well = {**streamlet("Running"), "phase": "Running", "readyReplicas": 1, "message": ""}
    assert await waited(old, status(streamlets=[well])) == ["validation: Running, 1/1 ready"]


async def test_a_paused_application_is_ready() -> None:
    assert await waited(status("Paused")) == []


async def test_each_line_is_told_once() -> None:
    waits = status("Pending", "RollingOut", streamlets=[streamlet("ContainerCreating")])
    lines = await waited(waits, waits, status())
    assert lines == ["validation: Pending, 0/1 ready, pod a-1 is ContainerCreating"]


@pytest.mark.parametrize("word", ["ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff"])
async def test_acc_16_a_pod_that_fails_ends_it_with_its_reason(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE", 0.05)
    ill = status("Pending", "RollingOut", streamlets=[streamlet(word, "Error, exit code 1: boom")])
    with pytest.raises(NotReadyError) as caught:
        await waited(ill)
    expected = f"validation: pod a-1 is {word}: Error, exit code 1: boom"
    assert expected in str(caught.value)


@pytest.mark.parametrize("word", ["ErrImagePull", "CreateContainerConfigError"])
async def test_what_the_kubelet_tries_again_with_success_was_no_failure(word: str) -> None:
    ill = status("Pending", "RollingOut", streamlets=[streamlet(word, "no answer")])
    lines = await waited(ill, ill, status())
    assert lines == [f"validation: Pending, 0/1 ready, pod a-1 is {word}"]


async def test_a_pod_that_had_failed_before_may_make_place() -> None:
    ill = status("CrashLoopBackOff", "RollingOut", streamlets=[streamlet("CrashLoopBackOff")])
    await waited(ill, status(), written=ill)


@pytest.mark.parametrize("newer", ["validation-new-2", None])
async def test_an_older_pod_that_fails_meanwhile_is_a_reason_unless_it_is_replaced(
    newer: str | None,
) -> None:
    old = "validation-old-1"
    began = status("Pending", streamlets=[streamlet("ContainerCreating", pod=old)])
    crashing = streamlet("CrashLoopBackOff", "boom", pod=old)
    rolling = status("CrashLoopBackOff", "RollingOut", streamlets=[crashing])
    if newer is None:
        with pytest.raises(NotReadyError, match="boom"):
            await waited(rolling, status(), written=began)
    else:
        crashing["pods"] += streamlet("ContainerCreating", pod=newer)["pods"]
        await waited(rolling, status(), written=began)


async def test_an_invalid_resource_ends_it() -> None:
    invalid = condition("ConfigurationValid", "Invalid", holds=False, message="a is wrong")
    with pytest.raises(NotReadyError, match="a is wrong"):
        await waited(status("Error", valid=invalid))


async def test_a_refusal_ends_it() -> None:
    with pytest.raises(NotReadyError, match="quota"):
        await waited(status("Error", "Refused", why="quota"))


async def test_a_topic_that_is_not_ready_is_told() -> None:
    topic = {"name": "raw", "kafkaName": "r", "state": "Unavailable", "message": "no broker"}
    lines = await waited(status("Pending", "WaitingForTopics", topics=[topic]), status())
    assert lines == ["topic raw: no broker"]


async def test_in_the_end_it_says_what_it_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_PAUSE", 3600.0)
    pending = status("Pending", "WaitingForTopics", message="raw: no broker")
    server = a_server(live(a_resource(), status=pending))
    (made,) = [one for one in server.objects.values() if "spec" in one]
    with pytest.raises(NotReadyError, match=r"not ready after 0.01 s: raw: no broker"):
        await waiting.settled(
            Session(server, NAMESPACE), made, timedelta(milliseconds=10), lambda _: None
        )
    await asyncio.sleep(0)


async def test_an_application_that_somebody_removes_ends_it() -> None:
    server = a_server()
    made = live(a_resource())
    made["metadata"]["generation"] = 1
    with pytest.raises(NotFoundError):
        await waiting.settled(Session(server, NAMESPACE), made, LIMIT, lambda _: None)
