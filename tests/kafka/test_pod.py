"""The process of a pod on a real Kafka: it works, drains, is killed, and says what it does."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from support.kafka import a_world
from support.pods import Pods, total

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.pod import PodProcess
    from testbed.secure_kafka import SecureKafka

pytestmark = pytest.mark.slow

# Nobody is given up by his silence in these tests: what moves partitions is a real departure.
PATIENT = {"session.timeout.ms": "300000"}


@pytest.fixture
async def pods(kafka: str, tmp_path: Path) -> AsyncIterator[Pods]:
    """Pods of one streamlet with topics of its own."""
    async with a_world(kafka) as world, Pods(world, kafka, tmp_path) as made:
        yield made


async def metrics(pod: PodProcess, name: str, value: float) -> str:
    """Wait until a gauge has this value in all; the whole text."""
    text = ""
    async with asyncio.timeout(60):
        while total(text, name, suffix="") != value:
            await asyncio.sleep(0.05)
            _, text = await pod.ask("/metrics")
    return text


async def reads(pod: PodProcess, partitions: int) -> None:
    """Wait until a pod reads so many partitions."""
    async with asyncio.timeout(60):
        while (await pod.ask("/metrics"))[1].count("cloudflow_inlet_lag_records{") != partitions:
            await asyncio.sleep(0.05)


def numbers(begin: int, end: int) -> list[bytes]:
    """Values that differ."""
    return [b"%d" % number for number in range(begin, end)]


async def test_records_flow_and_metrics_move_with_them(pods: Pods) -> None:
    await pods.topics()
    pod = await pods.pod("Copy", parameters={"reject": "7"}).start().ready()
    await pods.feed(*numbers(0, 10))
    assert sorted(await pods.outputs(9)) == sorted(set(numbers(0, 10)) - {b"7"})
    assert (await pod.ask("/livez")) == (200, "ok\n")
    text = ""
    async with asyncio.timeout(60):
        while total(text, "inlet_commits") < 1 or total(text, "outlet_records") < 10:
            _, text = await pod.ask("/metrics")
    assert total(text, "inlet_records") == 10
    assert total(text, "inlet_bytes") == 10
    assert total(text, "inlet_dead_letters") == 1
    assert total(text, "inlet_handler_seconds_count", suffix="") == 10
    assert total(text, "inlet_latency_seconds_count", suffix="") == 10
    assert total(text, "streamlet_ready", suffix="") == 1
    assert f'topic="{pods.names["in"]}"' in text
    assert "process_resident_memory_bytes" in text
    assert await pod.stopped() == 0


async def test_a_stop_finishes_what_is_in_flight_and_leaves_its_partitions_at_once(
    pods: Pods,
) -> None:
    await pods.topics(partitions=4)
    first = await pods.pod("Slow", "first", properties=PATIENT).start().ready()
    second = await pods.pod("Slow", "second", properties=PATIENT).start().ready()
    await reads(first, 2)
    await reads(second, 2)
    await pods.feed(*numbers(0, 200))
    early = await pods.outputs(20)
    first.send(signal.SIGTERM)
    assert await first.ended() == 0
    rest = await pods.outputs(180)
    await pods.no_more_outputs()
    assert sorted(early + rest) == sorted(numbers(0, 200))
    await reads(second, 4)
    assert total((await second.ask("/metrics"))[1], "inlet_rebalances") == 1
    assert await second.stopped() == 0


async def test_what_was_killed_goes_on_under_its_name(pods: Pods) -> None:
    await pods.topics(partitions=2)
    pod = await pods.pod("Slow", properties=PATIENT).start().ready()
    await pods.feed(*numbers(0, 100))
    seen = set(await pods.outputs(10))
    await pod.killed()
    await pod.start().ready()
    async with asyncio.timeout(60):
        while len(seen) < 100:
            seen |= set(await pods.outputs(1, at_least=True))
    assert seen == set(numbers(0, 100))
    assert await pod.stopped() == 0


async def test_a_handler_that_never_returns_is_given_up_at_the_end_of_the_drain(
    pods: Pods,
) -> None:
    await pods.topics()
    pod = await pods.pod("Hang", settings={"drain-timeout": "1s"}).start().ready()
    await pods.feed(b"one")
    async with asyncio.timeout(60):
        while "has it" not in pod.log:
            await asyncio.sleep(0.05)
    # It is seen to wait, and a restart would not help.
    text = await metrics(pod, "inlet_lag_records", 1)
    assert total(text, "inlet_lag_seconds", suffix="") > 0
    assert total(text, "inlet_in_flight_records", suffix="") == 1
    assert (await pod.ask("/livez"))[0] == 200
    assert await pod.stopped() == 0
    # Nobody may think that it is done.
    again = await pods.pod("Copy").start().ready()
    assert await pods.outputs(1) == [b"one"]
    assert await again.stopped() == 0


async def test_a_handler_that_blocks_is_named_while_probes_go_on_answering(
    pods: Pods, tmp_path: Path
) -> None:
    await pods.topics()
    gate = tmp_path / "gate"
    pod = pods.pod("Block", parameters={"gate": str(gate)}, settings={"block-warning": "200ms"})
    await pod.start().ready()
    await pods.feed(b"one")
    async with asyncio.timeout(60):
        while "Block.take holds up the event loop" not in pod.log:
            await asyncio.sleep(0.05)
    # A minute has not passed: no reason to start it again yet.
    assert (await pod.ask("/livez"))[0] == 200
    _, text = await pod.ask("/metrics")
    assert total(text, "streamlet_blocked") >= 1
    gate.touch()
    assert await pods.outputs(1) == [b"one"]
    assert await pod.stopped() == 0


async def test_an_error_that_ends_it_is_the_last_line_in_json_too(pods: Pods) -> None:
    await pods.topics()
    pod = pods.pod("Stop", words=("--log-format", "json")).start()
    await pod.ready()
    await pods.feed(b"bad")
    assert await pod.ended() == 1
    lines: list[dict[str, Any]] = [json.loads(line) for line in pod.log.splitlines()]
    assert lines[-1]["level"] == "critical"
    assert "ValueError" in lines[-1]["message"]
    assert lines[-1]["replica"] == "pod-0"
    assert any("pod_streamlets.py" in line.get("exception", "") for line in lines)


async def test_secrets_do_not_reach_the_log(secure: SecureKafka, tmp_path: Path) -> None:
    async with a_world(secure.at("PLAINTEXT")) as world:
        at = {**secure.plain(), "bootstrap.servers": secure.at("SASL_PLAINTEXT")}
        async with Pods(world, secure.at("PLAINTEXT"), tmp_path) as pods:
            await pods.topics()
            pods.secret("token", "hunter2\n")
            pod = pods.pod("Guarded", words=("--log-level", "debug"), properties=at)
            await pod.start().ready()
            await pods.feed(b"hunter2")  # it compares, so it has read the file
            assert await pods.outputs(1) == [b"known"]
            assert await pod.stopped() == 0
            for secret in ("hunter2", *_passwords(at["sasl.jaas.config"])):
                assert secret not in pod.log


def _passwords(jaas: str) -> list[str]:
    found = [part.partition('"')[0] for part in jaas.split('password="')[1:]]
    assert found
    return found
