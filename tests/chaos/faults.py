"""What breaks of processes and networks; each function breaks it for a while, then lets it be."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from chaos.stage import INPUT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chaos.pods import Pod
    from chaos.proxy import Cut
    from chaos.stage import Stage

SESSION_SECONDS = 6.0
STREAMLETS = ("forward", "mark")


async def nothing(stage: Stage) -> None:
    """Nothing breaks."""
    await asyncio.sleep(10)


async def killed_replicas(stage: Stage) -> None:
    """Replicas are killed at random moments; some come back within their session."""
    for _ in range(6):
        await stage.pause(0.5, 4)
        pod = stage.chance.choice(running(stage))
        stage.kubelet.kill(pod, delay=stage.chance.choice([0.0, 0.5, SESSION_SECONDS + 2]))
    await asyncio.sleep(SESSION_SECONDS + 2)


async def killed_in_a_row(stage: Stage) -> None:
    """Replicas of each streamlet are killed while they work off a backlog."""
    for _ in range(3):
        for streamlet in STREAMLETS:
            await stage.pause(0.3, 1.5)
            stage.kubelet.kill(stage.chance.choice(stage.kubelet.of(streamlet)))
    await asyncio.sleep(2)


async def rolled(stage: Stage) -> None:
    """SIGTERM to one replica after the other; each is back before the next goes."""
    for streamlet in STREAMLETS:
        for pod in stage.kubelet.of(streamlet):
            await stage.kubelet.terminate(pod, again=True)
            await stage.pause(2, 4)


async def one_rolled_of_each(stage: Stage) -> None:
    """SIGTERM to one replica of each streamlet."""
    for streamlet in STREAMLETS:
        pod = stage.chance.choice(stage.kubelet.of(streamlet))
        await stage.kubelet.terminate(pod, again=True)
        await stage.pause(2, 3)


async def scaled(stage: Stage) -> None:
    """Replicas are added and removed every few seconds."""
    for _ in range(5):
        streamlet = stage.chance.choice(STREAMLETS)
        stage.kubelet.add(streamlet)
        await stage.pause(1, 4)
        pods = stage.kubelet.of(stage.chance.choice(STREAMLETS))
        if len(pods) > 1:
            await stage.kubelet.terminate(stage.chance.choice(pods), again=False)
        await stage.pause(1, 3)


async def frozen(stage: Stage) -> None:
    """A replica of each streamlet stops for longer than its session, and goes on."""
    for streamlet in STREAMLETS:
        pod = stage.chance.choice(stage.kubelet.of(streamlet))
        pod.signal(signal.SIGSTOP)
        await stage.pause(SESSION_SECONDS + 2, SESSION_SECONDS + 5)
        pod.signal(signal.SIGCONT)
        await stage.pause(2, 4)


async def all_brokers_killed(stage: Stage) -> None:
    """Every broker dies, and comes back a while later."""
    for away in (3, 12):
        await stage.brokers.kill(1, 2, 3)
        await asyncio.sleep(away)
        await stage.brokers.start(1, 2, 3)
        await stage.pause(4, 6)


async def broker_killed(stage: Stage) -> None:
    """One of three brokers dies, then another."""
    for number in stage.chance.sample([1, 2, 3], 2):
        await stage.brokers.kill(number)
        await stage.pause(4, 8)
        await stage.brokers.start(number)
        await stage.pause(3, 5)


async def one_broker_killed(stage: Stage) -> None:
    """One of three brokers dies."""
    number = stage.chance.randint(1, 3)
    await stage.brokers.kill(number)
    await stage.pause(3, 5)
    await stage.brokers.start(number)
    await asyncio.sleep(2)


async def broker_paused(stage: Stage) -> None:
    """A broker stops answering for longer than batches may wait."""
    broker = stage.brokers[stage.chance.randint(1, 3)]
    broker.pause()
    await stage.pause(13, 16)
    broker.resume()
    await stage.pause(3, 5)


async def coordinators_killed(stage: Stage) -> None:
    """The broker dies that looks after a group, then the one of a transactional name."""
    name = f"{stage.group('forward')}.{stage.topic(INPUT)}.0"
    for find in (
        stage.brokers.coordinator(group=stage.group("forward")),
        stage.brokers.coordinator(group=stage.group("mark")),
        stage.brokers.coordinator(transaction=name),
    ):
        number = await find
        await stage.brokers.kill(number)
        await stage.pause(4, 7)
        await stage.brokers.start(number)
        await stage.pause(3, 4)


def cut(how: Cut) -> Callable[[Stage], Awaitable[None]]:
    """The connections to all brokers are cut, for a second to half a minute."""

    async def faults(stage: Stage) -> None:
        for least, most in ((1, 2), (3, 5), (9, 12), (25, 30)):
            await stage.brokers.cut(how)
            await stage.pause(least, most)
            await stage.brokers.mend()
            await stage.pause(3, 5)

    return faults


async def one_broker_cut(stage: Stage) -> None:
    """One broker swallows what it is sent."""
    for number in stage.chance.sample([1, 2, 3], 2):
        await stage.brokers.cut("hole", number)
        await stage.pause(8, 14)
        await stage.brokers.mend()
        await stage.pause(3, 5)


async def dropped_often(stage: Stage) -> None:
    """Every connection ends, again and again."""
    for _ in range(15):
        await stage.brokers.cut("drop")
        await stage.pause(0.2, 3)


async def coordinator_cut(stage: Stage) -> None:
    """Only the group's coordinator is out of reach."""
    for streamlet in STREAMLETS:
        number = await stage.brokers.coordinator(group=stage.group(streamlet))
        await stage.brokers.cut("hole", number)
        await stage.pause(SESSION_SECONDS + 2, SESSION_SECONDS + 6)
        await stage.brokers.mend()
        await stage.pause(3, 5)


