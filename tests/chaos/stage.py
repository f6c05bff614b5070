"""One run: a pipeline of two streamlets at work while a scenario breaks something."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from chaos.account import Account, Topics, account, longest_standstill
from chaos.brokers import ASK_SECONDS, PASSWORD
from chaos.pods import Kubelet
from chaos.traffic import Feed, Watch, read
from streamlet_sdk.contract import Binding, DeliveryOverride, Settings, StreamletConfig
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.transport import TopicSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path
    from random import Random

    from chaos.account import Found
    from chaos.brokers import Brokers
    from streamlet_sdk.delivery import Guarantee
    from streamlet_sdk.runtime.transport import Admin

PARTITIONS = 6
REPLICAS = 3
RATE = 240.0
# On a machine that others use too a process may need more than a minute to start.
WARM_SECONDS = 300.0
# How long everything may take to come through after the last fault: sessions, time-outs, back-offs.
CATCH_UP_SECONDS = 300.0
# How long the feed's last records take to be acknowledged.
SETTLED_SECONDS = 3.0
SESSION = {"session.timeout.ms": "6000"}
INPUT, MIDDLE, OUTPUT = "in", "mid", "out"
DEAD = ("forward-dead", "mark-dead")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is broken, and what is promised while it is.

    Attributes:
        faults: breaks things; when it returns everything may work again.
        guarantees: which of them to run.
        classes: the streamlets' classes, where the plain ones will not do.
        incidents: how often something lost its window besides the crashes of processes.
        backlog: records that are there before the pipeline starts.
        is_ordered: whether the order per key is promised.
        is_guarded: whether the pipeline has to give a password.
        begins_at_end: whether nothing may go in before the second streamlet has its places.
        poison: whether a number cannot be processed.
        proof: looks at a finished run for what is particular to it; a sentence is a complaint.
    """

    name: str
    faults: Callable[[Stage], Awaitable[None]]
    guarantees: tuple[Guarantee, ...] = ("at-least-once", "exactly-once")
    forward: str = "Forward"
    mark: str = "Mark"
    settings: Mapping[str, int] = field(default_factory=dict)
    delivery: Mapping[str, object] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    topic: Mapping[str, str] = field(default_factory=dict)
    incidents: int = 0
    backlog: int = 0
    is_ordered: bool = True
    is_guarded: bool = False
    begins_at_end: bool = False
    poison: Callable[[int], bool] = lambda _: False
    proof: Callable[[Stage], str | None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one run has shown; `broken` says what of the promise was not kept."""

    scenario: str
    guarantee: Guarantee
    seed: int
    account: Account
    bound: int
    standstill: float
    seconds: float
    deaths: int
    broken: list[str]


class Stage:
    """The world of one run, as faults see it."""

    def __init__(
        self, scenario: Scenario, guarantee: Guarantee, seed: int, brokers: Brokers, chance: Random
    ) -> None:
        """Nothing runs yet."""
        self.scenario = scenario
        self.guarantee = guarantee
        self.seed = seed
        self.brokers = brokers
        self.chance = chance
        self.namespace = f"c{uuid4().hex[:8]}"
        self.feed = Feed(brokers.direct, self.topic(INPUT), PARTITIONS)
        self.watch = Watch(
            brokers.direct, [self.topic(each) for each in (OUTPUT, *DEAD)], PARTITIONS
        )
        self.kubelet: Kubelet
        # What was in the input and is there no more, and what of it may never have been read.
        self._gone: list[Found] = []
        self._deleted: set[int] = set()
        self._warm_at = 0.0

    def topic(self, name: str) -> str:
        """The name of a topic on the brokers."""
        return f"{self.namespace}.{name}"

    def group(self, streamlet: str) -> str:
        """The consumer group of a streamlet."""
        return self._config(streamlet).group("in")

    async def play(self, folder: Path) -> Result:
        """Run the scenario and account for it; logs of pods go to `folder`."""
        begun = time.monotonic()
        way = {"bootstrap.servers": self.brokers.through}
        if self.scenario.is_guarded:
            way = self.brokers.guarded(PASSWORD)
            await self.brokers.set_password(PASSWORD)
        self.kubelet = Kubelet(folder, {**way, **SESSION, **self.scenario.properties})
        await self._make_topics()
        try:
            async with self.watch:
                await self._work()
            topics = await self._topics()
        finally:
            await self.kubelet.close()
            await self.brokers.mend()
            await self.feed.close()
            await self._drop_topics()
        return self._result(topics, time.monotonic() - begun)

    async def pause(self, least: float, most: float) -> None:
        """Let a random time pass."""
        await asyncio.sleep(self.chance.uniform(least, most))

    async def expire(self) -> None:
        """Delete everything that is in the input now, read or not."""
        before = {found.partition: found.offset + 1 for found in await self._taken_away()}
        await self.brokers.delete_records(self.topic(INPUT), before)

    async def make_again(self, name: str) -> None:
        """Delete a topic and make another one of its name; nothing goes in meanwhile.

        Raises:
            TimeoutError: when the brokers do not let go of it.
        """
        self.feed.pause()
        await asyncio.sleep(SETTLED_SECONDS)
        if name == INPUT:
            await self._taken_away()
        topic = self.topic(name)
        async with self._admin() as admin, asyncio.timeout(ASK_SECONDS):
            await admin.delete(topic)
            while (await admin.topics([topic]))[topic] is not None:
                await asyncio.sleep(0.1)
            await admin.create(TopicSpec(name=topic, partitions=PARTITIONS))
        self.feed.resume()

    async def quiet(self) -> None:
        """Let everything come through that went in, and nothing go in."""
        self.feed.pause()
        await asyncio.sleep(SETTLED_SECONDS)
        await self._come_through()

    async def _taken_away(self) -> list[Found]:
        """What is in the input, which is about to be deleted."""
        found = await read(self.brokers.direct, [self.topic(INPUT)])
        async with self._admin() as admin:
            offsets = await admin.offsets(self.group("forward"))
        known = {record.number for record in self._gone}
        self._gone += [record for record in found if record.number not in known]
        self._deleted |= {
            record.number
            for record in found
            if record.offset >= offsets.get((self.topic(INPUT), record.partition), 0)
        }
        return found

    async def _inputs(self) -> list[Found]:
        """What went in, whether it is still there or not."""
        now = await read(self.brokers.direct, [self.topic(INPUT)])
        known = {record.number for record in self._gone}
        return [*self._gone, *(record for record in now if record.number not in known)]

    async def _work(self) -> None:
        for streamlet in ("forward", "mark"):
            self.kubelet.mount(self._config(streamlet))
        if self.scenario.backlog:
            await self.feed.flood(self.scenario.backlog)
        for streamlet in ("forward", "mark"):
            for number in range(REPLICAS):
                self.kubelet.add(streamlet, f"{streamlet}-{number}")
        if self.scenario.begins_at_end:
            await self._placed()
        self.feed.start(RATE)
        await self._warm()
        await self.scenario.faults(self)
        await self.brokers.mend()
        await self.feed.stop()
        if self.guarantee == "at-most-once":
            await self._all_committed()
        else:
            await self._come_through()
        await self.kubelet.drain()

    async def _come_through(self) -> None:
        """Wait until everything has come out that is in the input, or would have if it could."""
        # More may be there than was acknowledged.
        inputs = {found.number for found in await self._inputs()} - self._deleted
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_SECONDS):
                while not inputs <= self.watch.seen:
                    await asyncio.sleep(0.1)

    async def _placed(self) -> None:
        """Wait until the second streamlet has committed where it begins in each partition.

        Raises:
            TimeoutError: when it does not.
        """
        offsets: Mapping[tuple[str, int], int] = {}
        async with self._admin() as admin, asyncio.timeout(WARM_SECONDS):
            while len(offsets) < PARTITIONS:
                await asyncio.sleep(0.2)
                offsets = await admin.offsets(self.group("mark"))

    async def _warm(self) -> None:
        """Wait until something came out of every partition.

        Raises:
            TimeoutError: when the pipeline does not begin to work.
        """
        async with asyncio.timeout(WARM_SECONDS):
            while len(self.watch.arrivals) < PARTITIONS:
                await asyncio.sleep(0.1)
        self._warm_at = time.time()

    async def _all_committed(self) -> None:
        """Wait until both groups have committed to the ends of their topics."""
        with contextlib.suppress(TimeoutError):
            async with self._admin() as admin, asyncio.timeout(CATCH_UP_SECONDS):
                await self._committed(admin, "forward", self.topic(INPUT))
                await self._committed(admin, "mark", self.topic(MIDDLE))

    async def _committed(self, admin: Admin, streamlet: str, topic: str) -> None:
        ends = {
            (topic, found.partition): found.offset + 1
            for found in await read(self.brokers.direct, [topic])
        }
        offsets: Mapping[tuple[str, int], int] = {}
        while any(offsets.get(at, 0) < end for at, end in ends.items()):
            await asyncio.sleep(0.5)
            offsets = await admin.offsets(self.group(streamlet))

    async def _topics(self) -> Topics:
        direct = self.brokers.direct
        inputs = await self._inputs()
        poison = frozenset(r.number for r in inputs if self.scenario.poison(r.number))
        return Topics(
            inputs=inputs,
            middle=await read(direct, [self.topic(MIDDLE)]),
            outputs=await read(direct, [self.topic(OUTPUT)]),
            dead_letters=await read(direct, [self.topic(each) for each in DEAD]),
            poison=poison,
            deleted=frozenset(self._deleted),
        )

    def _result(self, topics: Topics, seconds: float) -> Result:
        made = account(topics)
        window = self._config("mark").settings.window_records
        bound = window * (self.kubelet.crashes + self.scenario.incidents)
        broken = made.broken(self.guarantee, bound=bound, is_ordered=self.scenario.is_ordered)
        broken += [f"{name} did not end within its grace period" for name in self.kubelet.overdue]
        if len(topics.inputs) < self.feed.sent:
            broken.append(f"the brokers lost {self.feed.sent - len(topics.inputs)} inputs")
        if (complaint := self.scenario.proof(self)) is not None:
            broken.append(complaint)
        return Result(
            scenario=self.scenario.name,
            guarantee=self.guarantee,
            seed=self.seed,
            account=made,
            bound=bound if self.guarantee == "at-least-once" else 0,
            standstill=longest_standstill(self.watch.arrivals, since=self._warm_at),
            seconds=seconds,
            deaths=sum(len(pod.deaths) for pod in self.kubelet.pods),
            broken=broken,
        )

    def _config(self, streamlet: str) -> StreamletConfig:
        source, sink, kind = (
            (INPUT, MIDDLE, self.scenario.forward)
            if streamlet == "forward"
            else (MIDDLE, OUTPUT, self.scenario.mark)
        )
        ports = {"in": source, "out": sink, "in-dead-letters": f"{streamlet}-dead"}
        return StreamletConfig(
            application="chaos",
            namespace=self.namespace,
            streamlet=streamlet,
            class_name=f"chaos_pipeline:{kind}",
            settings=Settings(**self.scenario.settings),
            ports={
                port: Binding(topic=topic, kafka_name=self.topic(topic))
                for port, topic in ports.items()
            },
            delivery={
                "in": DeliveryOverride.model_validate(
                    {"guarantee": self.guarantee, **self.scenario.delivery}
                )
            },
        )

    async def _make_topics(self) -> None:
        async with self._admin() as admin:
            for name in (INPUT, MIDDLE, OUTPUT, *DEAD):
                config = self.scenario.topic if name == MIDDLE else {}
                partitions = 1 if name in DEAD else PARTITIONS
                await admin.create(
                    TopicSpec(name=self.topic(name), partitions=partitions, config=config)
                )

    async def _drop_topics(self) -> None:
        async with self._admin() as admin:
            for name in (INPUT, MIDDLE, OUTPUT, *DEAD):
                await admin.delete(self.topic(name))

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[Admin]:
        transport = KafkaTransport(self.brokers.direct)
        try:
            yield transport.admin()
        finally:
            await transport.close()
