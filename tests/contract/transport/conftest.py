"""The transports that the suite of this folder runs against.

A transport joins by one more entry of `WORLDS`; no test here may know which one it is.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.broker import EmbeddedBroker
from support.transport import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def _embedded() -> AsyncIterator[World]:
    broker = EmbeddedBroker()
    async with World(lambda client: broker.transport(client=client)) as world:
        yield world
    await broker.close()


WORLDS = {"embedded": _embedded}


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A broker with nothing in it that a test would meet."""
    async with WORLDS[request.param]() as world:
        yield world
