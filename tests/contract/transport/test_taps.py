"""A tap sees every record of a topic once, on any transport."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import RejectedError
from streamlet_sdk.runtime.tap import Tap
from support.transport import PATIENCE, eventually

if TYPE_CHECKING:
    from streamlet_sdk.records import Record
    from support.transport import World


async def test_a_tap_sees_what_was_there_what_comes_and_what_partitions_are_added(
    world: World,
) -> None:
    topic = await world.topic(2)
    await world.write(topic, b"a", b"b", partition=0)
    await world.write(topic, None, partition=1)
    seen: list[Record[bytes | None]] = []
    tap = Tap(world.transport, topic, seen.append)
    await tap.start()
    async with asyncio.timeout(PATIENCE):
        await tap.caught_up()
    assert sorted((one.partition, one.offset, one.value) for one in seen) == [
        (0, 0, b"a"),
        (0, 1, b"b"),
        (1, 0, None),
    ]
    await world.write(topic, b"c", partition=1)
    async with asyncio.timeout(PATIENCE):
        await tap.caught_up()
    assert seen[-1].value == b"c"
    admin = world.transport.admin()
    await admin.grow(topic, 3)
    await admin.close()
    await eventually(lambda: len(tap.claims) == 3, "the added partition")
    await world.write(topic, b"d", partition=2)
    async with asyncio.timeout(PATIENCE):
        await tap.caught_up()
    assert (seen[-1].partition, seen[-1].value) == (2, b"d")
    assert len(seen) == 5
    await tap.close()


async def test_an_empty_topic_is_caught_up_with_at_once(world: World) -> None:
    tap = Tap(world.transport, await world.topic(), lambda _: None)
    await tap.start()
    async with asyncio.timeout(PATIENCE):
        await tap.caught_up()
    await tap.close()


async def test_a_tap_on_no_topic_is_refused(world: World) -> None:
    tap = Tap(world.transport, world.name("no-such-topic"), lambda _: None)
    with pytest.raises(RejectedError):
        await tap.start()
    await tap.close()


async def test_what_a_tap_shows_its_records_to_may_fail_and_is_heard(world: World) -> None:
    topic = await world.topic()
    await world.write(topic, b"a")

    def seen(record: Record[bytes | None]) -> None:
        raise ZeroDivisionError(record.value)

    tap = Tap(world.transport, topic, seen)
    await tap.start()
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(PATIENCE):
            await tap.caught_up()
    with pytest.raises(ZeroDivisionError):
        await tap.close()