async def twins(stage: Stage) -> None:
    """A second pod has the name of one that lives."""
    for streamlet in STREAMLETS:
        name = stage.kubelet.of(streamlet)[0].name
        twin = stage.kubelet.add(streamlet, name)
        await stage.pause(8, 12)
        twin.wanted = False
        stage.kubelet.kill(twin)
        await stage.pause(2, 4)


async def terminated_in_rebalances(stage: Stage) -> None:
    """Replicas are asked to end while their group shares its partitions anew."""
    for _ in range(4):
        streamlet = stage.chance.choice(STREAMLETS)
        pod = stage.chance.choice(stage.kubelet.of(streamlet))
        stage.kubelet.add(streamlet)
        await stage.pause(0.8, 2.2)
        await stage.kubelet.terminate(pod, again=False)
        await stage.pause(0, 2)
    await asyncio.sleep(2)


async def terminated_in_an_outage(stage: Stage) -> None:
    """Replicas are asked to end while no broker can be reached."""
    for how in ("refuse", "hole"):
        await stage.brokers.cut(how)
        await stage.pause(1, 3)
        pods = [stage.kubelet.of(streamlet)[0] for streamlet in STREAMLETS]
        # Nothing in hand can be acknowledged: it is as if they were killed.
        stage.kubelet.crashes += len(pods)
        await asyncio.gather(*(stage.kubelet.terminate(pod, again=True) for pod in pods))
        await stage.pause(1, 3)
        await stage.brokers.mend()
        await stage.pause(3, 5)


async def password_changed(stage: Stage) -> None:
    """The password changes twice: announced, and while pods know only the old one."""
    new = "announced-before"
    stage.kubelet.change(stage.brokers.guarded(new))
    await stage.brokers.set_password(new)
    await one_rolled_of_each(stage)
    await one_broker_killed(stage)
    new = "announced-later"
    await stage.brokers.set_password(new)
    await one_broker_killed(stage)
    await stage.pause(2, 4)
    stage.kubelet.change(stage.brokers.guarded(new))
    await one_broker_killed(stage)
    await asyncio.sleep(10)


async def slow_and_killed(stage: Stage) -> None:
    """Handlers take their time while replicas roll and die."""
    await asyncio.sleep(3)
    stage.kubelet.kill(stage.chance.choice(stage.kubelet.of("forward")))
    await asyncio.sleep(4)
    await stage.kubelet.terminate(stage.kubelet.of("forward")[0], again=True)
    await asyncio.sleep(4)


async def one_killed_of_each(stage: Stage) -> None:
    """One replica of each streamlet is killed."""
    for streamlet in STREAMLETS:
        await stage.pause(2, 4)
        stage.kubelet.kill(stage.chance.choice(stage.kubelet.of(streamlet)))
    await asyncio.sleep(4)


async def waited(stage: Stage) -> None:
    """Nothing breaks from outside; the handlers are bad enough."""
    await asyncio.sleep(25)


def running(stage: Stage) -> list[Pod]:
    """The replicas that have a process."""
    return [pod for pod in stage.kubelet.pods if pod.wanted and pod.is_running]
