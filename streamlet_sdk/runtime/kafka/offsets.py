"""Where partitions begin and end, and what a group has committed.

Used by consumers and admins; every answer comes from the broker, nothing is kept.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiokafka import errors as kafka
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.offset import OffsetRequest

from streamlet_sdk.errors import UnavailableError
from streamlet_sdk.runtime.kafka import wire
from streamlet_sdk.runtime.kafka.faults import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.runtime.kafka.client import Client

EARLIEST: Final = -2
LATEST: Final = -1
_TRIES: Final = 100
_PAUSE_SECONDS: Final = 0.1
_GROUP: Final = 0


class Committed(NamedTuple):
    """A committed next offset, and what its committer wrote beside it."""

    offset: int
    metadata: str


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


async def listed(
    client: Client, places: Sequence[Place], moment: int, *, stable: bool
) -> Mapping[Place, int]:
    """The offset at `moment` (`EARLIEST`, `LATEST`) of each place.

    `stable` ends a partition where the first open transaction begins.

    Raises:
        UnavailableError: when leaders do not answer for long.
        RejectedError: when a partition is not there.
    """
    by_leader: dict[int, list[Place]] = {}
    for place in places:
        by_leader.setdefault(await client.leader(*place), []).append(place)
    ask = _Asked(client, moment, stable)
    answers = await asyncio.gather(*(ask.leader(*each) for each in by_leader.items()))
    return {place: offset for answer in answers for place, offset in answer.items()}


class _Asked(NamedTuple):
    """One question for offsets, to several leaders."""

    client: Client
    moment: int
    stable: bool

    async def leader(self, node: int, places: Sequence[Place]) -> Mapping[Place, int]:
        """What one of them answers."""
        wanted: dict[str, list[tuple[int, int]]] = {}
        for place in places:
            wanted.setdefault(place.topic, []).append((place.partition, self.moment))
        request = OffsetRequest(-1, int(self.stable), list(wanted.items()))
        doing = f"asking for offsets of {places[0].topic}"
        response = await self.client.ask(request, doing, node)
        found: dict[Place, int] = {}
        for topic, partitions in response.topics:
            for partition, code, _, offset, *_ in partitions:
                place = Place(topic, partition)
                found[place] = await self._again(place, code) if code else offset
        return found

    async def _again(self, place: Place, code: int) -> int:
        """One place once more, after an answer that said to wait or to ask another broker."""
        error = kafka.for_code(code)()
        if not error.retriable:
            raise translated(error, f"asking for offsets of {place.topic}")
        await asyncio.sleep(_PAUSE_SECONDS)
        await self.client.learn(place.topic)
        return (await listed(self.client, [place], self.moment, stable=self.stable))[place]


async def committed(
    client: Client, group: str, topics: Sequence[tuple[str, Sequence[int]]] | None = None
) -> Mapping[Place, Committed]:
    """What `group` has committed; waits while a transaction that commits is about to end.

    Raises:
        UnavailableError: when the group's coordinator does not answer for long.
        DeniedError: when this principal may not know it.
    """
    error: kafka.KafkaError = kafka.GroupCoordinatorNotAvailableError()
    for _ in range(_TRIES):
        node = await _coordinator(client, group)
        if node is not None:
            response = await client.ask(
                wire.FetchStableOffsets(group, topics), f"asking for offsets of {group}", node
            )
            found, code = _read(response)
            if not code:
                return found
            error = kafka.for_code(code)()
            if not error.retriable:
                raise translated(error, f"asking for offsets of group {group}")
        await asyncio.sleep(_PAUSE_SECONDS)
    raise UnavailableError(f"offsets of group {group} cannot be read now: {error}")


async def _coordinator(client: Client, group: str) -> int | None:
    """The broker that looks after a group; None while there is none."""
    request = FindCoordinatorRequest(group, _GROUP)
    response = await client.ask(request, f"looking for the coordinator of group {group}")
    error = kafka.for_code(response.error_code)
    if error is kafka.NoError:
        return int(response.coordinator_id)
    if error().retriable:
        return None
    raise translated(error(), f"looking for the coordinator of group {group}")


def _read(response: Any) -> tuple[dict[Place, Committed], int]:
    """What an answer holds, and the first error code in it."""
    found: dict[Place, Committed] = {}
    first = response.error_code
    for topic, partitions, _ in response.topics:
        for partition, offset, _, metadata, code, _ in partitions:
            if code and code != kafka.UnknownTopicOrPartitionError.errno:
                first = first or code
            elif offset >= 0:
                found[Place(topic, partition)] = Committed(offset, metadata or "")
    return found, first
