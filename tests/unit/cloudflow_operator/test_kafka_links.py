"""A cluster that is away holds up one caller at a time, and nobody for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator.kafka_clusters import Connection
from cloudflow_operator.kafka_links import LIMIT, PAUSE, Link
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.errors import DeniedError, RejectedError, UnavailableError
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from streamlet_sdk.errors import TransportError
    from streamlet_sdk.runtime.transport import Admin

AWAY = UnavailableError("no broker can be reached", hint="look")


class Cluster:
    """One that a test takes away.

    Attributes:
        failure: what connecting ends with; None lets it succeed.
        hangs: whether connecting never ends.
        tries: how often somebody tried to connect.
    """

    def __init__(self) -> None:
        self.failure: TransportError | None = None
        self.hangs = False
        self.tries = 0
        self.link = Link(Connection("kafka:9092", {}), self._connect)

    async def _connect(self, _connection: Connection) -> Admin:
        self.tries += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return EmbeddedBroker().transport(client="operator").admin()

    async def ask(self) -> str:
        """What comes of a question."""
        try:
            await self.link.run(_nothing)
        except (DeniedError, UnavailableError) as error:
            return str(error)
        return "fine"


async def _nothing(admin: Admin) -> None:
    await admin.topics(["raw"])


@virtual_time
async def test_a_failure_is_believed_for_a_while_and_then_tried_again() -> None:
    cluster = Cluster()
    cluster.failure = AWAY
    assert await cluster.ask() == str(AWAY)
    cluster.failure = None
    assert await cluster.ask() == str(AWAY)
    assert cluster.tries == 1
    await asyncio.sleep(PAUSE.total_seconds())
    assert await cluster.ask() == "fine"


@virtual_time
async def test_while_one_tries_again_nobody_else_waits() -> None:
    cluster = Cluster()
    cluster.failure = AWAY
    await cluster.ask()
    await asyncio.sleep(PAUSE.total_seconds())
    cluster.hangs = True
    loop = asyncio.get_running_loop()
    start = loop.time()
    trying = asyncio.create_task(cluster.ask())
    await asyncio.sleep(0)
    assert await asyncio.gather(*(cluster.ask() for _ in range(3))) == [str(AWAY)] * 3
    assert loop.time() == start
    assert "did not answer in time" in await trying
    assert loop.time() - start <= LIMIT.total_seconds() + 1


@virtual_time
async def test_all_who_wait_for_a_cluster_that_hangs_end_with_the_first() -> None:
    cluster = Cluster()
    cluster.hangs = True
    loop = asyncio.get_running_loop()
    start = loop.time()
    found = await asyncio.gather(*(cluster.ask() for _ in range(50)))
    assert all("did not answer in time" in one for one in found)
    assert loop.time() - start <= LIMIT.total_seconds() + 1


@virtual_time
async def test_credentials_that_are_refused_are_not_tried_again_and_again() -> None:
    cluster = Cluster()
    cluster.failure = DeniedError("wrong password")
    assert [await cluster.ask() for _ in range(5)] == ["wrong password"] * 5
    assert cluster.tries == 1


@virtual_time
async def test_a_refusal_of_one_question_is_no_failure_of_the_cluster() -> None:
    async def refused(_admin: Admin) -> None:
        raise RejectedError("no")

    cluster = Cluster()
    with pytest.raises(RejectedError):
        await cluster.link.run(refused)
    assert await cluster.ask() == "fine"
