"""A pod whose broker is away: it says so, waits, and goes on when it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.runtime.kafka import KafkaTransport
from support.impostor import serving, silence
from support.kafka import a_world
from support.pods import Pods, total
from support.transport import World
from testbed.kafka import cluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pod import PodProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def until(condition: Callable[[str], bool], pod: PodProcess) -> None:
    """Wait until the log is as a test needs it."""
    async with asyncio.timeout(120):
        while not condition(pod.log):
            assert pod.is_running, pod.log[-3000:]
            await asyncio.sleep(0.05)


async def answers(pod: PodProcess, path: str, status: int) -> str:
    """Wait until a path answers like this; what it says then."""
    async with asyncio.timeout(120):
        while (answer := await pod.ask(path))[0] != status:
            assert pod.is_running, pod.log[-3000:]
            await asyncio.sleep(0.05)
    return answer[1]


async def test_a_stop_while_a_broker_does_not_answer_ends_a_pod_at_once(tmp_path: Path) -> None:
    async with (
        serving(silence) as where,
        World(_nobody) as world,
        Pods(world, where, tmp_path) as pods,
    ):
        pod = pods.pod("Copy", properties={"request.timeout.ms": "600000"}).start()
        said = await answers(pod, "/readyz", 503)
        assert "the streamlet is starting" in said
        assert await pod.stopped() == 0


async def test_a_stop_while_user_code_is_imported_ends_a_pod_at_once(tmp_path: Path) -> None:
    async with World(_nobody) as world, Pods(world, "127.0.0.1:1", tmp_path) as pods:
        pod = pods.pod("Never", module="slow_to_import").start()
        await until(lambda log: "the import has begun" in log, pod)
        assert await pod.stopped() == 0


async def test_a_broker_that_comes_late_dies_and_comes_back_is_waited_for(tmp_path: Path) -> None:
    with cluster() as kafka:
        broker, at = kafka.brokers[0], kafka.bootstrap
        async with a_world(at) as world, Pods(world, at, tmp_path) as pods:
            await pods.topics()
            await asyncio.to_thread(broker.stop)

            pod = pods.pod("Copy", words=("--log-level", "debug")).start()
            await until(lambda log: "It could not start, 3 times now" in log, pod)
            said = await answers(pod, "/readyz", 503)
            assert f"start: no broker of {at} can be reached" in said
            assert "check host and port in bootstrap.servers" in said
            assert [w for w in pod.log.splitlines() if "WARNING" in w and "start: " in w][1:] == []
            assert (await pod.ask("/livez"))[0] == 200
            _, text = await pod.ask("/metrics")
            assert total(text, "streamlet_ready", suffix="") == 0
            assert total(text, "streamlet_trouble", suffix="") == 1

            await asyncio.to_thread(broker.start)
            await pod.ready()
            await until(lambda log: "start: well again" in log, pod)
            await pods.feed(b"one")
            assert await pods.outputs(1) == [b"one"]

            broker.kill()
            said = await answers(pod, "/readyz", 503)
            assert "inlet in: " in said
            assert (await pod.ask("/livez"))[0] == 200
            await asyncio.to_thread(broker.start)
            await answers(pod, "/readyz", 200)
            await pods.feed(b"two")
            assert await pods.outputs(1) == [b"two"]
            assert await pod.stopped() == 0


def _nobody(name: str) -> KafkaTransport:
    return KafkaTransport("127.0.0.1:1", client=name)
