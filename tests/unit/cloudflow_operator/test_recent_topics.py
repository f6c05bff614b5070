"""When Kafka is asked again about topics, and when what it said a moment ago is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_operator.desired.topics import DesiredTopic
from cloudflow_operator.recent_topics import BELIEVED, RecentTopics
from cloudflow_operator.topic_states import State
from streamlet_sdk.runtime.transport import TopicSpec
from support.cluster import FakeTopics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import TopicStatus


class Asked(FakeTopics):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def ensure(
        self, wanted: Sequence[DesiredTopic], before: Mapping[str, TopicStatus]
    ) -> Sequence[TopicStatus]:
        self.asked += 1
        return await super().ensure(wanted, before)


class World:
    """Topics of an application whose status is what was found last."""

    def __init__(self) -> None:
        self.time = 0.0
        self.kafka = Asked()
        self.topics = RecentTopics(self.kafka, lambda: self.time)
        self.status: dict[str, TopicStatus] = {}

    async def look(self, *wanted: DesiredTopic) -> list[str]:
        found = await self.topics.ensure(wanted, self.status)
        self.status = {one.name: one for one in found}
        return [one.state for one in found]


def a_topic(name: str = "raw", partitions: int = 3) -> DesiredTopic:
    spec = TopicSpec(name=f"plant.{name}", partitions=partitions)
    return DesiredTopic(id=name, cluster="default", spec=spec, is_managed=False)


@pytest.fixture
def world() -> World:
    made = World()
    made.kafka.there = {("default", "plant.raw"): 3, ("default", "plant.good"): 3}
    return made


async def test_topics_that_were_right_are_believed_for_a_while(world: World) -> None:
    await world.look(a_topic(), a_topic("good"))
    assert await world.look(a_topic(), a_topic("good")) == [State.READY, State.READY]
    assert world.kafka.asked == 1
    world.time += BELIEVED.total_seconds()
    await world.look(a_topic(), a_topic("good"))
    assert world.kafka.asked == 2


async def test_a_topic_that_is_wanted_otherwise_is_looked_at(world: World) -> None:
    await world.look(a_topic())
    await world.look(a_topic(partitions=6))
    assert world.kafka.asked == 2


async def test_another_status_than_what_was_found_is_not_believed(world: World) -> None:
    await world.look(a_topic())
    world.status["raw"] = world.status["raw"].model_copy(update={"created": True})
    await world.look(a_topic())
    assert world.kafka.asked == 2


async def test_a_topic_that_is_missing_is_looked_for_each_time(world: World) -> None:
    wanted = a_topic("late"), a_topic()
    await world.look(*wanted)
    world.kafka.there["default", "plant.late"] = 1
    assert await world.look(*wanted) == [State.READY, State.READY]


async def test_a_topic_that_was_deleted_here_is_not_believed_to_be_there(world: World) -> None:
    await world.look(a_topic())
    await world.topics.delete(list(world.status.values()))
    assert await world.look(a_topic()) == [State.MISSING]


async def test_what_was_seen_is_forgotten_in_time(world: World) -> None:
    await world.look(a_topic())
    world.time += BELIEVED.total_seconds()
    await world.look(a_topic("good"))
    assert set(world.topics._seen) == {("default", "plant.good")}


async def test_what_was_seen_of_another_cluster_is_not_believed(world: World) -> None:
    await world.look(a_topic())
    world.topics.forget()
    await world.look(a_topic())
    assert world.kafka.asked == 2
