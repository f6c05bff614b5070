"""What every transport owes to those who look after topics and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import RejectedError
from streamlet_sdk.runtime.transport import TopicSpec
from support.transport import deadline

if TYPE_CHECKING:
    from streamlet_sdk.runtime.transport import TopicInfo
    from support.transport import World


async def _known(world: World, topic: str) -> TopicInfo:
    info = (await world.transport.admin().topics([topic]))[topic]
    assert info is not None
    return info


async def test_a_topic_is_made_as_specified(world: World) -> None:
    topic = world.name("topic")
    spec = TopicSpec(name=topic, partitions=3, config={"retention.ms": "86400000"})
    await world.transport.admin().create(spec)
    info = await _known(world, topic)
    assert (info.name, info.partitions) == (topic, 3)
    assert info.replication_factor >= 1
    assert info.config["retention.ms"] == "86400000"


async def test_a_topic_is_made_once(world: World) -> None:
    topic = await world.topic(partitions=2)
    with pytest.raises(RejectedError):
        await world.transport.admin().create(TopicSpec(name=topic, partitions=5))
    assert (await _known(world, topic)).partitions == 2


@pytest.mark.parametrize(
    "spec",
    [
        TopicSpec(name="not a name"),
        TopicSpec(name="."),
        TopicSpec(name=""),
        TopicSpec(name="x" * 250),
        TopicSpec(name="no-partitions", partitions=0),
        TopicSpec(name="no-such-property", config={"retention.eternity": "1"}),
    ],
    ids=lambda spec: spec.name[:20],
)
async def test_a_topic_that_cannot_be_is_refused(world: World, spec: TopicSpec) -> None:
    admin = world.transport.admin()
    with pytest.raises(RejectedError):
        await admin.create(spec)


async def test_asking_for_a_topic_does_not_make_it(world: World) -> None:
    admin = world.transport.admin()
    there, missing = await world.topic(), world.name("missing")
    for _ in range(2):
        known = await admin.topics([there, missing])
        assert known[missing] is None
        assert known[there] is not None
    assert await admin.topics([]) == {}


async def test_partitions_can_be_added_and_not_taken_away(world: World) -> None:
    admin = world.transport.admin()
    topic = await world.topic(partitions=2)
    await admin.grow(topic, 4)
    assert (await _known(world, topic)).partitions == 4
    for count in (4, 3):
        with pytest.raises(RejectedError):
            await admin.grow(topic, count)
    assert (await _known(world, topic)).partitions == 4


async def test_altering_leaves_the_other_properties_alone(world: World) -> None:
    admin = world.transport.admin()
    topic = await world.topic(cleanup_policy="compact", retention_ms="1000000")
    await admin.alter(topic, {"retention.ms": "2000000"})
    config = (await _known(world, topic)).config
    assert (config["cleanup.policy"], config["retention.ms"]) == ("compact", "2000000")
    await admin.alter(topic, {"retention.ms": None})
    config = (await _known(world, topic)).config
    assert config["cleanup.policy"] == "compact"
    assert config.get("retention.ms") not in {"1000000", "2000000"}


async def test_a_wrong_property_changes_nothing(world: World) -> None:
    admin = world.transport.admin()
    topic = await world.topic(retention_ms="1000000")
    with pytest.raises(RejectedError):
        await admin.alter(topic, {"retention.ms": "5", "retention.eternity": "1"})
    assert (await _known(world, topic)).config["retention.ms"] == "1000000"


async def test_a_deleted_topic_is_gone_and_may_be_made_again(world: World) -> None:
    admin = world.transport.admin()
    topic = await world.topic(partitions=2)
    await world.write(topic, b"old")
    await admin.delete(topic)
    assert await admin.topics([topic]) == {topic: None}
    await admin.create(TopicSpec(name=topic))
    reader = await world.reader(topic)
    await reader.opened(1)
    await reader.nothing_comes()


async def test_what_is_not_there_cannot_be_changed(world: World) -> None:
    admin = world.transport.admin()
    topic = world.name("missing")
    with pytest.raises(RejectedError):
        await admin.grow(topic, 2)
    with pytest.raises(RejectedError):
        await admin.alter(topic, {"retention.ms": "1"})
    with pytest.raises(RejectedError):
        await admin.delete(topic)
    assert await admin.topics([topic]) == {topic: None}


async def test_a_group_that_nobody_used_has_no_offsets(world: World) -> None:
    assert await world.transport.admin().offsets(world.name("group")) == {}


async def test_a_group_is_known_while_somebody_is_in_it_and_as_long_as_it_has_offsets(
    world: World,
) -> None:
    admin, topic, beginning = world.transport.admin(), await world.topic(), world.name("plant")
    await world.write(topic, b"a")
    kept, used = f"{beginning}.kept.in", f"{beginning}.used.in"
    reader = await world.reader(topic, kept)
    [claim] = await reader.opened(1)
    assert await reader.consumer.commit({claim: 1}, deadline()) == {claim}
    await reader.close()
    await (await world.reader(topic, used)).owning(1)
    assert list(await admin.groups(f"{beginning}.")) == [kept, used]


async def test_groups_are_found_by_the_beginning_of_their_name(world: World) -> None:
    admin, topic, beginning = world.transport.admin(), await world.topic(), world.name("plant")
    names = [f"{beginning}.b.in", f"{beginning}.a.in", f"{beginning}-2.a.in", f"x{beginning}.a.in"]
    for name in names:
        await (await world.reader(topic, name)).owning(1)
    assert list(await admin.groups(f"{beginning}.")) == sorted(names[:2])
    assert list(await admin.groups(world.name("missing"))) == []
