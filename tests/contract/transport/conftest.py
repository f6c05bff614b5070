"""The transports that the suite of this folder runs against.

A transport joins by one more entry of `WORLDS`; no test here may know which one it is.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.runtime.kafka import KafkaTransport
from support.transport import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


# Partitions that are added are seen soon; the default is half a minute.
WATCHFUL = {"metadata.max.age.ms": "500"}


@asynccontextmanager
async def _embedded(_request: pytest.FixtureRequest) -> AsyncIterator[World]:
    broker = EmbeddedBroker()
    async with World(lambda client: broker.transport(client=client)) as world:
        yield world
    await broker.close()


@asynccontextmanager
async def _kafka(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    bootstrap: str = request.getfixturevalue("kafka")
    async with World(lambda client: KafkaTransport(bootstrap, WATCHFUL, client=client)) as world:
        yield world


WORLDS = {"embedded": _embedded, "kafka": _kafka}


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A broker with nothing in it that a test would meet."""
    async with WORLDS[request.param](request) as world:
        yield world
