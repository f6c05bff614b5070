"""What a pod answers to probes in each part of its life; on an embedded broker."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk import Emission, Inlet, Outlet, Streamlet
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.errors import UnavailableError
from streamlet_sdk.runtime.pod import pod as pods
from streamlet_sdk.runtime.pod.files import Contract, KafkaCluster
from streamlet_sdk.runtime.pod.pod import STUCK, Pod
from streamlet_sdk.runtime.transport import ConsumerSpec, TopicSpec
from support.engine import a_config
from support.transport import Journal, deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Copy(Streamlet):
    """Passes records on."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    def copy(self, data: bytes) -> Emission[bytes]:
        return self.out(data)


class Waits(Copy):
    """Never gets to start."""

    async def start(self) -> None:
        self.context.metrics.counter("waits", "Waits.").inc()
        await asyncio.Event().wait()


class LeavesSlowly(Copy):
    """Takes until somebody lets it go."""

    may_go: asyncio.Event

    async def start(self) -> None:
        self.may_go = asyncio.Event()

    async def stop(self) -> None:
        await self.may_go.wait()


class Blocks(Copy):
    """Holds up the loop while another thread asks how it is."""

    ask: Callable[[float], list[str]]
    said: list[list[str]]

    def copy(self, data: bytes) -> Emission[bytes]:
        with ThreadPoolExecutor() as other:
            for seconds in (STUCK.total_seconds() - 2, 4):
                self.said.append(other.submit(self.ask, seconds).result())
        return self.out(data)


class Brokers:
    """What the pod connects to; it may be away."""

    def __init__(self) -> None:
        self.broker = EmbeddedBroker()
        self.away = 0
        for name in ("in", "out", "in-dead-letters"):
            self.broker.create(TopicSpec(name=name, partitions=1))

    def transport(self, servers: str, properties: object, *, client: str) -> object:
        """A client; it cannot be made while the broker is away."""
        if self.away:
            self.away -= 1
            raise UnavailableError(f"no broker of {servers}", hint="check it")
        return self.broker.transport(client=client)


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> Brokers:
    """Stands where Kafka does."""
    made = Brokers()
    monkeypatch.setattr(pods, "KafkaTransport", made.transport)
    return made


def a_pod(cls: type[Streamlet]) -> Pod:
    """One that is not running."""
    config = a_config(cls)
    clusters = {"default": KafkaCluster(servers="broker:9092", properties={})}
    return Pod(cls, Contract(config=config, clusters=clusters), "worker-0")


@contextlib.asynccontextmanager
async def at_work(pod: Pod) -> AsyncIterator[asyncio.Task[None]]:
    """Run it; it is asked to stop at the end, if it was not before."""
    task = asyncio.create_task(pod.run(0))
    try:
        yield task
    finally:
        pod.stop.wish()
        await task


async def until(pod: Pod, reasons: list[str]) -> None:
    """Wait until it has these reasons not to be ready."""
    while list(pod.why_not_ready()) != reasons:
        await asyncio.sleep(0.01)


async def test_a_pod_is_ready_while_it_works_and_not_while_it_stops(brokers: Brokers) -> None:
    pod = a_pod(LeavesSlowly)
    assert list(pod.why_not_ready()) == ["the streamlet is starting"]
    async with at_work(pod) as task:
        await until(pod, [])
        assert list(pod.why_not_alive()) == []
        pod.stop.wish()
        await until(pod, ["the streamlet is stopping"])
        assert pod._runner is not None
        streamlet = pod._runner.streamlet
        assert isinstance(streamlet, LeavesSlowly)
        streamlet.may_go.set()
        await task
    assert list(pod.why_not_ready()) == ["the streamlet is stopped"]


async def test_a_pod_is_not_ready_before_it_has_joined_its_group(brokers: Brokers) -> None:
    pod, may_go = a_pod(Copy), asyncio.Event()
    group = pod._told.config.group("in")
    other = brokers.broker.transport(client="other").consumer(
        ConsumerSpec(topic="in", group=group, member="other")
    )
    journal = Journal("other", [])
    journal.on_revoke = lambda _claims, _deadline: may_go.wait()
    await other.start(journal)
    async with at_work(pod):
        await until(pod, ["inlet in: it joins its group"])
        assert not journal.lost_claims
        may_go.set()
        await until(pod, [])
        assert journal.revocations == 1
        await other.close(leave=True, deadline=deadline())


async def test_a_broker_that_is_away_is_the_reason_until_it_comes(
    brokers: Brokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pods, "RECONNECT", pods.Retry(backoff=timedelta(milliseconds=200)))
    brokers.away = 1
    pod = a_pod(Copy)
    async with at_work(pod):
        reason = "start: no broker of broker:9092 (check it)"
        await until(pod, ["the streamlet is starting", reason])
        assert list(pod.why_not_alive()) == []
        await until(pod, [])


async def test_a_stop_does_not_wait_for_a_start_that_never_ends(brokers: Brokers) -> None:
    pod = a_pod(Waits)
    async with at_work(pod):
        while (own := pod._own_metrics()) is None or not list(own.collect()):
            await asyncio.sleep(0.01)
    assert pod._state == "stopped"


async def test_a_stop_does_not_wait_for_the_next_try_to_connect(brokers: Brokers) -> None:
    brokers.away = 1_000_000
    pod = a_pod(Copy)
    async with at_work(pod):
        while not any(pod.why_not_ready()):
            await asyncio.sleep(0.01)
    assert pod._state == "stopped"


async def test_a_loop_that_does_not_turn_for_a_minute_is_a_reason_with_the_handlers_name(
    brokers: Brokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = a_pod(Blocks)

    def after_another(seconds: float) -> list[str]:
        pod._watchdog._beat -= seconds
        return list(pod.why_not_alive())

    monkeypatch.setattr(Blocks, "ask", staticmethod(after_another), raising=False)
    monkeypatch.setattr(Blocks, "said", [], raising=False)
    brokers.broker.topic("in").append(0, [(0, None, b"one", (), 3)], 3, None)
    async with at_work(pod):
        while len(Blocks.said) < 2:
            await asyncio.sleep(0.01)
    assert Blocks.said[0] == []
    [reason] = Blocks.said[1]
    assert reason.startswith("the event loop has not turned for 6")
    assert ": Blocks.copy (line " in reason


async def test_partitions_that_stand_still_are_a_reason_to_start_again(brokers: Brokers) -> None:
    pod = a_pod(Copy)
    pod._health.stuck["in"] = ["in/0 stands at 3 of 9 for 61 s"]
    assert list(pod.why_not_alive()) == ["inlet in: in/0 stands at 3 of 9 for 61 s"]
