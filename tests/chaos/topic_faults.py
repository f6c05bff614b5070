"""What breaks of topics and of what brokers keep beside them; the others are in `faults`."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chaos.faults import STREAMLETS, running
from chaos.stage import INPUT, MIDDLE, PARTITIONS
from chaos.traffic import CLIENT, ended

if TYPE_CHECKING:
    from chaos.stage import Stage

# Further than any topic of a run gets.
BEYOND = 1_000_000


async def grown(stage: Stage) -> None:
    """The partitions of topics are raised while they are read and written."""
    await asyncio.sleep(3)
    await stage.brokers.grow({stage.topic(MIDDLE): PARTITIONS + 4})
    await stage.pause(20, 25)
    await stage.brokers.grow({stage.topic(MIDDLE): PARTITIONS + 6})
    stage.kubelet.kill(stage.chance.choice(running(stage)))
    await asyncio.sleep(35)


async def made_again(stage: Stage) -> None:
    """Topics are deleted and made again while they are read and written."""
    await stage.pause(6, 8)
    await stage.make_again(INPUT)
    await stage.pause(8, 10)
    await stage.quiet()
    await stage.make_again(MIDDLE)
    await stage.pause(8, 10)
    stage.kubelet.kill(stage.chance.choice(running(stage)))
    await asyncio.sleep(4)


async def overtaken(stage: Stage) -> None:
    """Retention deletes what was not read yet: while readers are away, and while they read."""
    await stage.pause(4, 6)
    for pod in stage.kubelet.of("forward"):
        stage.kubelet.kill(pod, delay=6)
    await asyncio.sleep(4)
    await stage.expire()
    await stage.pause(10, 12)
    await stage.expire()
    await stage.pause(4, 6)
    stage.kubelet.kill(stage.chance.choice(running(stage)))
    await asyncio.sleep(4)


async def offsets_beyond_the_end(stage: Stage) -> None:
    """Groups come back to topics that were made again, with offsets that these never had."""
    await stage.pause(3, 5)
    await stage.quiet()
    pods = [pod for streamlet in STREAMLETS for pod in stage.kubelet.of(streamlet)]
    await asyncio.gather(*(stage.kubelet.terminate(pod, again=False) for pod in pods))
    for name, streamlet in ((INPUT, "forward"), (MIDDLE, "mark")):
        await stage.make_again(name)
        offsets = dict.fromkeys(range(PARTITIONS), BEYOND)
        await stage.brokers.commit(stage.group(streamlet), stage.topic(name), offsets)
    for pod in pods:
        stage.kubelet.add(pod.streamlet, pod.name)
    await stage.pause(8, 10)
    for streamlet in STREAMLETS:
        stage.kubelet.kill(stage.chance.choice(stage.kubelet.of(streamlet)))
    await asyncio.sleep(4)


async def transaction_left_open(stage: Stage) -> None:
    """Somebody begins a transaction in both topics and is never seen again."""
    producer = AIOKafkaProducer(
        bootstrap_servers=stage.brokers.direct,
        transactional_id=f"{stage.namespace}.left",
        transaction_timeout_ms=8000,
        **CLIENT,
    )
    await producer.start()
    await producer.begin_transaction()
    for topic in (INPUT, MIDDLE):
        for partition in range(PARTITIONS):
            await producer.send_and_wait(stage.topic(topic), b"-1", partition=partition)
    await asyncio.sleep(12)
    # The broker has aborted it by now, and refuses what else comes of it.
    with contextlib.suppress(KafkaError):
        await ended(producer)


async def idle(stage: Stage, seconds: float = 22) -> None:
    """No record comes for a while, twice."""
    for _ in range(2):
        stage.feed.pause()
        await asyncio.sleep(seconds)
        stage.feed.resume()
        await asyncio.sleep(5)


async def forgotten(stage: Stage) -> None:
    """No record comes until brokers have forgotten who wrote before."""
    await stage.brokers.forget_producers(timedelta(seconds=25))
    try:
        await idle(stage, 40)
    finally:
        await stage.brokers.forget_producers(None)
