"""A tap while the broker is away: it tries again and goes on where it was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.errors import UnavailableError
from streamlet_sdk.runtime.tap import Tap
from support.transport import World
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from streamlet_sdk.records import Record


@virtual_time
async def test_a_tap_that_could_not_read_tells_it_and_reads_everything_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = EmbeddedBroker()
    async with World(lambda client: broker.transport(client=client)) as world:
        topic = await world.topic(2)
        await world.write(topic, b"a")
        seen: list[Record[bytes | None]] = []
        tap = Tap(world.transport, topic, seen.append)
        await tap.start()
        broker.faults.cut()
        with pytest.raises(UnavailableError):
            await tap.caught_up()
        await asyncio.sleep(600)
        assert seen == []
        waits = [record.getMessage() for record in caplog.records if "not read" in record.message]
        # Less and less often: 1, 2, 4, 8, 16, then every 30 s.
        assert len(waits) == 5 + (600 - 31) // 30 + 1
        broker.faults.restore()
        await asyncio.sleep(31)
        await world.write(topic, b"b", partition=1)
        await tap.caught_up()
        assert [one.value for one in seen] == [b"a", b"b"]
        await tap.close()
    await broker.close()


@virtual_time
async def test_a_tap_reads_on_where_it_was_when_the_broker_is_back() -> None:
    broker = EmbeddedBroker()
    async with World(lambda client: broker.transport(client=client)) as world:
        topic = await world.topic()
        await world.write(topic, b"a")
        seen: list[Record[bytes | None]] = []
        tap = Tap(world.transport, topic, seen.append)
        await tap.start()
        await tap.caught_up()
        for value in (b"b", b"c"):
            broker.faults.cut()
            await asyncio.sleep(60)
            broker.faults.restore()
            await world.write(topic, value)
            await tap.caught_up()
        assert [one.value for one in seen] == [b"a", b"b", b"c"]
        await tap.close()
    await broker.close()
