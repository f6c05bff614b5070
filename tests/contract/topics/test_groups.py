"""Consumer groups as reconciling is told of them: the contract of `interfaces.Topics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.topics_world import World


async def test_groups_are_told_by_the_beginning_of_their_name(world: World) -> None:
    mine = [f"{world.name}.a.in", f"{world.name}.b.in"]
    for group in (mine[1], mine[0], f"{world.name}-2.a.in"):
        await world.join(group)
    assert await world.topics.groups({"default": f"{world.name}."}) == {"default": mine}
    assert await world.topics.groups({"default": f"{world.name}-3."}) == {"default": []}
    assert await world.topics.groups({}) == {}


async def test_a_cluster_that_is_away_tells_nothing(world: World) -> None:
    await world.join(f"{world.name}.a.in")
    await world.cut()
    assert await world.topics.groups({"default": f"{world.name}."}) == {"default": None}
