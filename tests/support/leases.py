"""Replicas that stand for election on a Lease in memory, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloudflow_operator.election import Candidate, Election
from cloudflow_operator.errors import ClusterUnavailableError
from cloudflow_operator.requests import Answer, Request
from support.cluster import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cloudflow_operator.interfaces import Manifest


class Server:
    """One Lease, kept as an API server keeps it, and the ways to it.

    Attributes:
        lease: what is there.
        holed: identities whose requests get no answer, within the patience of 3 s.
        lossy: identities the answers to whose writes are lost.
        slow: identities whose requests are done just before their patience ends.
        refusal: a status that everybody gets.
        asked: method and identity of each request.
    """

    def __init__(self) -> None:
        self.lease: Manifest | None = None
        self.holed: set[str] = set()
        self.lossy: set[str] = set()
        self.slow: set[str] = set()
        self.refusal: int | None = None
        self.asked: list[tuple[str, str]] = []
        self._versions = itertools.count(1)

    def put(self, spec: dict[str, Any]) -> None:
        """Somebody writes it."""
        metadata = {"name": "cloudflow-operator", "resourceVersion": str(next(self._versions))}
        self.lease = {"metadata": metadata, "spec": copy.deepcopy(spec)}

    @property
    def spec(self) -> dict[str, Any]:
        """What it says."""
        assert self.lease is not None
        return dict(self.lease["spec"])

    def status(self, request: Request) -> int:
        """What is answered to a request, which is done."""
        if self.refusal is not None:
            return self.refusal
        if request.method == "GET":
            return 200 if self.lease else 404
        if request.method == "POST":
            if self.lease:
                return 409
        elif self.lease is None:
            return 404
        elif self.lease["metadata"] != request.body["metadata"]:
            return 409
        self.put(request.body["spec"])
        return 200


class Way:
    """A replica's requests."""

    def __init__(self, server: Server, identity: str) -> None:
        self._server = server
        self._identity = identity

    async def answer(self, request: Request) -> Answer:
        """As `Requests` does with the patience of an election."""
        self._server.asked.append((request.method, self._identity))
        if self._identity in self._server.holed:
            await asyncio.sleep(3)
            raise ClusterUnavailableError(request.doing, "no answer in time")
        await asyncio.sleep(2.9 if self._identity in self._server.slow else 0.01)
        status = self._server.status(request)
        if self._identity in self._server.lossy and request.method != "GET":
            raise ClusterUnavailableError(request.doing, "connection lost")
        return Answer(request, status, copy.deepcopy(self._server.lease or {}))

    async def ask(self, request: Request) -> Manifest:
        """The same."""
        return (await self.answer(request)).checked()


class LoopClock:
    """The loop's time."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        return START + timedelta(seconds=now())


class Replica:
    """An election that runs; `ended_at` says when its process ended."""

    def __init__(self, server: Server, identity: str) -> None:
        way: Any = Way(server, identity)
        candidate = Candidate(identity=identity, namespace="cloudflow")
        self.election = Election(way, candidate, LoopClock(), end=self._ended)
        self.ended_at: float | None = None
        self.task = asyncio.create_task(self.election.run())

    async def stop(self) -> None:
        """As the process is told to: work ends, then the Lease is given back."""
        await self.kill()
        await self.election.release()

    async def kill(self) -> None:
        """It stands for election no more; its limit is still there."""
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    @property
    def leads(self) -> bool:
        """Whether its work may write."""
        return self.election.leading.is_set() and self.ended_at is None

    def crash(self) -> None:
        """Nothing of its process is left."""
        self.task.cancel()
        self.election._stop_limit()
        self.ended_at = now()

    def _ended(self) -> None:
        self.ended_at = self.ended_at or now()
        self.task.cancel()
        self.election._stop_limit()


def now() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()


@contextlib.contextmanager
def replicas(server: Server, *identities: str) -> Iterator[list[Replica]]:
    """Some that stand, and none at the end."""
    made = [Replica(server, identity) for identity in identities]
    try:
        yield made
    finally:
        for one in made:
            one.crash()
