"""Topics that are created at the same time on a real Kafka share requests, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.protocol.admin import CreateTopicsRequest

from streamlet_sdk.errors import RejectedError, UnavailableError
from streamlet_sdk.runtime.kafka.admin import KafkaAdmin
from streamlet_sdk.runtime.kafka.client import Client
from streamlet_sdk.runtime.kafka.properties import Properties
from streamlet_sdk.runtime.transport import TopicSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


WORDS = ("eplication factor", "retention.mss", "endless")


class Counting(Client):
    """A client that knows how many requests to create topics it has sent."""

    requests = 0

    async def send(self, node_id: Any, request: Any, **named: Any) -> Any:
        self.requests += isinstance(request, CreateTopicsRequest)
        aiokafka: Any = super()
        return await aiokafka.send(node_id, request, **named)


@contextlib.asynccontextmanager
async def connected(bootstrap: str) -> AsyncIterator[tuple[Counting, KafkaAdmin]]:
    """An admin, and the only client that it has."""
    client = Counting(bootstrap, "test", Properties({}).connection())
    admin = KafkaAdmin(lambda: client)
    try:
        yield client, admin
    finally:
        await admin.close()


async def created(admin: KafkaAdmin, *specs: TopicSpec) -> Sequence[BaseException | None]:
    """What came of creating all at once."""
    return await asyncio.gather(*map(admin.create, specs), return_exceptions=True)


@pytest.fixture
def name() -> str:
    """What no other topic's name begins with."""
    return f"together-{uuid.uuid4().hex[:8]}"


async def test_many_are_made_in_one_request_and_bad_ones_fail_alone(kafka: str, name: str) -> None:
    good = [TopicSpec(name=f"{name}-{number}", partitions=2) for number in range(17)]
    bad = (
        TopicSpec(name=f"{name}-copies", replication_factor=3),
        TopicSpec(name=f"{name}-unknown", config={"retention.mss": "1"}),
        TopicSpec(name=f"{name}-endless", partitions=2**40),
    )
    async with connected(kafka) as (client, admin):
        outcomes = await created(admin, *bad, *good)
        assert {type(one) for one in outcomes[:3]} == {RejectedError}
        for one, word in zip(outcomes[:3], WORDS, strict=True):
            assert word in str(one)
        assert list(outcomes[3:]) == [None] * len(good)
        assert client.requests == 1
        there = await admin.topics([spec.name for spec in good])
        assert [one.partitions for one in there.values() if one is not None] == [2] * len(good)


async def test_of_two_that_want_the_same_one_makes_it(kafka: str, name: str) -> None:
    spec, other = TopicSpec(name=name), TopicSpec(name=f"{name}-other")
    async with connected(kafka) as (client, admin):
        first, beside, second = await created(admin, spec, other, spec)
        assert (first, beside) == (None, None)
        assert isinstance(second, RejectedError)
        assert client.requests == 2


async def test_a_closed_admin_connects_no_more(kafka: str, name: str) -> None:
    async with connected(kafka) as (client, admin):
        await admin.connect()
        await admin.close()
        for late in (admin.create(TopicSpec(name=name)), admin.topics([name])):
            with pytest.raises(UnavailableError, match="closed"):
                await late
        assert client.requests == 0
