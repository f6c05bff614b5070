"""Whose topics are, and what may be done with them: the contract of `interfaces.Topics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_operator.topic_states import State
from streamlet_sdk.runtime.transport import TopicSpec

if TYPE_CHECKING:
    from support.topics_world import World


async def test_a_topic_that_nobody_wrote_down_is_not_made(world: World) -> None:
    wanted = world.wanted()
    (found,) = await world.topics.ensure([wanted], {})
    assert (found.state, found.partitions, found.created) == (State.MISSING, None, False)
    assert await world.look(wanted.spec.name) is None


async def test_a_topic_that_was_written_down_is_made_with_its_partitions(world: World) -> None:
    wanted = world.wanted(partitions=3)
    found = (await world.brought([wanted]))["raw"]
    assert (found.state, found.partitions, found.created) == (State.READY, 3, True)
    assert (found.kafka_name, found.cluster) == (wanted.spec.name, "default")
    there = await world.look(wanted.spec.name)
    assert there is not None
    assert there.partitions == 3


async def test_doing_it_again_changes_nothing(world: World) -> None:
    wanted = [world.wanted("raw"), world.wanted("good")]
    before = await world.brought(wanted)
    assert await world.brought(wanted, before) == before


async def test_a_topic_that_was_there_is_somebody_elses(world: World) -> None:
    wanted = world.wanted()
    await world.make(TopicSpec(name=wanted.spec.name, partitions=2))
    found = (await world.brought([wanted]))["raw"]
    assert (found.state, found.partitions, found.created) == (State.READY, 2, False)


async def test_the_second_application_of_a_topic_does_not_own_it(world: World) -> None:
    name = f"{world.name}.shared"
    await world.brought([world.wanted("mine", kafka_name=name)])
    found = (await world.brought([world.wanted("theirs", kafka_name=name)]))["theirs"]
    assert (found.state, found.created) == (State.READY, False)


async def test_a_topic_that_was_deleted_by_hand_is_made_again(world: World) -> None:
    wanted = world.wanted()
    before = await world.brought([wanted])
    await world.topics.delete(list(before.values()))
    assert (await world.brought([wanted], before))["raw"].state == State.READY


async def test_what_is_not_managed_is_only_looked_at(world: World) -> None:
    wanted = world.wanted(is_managed=False)
    found = (await world.brought([wanted]))["raw"]
    assert (found.state, found.created) == (State.MISSING, False)
    assert await world.look(wanted.spec.name) is None
    await world.make(TopicSpec(name=wanted.spec.name))
    assert (await world.brought([wanted]))["raw"].state == State.READY


async def test_a_topic_of_another_name_is_another_one(world: World) -> None:
    before = await world.brought([world.wanted()])
    wanted = world.wanted(kafka_name=f"{world.name}.other")
    (found,) = await world.topics.ensure([wanted], before)
    assert (found.state, found.created) == (State.MISSING, False)


async def test_deleted_topics_are_gone_and_deleting_them_again_is_fine(world: World) -> None:
    wanted = [world.wanted("raw"), world.wanted("good")]
    found = list((await world.brought(wanted)).values())
    assert list(await world.topics.delete(found)) == []
    assert await world.look(wanted[0].spec.name) is None
    assert list(await world.topics.delete(found)) == []


async def test_a_kafka_that_is_away_is_told_of_each_topic(world: World) -> None:
    wanted = [world.wanted("raw"), world.wanted("good")]
    before = await world.brought(wanted)
    await world.cut()
    found = await world.topics.ensure(wanted, before)
    assert {(one.state, one.partitions, one.created) for one in found} == {
        (State.UNAVAILABLE, None, True)
    }
    assert all(one.message for one in found)
    left = await world.topics.delete(list(before.values()))
    assert {(one.name, one.state) for one in left} == {
        ("raw", State.UNAVAILABLE),
        ("good", State.UNAVAILABLE),
    }
