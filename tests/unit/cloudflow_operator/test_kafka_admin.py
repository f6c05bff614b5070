"""Topics that take their time, and clusters that are described in another way than before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloudflow_operator.desired.topics import DesiredTopic
from cloudflow_operator.kafka_admin import KafkaTopics
from cloudflow_operator.kafka_clusters import Connection
from cloudflow_operator.topic_states import State, claimed
from streamlet_sdk.errors import UnavailableError
from streamlet_sdk.runtime.transport import TopicInfo, TopicSpec
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Slow:
    """The part of an `Admin` that is needed here; to make a topic takes `seconds`."""

    def __init__(self, seconds: float = 1) -> None:
        self.seconds = seconds
        self.made: set[str] = set()
        self.is_open = True
        self.known: list[str] | None = None

    async def topics(self, names: Sequence[str]) -> Mapping[str, TopicInfo | None]:
        return {name: self._found(name) for name in names}

    def _found(self, name: str) -> TopicInfo | None:
        if name not in self.made:
            return None
        return TopicInfo(name=name, partitions=1, replication_factor=1, config={})

    async def create(self, spec: TopicSpec) -> None:
        await asyncio.sleep(self.seconds)
        self.made.add(spec.name)

    async def grow(self, topic: str, partitions: int) -> None:
        raise NotImplementedError

    async def alter(self, topic: str, changed: Mapping[str, str | None]) -> None:
        raise NotImplementedError

    async def delete(self, topic: str) -> None:
        raise NotImplementedError

    async def offsets(self, group: str) -> Mapping[tuple[str, int], int]:
        raise NotImplementedError

    async def groups(self, prefix: str) -> Sequence[str]:
        if self.known is None:
            raise UnavailableError("asking broker 2 for consumer groups: it is away")
        return self.known

    async def close(self) -> None:
        self.is_open = False


@virtual_time
async def test_of_very_many_topics_some_are_made_at_a_time_and_none_is_lost() -> None:
    admin = Slow()

    async def connect(_: Connection) -> Slow:
        return admin

    topics = KafkaTopics(lambda _: Connection("kafka:9092", {}), connect)
    wanted = [
        DesiredTopic(id=f"t{number}", cluster="default", spec=TopicSpec(name=f"t{number}"))
        for number in range(300)
    ]
    found = await topics.ensure(wanted, {})
    noted = {one.name: claimed(one) for one in found}
    found = await topics.ensure(wanted, noted)
    assert {one.state for one in found} == {State.READY, State.CREATING}
    for _ in range(5):
        found = await topics.ensure(wanted, {one.name: one for one in found})
    assert {(one.state, one.created) for one in found} == {(State.READY, True)}
    assert len(admin.made) == len(wanted)
    await topics.close()
    assert not admin.is_open


@virtual_time
async def test_topics_that_have_to_wait_for_long_are_left_for_the_next_time() -> None:
    admin = Slow(seconds=60)

    async def connect(_: Connection) -> Slow:
        return admin

    topics = KafkaTopics(lambda _: Connection("kafka:9092", {}), connect)
    wanted = [DesiredTopic(id="raw", cluster="default", spec=TopicSpec(name="raw"))]
    noted = {one.name: claimed(one) for one in await topics.ensure(wanted, {})}
    (found,) = await topics.ensure(wanted, noted)
    assert (found.state, found.created) == (State.CREATING, True)
    admin.seconds = 1
    (found,) = await topics.ensure(wanted, {found.name: found})
    assert found.state == State.READY
    await topics.close()


@virtual_time
async def test_a_cluster_that_is_described_anew_is_connected_anew() -> None:
    made: list[tuple[Connection, Slow]] = []
    connection = Connection("old:9092", {})

    async def connect(to: Connection) -> Slow:
        made.append((to, Slow()))
        return made[-1][1]

    topics = KafkaTopics(lambda _: connection, connect)
    wanted = [DesiredTopic(id="raw", cluster="default", spec=TopicSpec(name="raw"))]
    await topics.ensure(wanted, {})
    await topics.ensure(wanted, {})
    connection = Connection("new:9092", {})
    await topics.ensure(wanted, {})
    assert [(to.servers, admin.is_open) for to, admin in made] == [
        ("old:9092", False),
        ("new:9092", True),
    ]
    await topics.close()


@virtual_time
async def test_a_broker_that_tells_of_no_groups_holds_up_no_topic() -> None:
    admin = Slow()

    async def connect(_: Connection) -> Slow:
        return admin

    known = {"default": Connection("kafka:9092", {})}
    topics = KafkaTopics(known.get, connect)
    assert await topics.groups({"default": "p.", "other": "p."}) == {"default": None, "other": None}
    wanted = [DesiredTopic(id="raw", cluster="default", spec=TopicSpec(name="raw"))]
    (found,) = await topics.ensure(wanted, {})
    assert found.state == State.MISSING
    admin.known = ["p.a.in"]
    assert await topics.groups({"default": "p."}) == {"default": ["p.a.in"]}
    await topics.close()
