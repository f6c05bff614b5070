"""Partitions and settings: raised and altered where the topic is the application's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_operator.topic_states import State
from streamlet_sdk.runtime.transport import TopicSpec

if TYPE_CHECKING:
    from streamlet_sdk.runtime.transport import TopicInfo
    from support.topics_world import World

pytestmark = pytest.mark.parametrize("world", ["embedded", "kafka"], indirect=True)

HOUR, DAY = "3600000", "86400000"


async def seen(world: World, name: str) -> TopicInfo:
    there = await world.look(name)
    assert there is not None
    return there


async def test_partitions_are_raised_when_they_are_asked_for(world: World) -> None:
    before = await world.brought([world.wanted(partitions=2)])
    found = (await world.brought([world.wanted(partitions=5)], before))["raw"]
    assert (found.state, found.partitions, found.created) == (State.READY, 5, True)


async def test_partitions_are_never_lowered(world: World) -> None:
    before = await world.brought([world.wanted(partitions=4)])
    found = (await world.brought([world.wanted(partitions=2)], before))["raw"]
    assert (found.state, found.partitions) == (State.DRIFTED, 4)
    assert "cannot be lowered to 2" in found.message


async def test_a_default_raises_nothing_later(world: World) -> None:
    before = await world.brought([world.wanted(partitions=1)])
    found = (await world.brought([world.wanted()], before))["raw"]
    assert (found.state, found.partitions) == (State.READY, 1)


async def test_settings_are_set_when_it_is_made_and_altered_one_by_one(world: World) -> None:
    wanted = world.wanted(config={"retention.ms": HOUR, "max.message.bytes": "2000"})
    before = await world.brought([wanted])
    changed = world.wanted(config={"retention.ms": DAY})
    found = (await world.brought([changed], before))["raw"]
    assert found.state == State.READY
    there = await seen(world, wanted.spec.name)
    assert there.config["retention.ms"] == DAY
    assert there.config["max.message.bytes"] == "2000"


async def test_a_topic_of_somebody_else_is_left_alone_and_its_drift_told(world: World) -> None:
    wanted = world.wanted(partitions=3, config={"retention.ms": HOUR})
    name = wanted.spec.name
    await world.make(TopicSpec(name=name, partitions=1, config={"retention.ms": DAY}))
    found = (await world.brought([wanted]))["raw"]
    assert (found.state, found.partitions, found.created) == (State.DRIFTED, 1, False)
    assert "it has 1 partitions, not 3" in found.message
    assert f"retention.ms is {DAY}, not {HOUR}" in found.message
    there = await seen(world, name)
    assert (there.partitions, there.config["retention.ms"]) == (1, DAY)


async def test_the_drift_of_what_is_not_managed_is_nobodys_business(world: World) -> None:
    wanted = world.wanted(is_managed=False, config={"retention.ms": HOUR})
    await world.make(TopicSpec(name=wanted.spec.name))
    assert (await world.brought([wanted]))["raw"].state == State.READY
