"""Patient polls of a broker for tests: long when nothing happens, and never late."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from streamlet_sdk.broker import EmbeddedBroker
from support.embedded import bench, embedded
from support.transport import Row, send
from support.virtual_time import virtual_time


def patient() -> EmbeddedBroker:
    return EmbeddedBroker(quiet_poll=timedelta(minutes=1))


def now() -> float:
    return asyncio.get_running_loop().time()


@virtual_time
async def test_a_poll_with_nothing_to_find_lasts_long() -> None:
    async with bench(1, patient()) as it:
        reader = await it.reader()
        (claim,) = await reader.opened(1)
        began = now()
        assert await embedded(reader).poll({claim: 1}, 0.05) == []
        assert 59 < now() - began < 61


@virtual_time
async def test_a_record_ends_the_wait_at_once() -> None:
    async with bench(1, patient()) as it:
        reader = await it.reader()
        (claim,) = await reader.opened(1)
        polling = asyncio.create_task(embedded(reader).poll({claim: 1}, 0.05))
        await asyncio.sleep(10)
        began = now()
        await send(await it.client().producer(), "t", Row(b"a"))
        assert len(await polling) == 1
        assert now() - began < 1


@virtual_time
async def test_a_claim_that_opens_ends_the_wait_at_once() -> None:
    async with bench(2, patient()) as it:
        reader = await it.reader()
        first, second = await reader.owning(2)
        consumer = embedded(reader)
        await consumer.open(first, "earliest")
        polling = asyncio.create_task(consumer.poll({first: 1}, 0.05))
        await asyncio.sleep(10)
        began = now()
        await consumer.open(second, "earliest")
        assert await polling == []
        assert now() - began < 1


@virtual_time
async def test_a_claim_without_credit_keeps_polls_short() -> None:
    async with bench(2, patient()) as it:
        reader = await it.reader()
        first, _ = await reader.opened(2)
        began = now()
        assert await embedded(reader).poll({first: 1}, 0.05) == []
        assert now() - began < 1


@virtual_time
async def test_a_broker_is_not_patient_unless_it_is_asked_to_be() -> None:
    async with bench(1) as it:
        reader = await it.reader()
        (claim,) = await reader.opened(1)
        began = now()
        assert await embedded(reader).poll({claim: 1}, 0.05) == []
        assert now() - began < 1
