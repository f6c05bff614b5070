"""The `Consumer` of a real Kafka: reads one topic by claims, with credit for each."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiokafka import errors as kafka
from aiokafka.structs import TopicPartition

from streamlet_sdk.errors import FencedError, RejectedError, UnavailableError
from streamlet_sdk.runtime.kafka.faults import translated, translating
from streamlet_sdk.runtime.kafka.fetching import Positions, Reader
from streamlet_sdk.runtime.kafka.membership import GroupMembership, SoloMembership
from streamlet_sdk.runtime.kafka.offsets import LATEST, Place, listed
from streamlet_sdk.runtime.kafka.ownership import Ownership
from streamlet_sdk.runtime.kafka.starting import Starting
from streamlet_sdk.runtime.transport import Chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.kafka.membership import Membership
    from streamlet_sdk.runtime.kafka.properties import ConsumerSettings
    from streamlet_sdk.runtime.kafka.wire import Member
    from streamlet_sdk.runtime.transport import Claim, ConsumerSpec, Listener, Start

logger = logging.getLogger(__name__)

# As much as one poll brings; a response may hold far more once it is unpacked.
_POLL_BYTES: Final = 8 * 1024 * 1024
_RETRY_SECONDS: Final = 1.0
_BARRIER_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a consumer has once it is started."""

    client: Client
    positions: Positions
    reader: Reader
    starting: Starting
    ownership: Ownership
    membership: Membership


class KafkaConsumer:
    """A `Consumer` of a real Kafka; make it with `KafkaTransport.consumer`."""

    def __init__(
        self, client: Callable[[], Client], spec: ConsumerSpec, settings: ConsumerSettings
    ) -> None:
        """Connect nothing yet; `client` makes the connections when it starts."""
        self._make_client = client
        self._spec = spec
        self._settings = settings
        self._reading: _Reading | None = None
        self._open: dict[Claim, int] = {}
        self._starts: dict[Claim, Start] = {}
        # Where a topic was made again, so that no offset of the earlier one holds.
        self._made_again: set[Place] = set()
        self._arrival: asyncio.Future[None] | None = None
        self._has_opened = False
        self._turn = 0
        self._is_starting = False
        self._is_closed = False

    async def start(self, listener: Listener) -> None:
        """Join; claims are announced on a later turn of the loop.

        Raises:
            RejectedError: when there is no such topic, or on a second start.
            UnavailableError: when no broker can be reached.
            DeniedError: when they do not accept who this is.
        """
        if self._reading is not None or self._is_starting:
            raise RejectedError(f"the consumer of {self._spec.topic} was started before")
        self._is_starting = True
        client = self._make_client()
        try:
            await client.connect()
            count = await client.partitions(self._spec.topic)
            self._join(client, listener, count)
        finally:
            if self._reading is None:
                await client.close()

    async def open(self, claim: Claim, start: Start) -> int:
        """Begin to fetch `claim` and return the position; waits while the broker is away.

        Raises:
            FencedError: when the claim is dead.
            DeniedError: when this principal may not read.
        """
        while True:
            self._require(claim)
            try:
                return await self._begin(claim, start)
            except UnavailableError as error:
                logger.warning("Partition %s is not open yet: %s", claim.partition, error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def poll(self, credit: Mapping[Claim, int], timeout: float) -> list[Chunk]:
        """Records of open claims; cancelling it loses none, for it takes them at the very end.

        Raises:
            RejectedError: before `start`.
            DeniedError: when this principal may not read the topic, or be in the group.
            UnavailableError: when a batch arrived damaged; it is fetched again.
        """
        reading = self._started()
        deadline = asyncio.get_running_loop().time() + timeout
        self._has_opened = False
        await asyncio.sleep(0)
        with translating(f"reading {self._spec.topic}"):
            while True:
                reading.membership.check()
                reading.client.check()
                chunks = await self._taken(reading, credit)
                if chunks or self._has_opened:
                    return chunks
                if not await self._hear_of_more(reading.reader, deadline):
                    return chunks

    async def commit(self, offsets: Mapping[Claim, int], deadline: float) -> set[Claim]:
        """Commit next offsets; the claims whose commit is confirmed.

        Raises:
            DeniedError: when this principal may not.
        """
        live = {claim: to for claim, to in offsets.items() if self.owns([claim])}
        reading = self._reading
        if not live or reading is None or not reading.membership.can_commit:
            return set()
        rows = {Place(claim.topic, claim.partition): to for claim, to in live.items()}
        loop = asyncio.get_running_loop()
        task = loop.create_task(reading.membership.commit(rows, reading.starting.note))
        commits = reading.ownership.commits
        commits.add(task)
        task.add_done_callback(commits.discard)
        task.add_done_callback(_looked_at)
        try:
            await asyncio.wait({task}, timeout=max(0.0, deadline - loop.time()))
        finally:
            # aiokafka tries it again for ever, and would take back what a later one has committed.
            task.cancel()
        return set(live) if self._is_confirmed(task) else set()

    def owns(self, claims: Sequence[Claim]) -> bool:
        """Whether every one of `claims` is alive and this consumer's."""
        owned = self._reading.ownership.claims if self._reading is not None else {}
        return all(
            claim.alive and owned.get(Place(claim.topic, claim.partition)) is claim
            for claim in claims
        )

    @property
    def group(self) -> str | None:
        """The group that offsets are committed for."""
        return self._spec.group

    @property
    def member(self) -> Member | None:
        """Who this is in its group now; None when it is in none."""
        return self._reading.membership.member if self._reading is not None else None

    @property
    def note(self) -> str:
        """What is written beside every committed offset."""
        return self._reading.starting.note if self._reading is not None else ""

    def position(self, claim: Claim) -> int:
        """The next offset that `poll` will look at.

        Raises:
            FencedError: when the claim was never opened here.
        """
        if claim not in self._open:
            raise FencedError(f"partition {claim.partition} of {claim.topic} is not open here")
        return self._open[claim]

    async def ends(self, claims: Sequence[Claim]) -> Mapping[Claim, int]:
        """Where each partition ends for this reader; live claims only.

        Raises:
            UnavailableError: when the leaders do not answer.
        """
        live = {Place(claim.topic, claim.partition): claim for claim in claims if claim.alive}
        stable = self._spec.read_committed
        ends = await listed(self._started().client, list(live), LATEST, stable=stable)
        return {live[place]: end for place, end in ends.items()}

    async def close(self, *, leave: bool, deadline: float) -> None:
        """Give the claims back before `deadline` and stop; closing twice does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        reading = self._reading
        if reading is None:
            return
        await reading.ownership.give_back(deadline)
        await reading.reader.close()
        await reading.membership.leave(announced=leave, deadline=deadline)
        self._wake()
        await reading.client.close()

    def _join(self, client: Client, listener: Listener, partitions: int) -> None:
        spec = self._spec
        positions = Positions()
        starting = Starting(client, spec.group, partitions, stable=spec.read_committed)
        reader = Reader(client, positions, self._settings, committed=spec.read_committed)
        ownership = Ownership(listener)
        membership = self._membership(client, positions, ownership)
        self._reading = _Reading(client, positions, reader, starting, ownership, membership)

    def _membership(self, client: Client, positions: Positions, ownership: Ownership) -> Membership:
        spec = self._spec
        if spec.group is None:
            return SoloMembership(
                client, positions, ownership, topic=spec.topic, moved=self._restore
            )
        return GroupMembership(
            client,
            positions=positions,
            ownership=ownership,
            settings=self._settings,
            spec=spec,
        )

    async def _begin(self, claim: Claim, start: Start) -> int:
        reading = self._started()
        place = Place(claim.topic, claim.partition)
        if place in self._made_again:
            position, keep = await reading.starting.of(place, start), self._spec.group is not None
        else:
            position, keep = await reading.starting.place(place, start)
        self._require(claim)
        self._made_again.discard(place)
        if keep:
            await self.commit({claim: position}, asyncio.get_running_loop().time() + _RETRY_SECONDS)
            self._require(claim)
        self._seek(reading, claim, position)
        self._starts[claim] = start
        self._has_opened = True
        self._wake()
        return position

    def _seek(self, reading: _Reading, claim: Claim, position: int) -> None:
        self._open[claim] = position
        reading.reader.seek_to(_where(claim), position)
        reading.positions.resume(_where(claim))

    def _restore(self) -> None:
        """Set the positions of open claims again, after all partitions were assigned anew."""
        for claim, position in self._open.items():
            if claim.alive and self._reading is not None:
                self._seek(self._reading, claim, position)

    async def _taken(self, reading: _Reading, credit: Mapping[Claim, int]) -> list[Chunk]:
        """What is here, starting with another claim each time so that none starves."""
        if not reading.ownership.lease.holds:
            return []
        claims = [claim for claim in credit if claim in self._open and self.owns([claim])]
        self._turn += 1
        first = self._turn % len(claims) if claims else 0
        chunks: list[Chunk] = []
        room = _POLL_BYTES
        for claim in (*claims[first:], *claims[:first]):
            if room <= 0 or credit[claim] <= 0:
                continue
            try:
                taken = reading.reader.take(_where(claim), credit[claim], room)
            except kafka.KafkaError as error:
                if chunks:
                    # It shows again, when what was read before it is on its way.
                    return chunks
                await self._recover(reading, claim, error)
                continue
            if taken is not None and taken.next_offset > self._open[claim]:
                self._open[claim] = taken.next_offset
                chunks.append(Chunk(claim, *taken))
                room -= taken.size
        return chunks

    async def _recover(self, reading: _Reading, claim: Claim, error: kafka.KafkaError) -> None:
        """Go on where the inlet's start says, if retention has overtaken the reader."""
        if not isinstance(error, kafka.OffsetOutOfRangeError):
            raise translated(error, f"reading {claim.topic}/{claim.partition}") from error
        place = Place(claim.topic, claim.partition)
        position = await reading.starting.instead(place, self._open[claim], self._starts[claim])
        if not self.owns([claim]):
            return
        if position >= self._open[claim]:
            self._seek(reading, claim, position)
            return
        # Whoever counts offsets has to begin anew.
        self._made_again.add(place)
        until = asyncio.get_running_loop().time() + _BARRIER_SECONDS
        await reading.ownership.renew(claim, until)

    async def _hear_of_more(self, reader: Reader, deadline: float) -> bool:
        """Wait until something was fetched or opened; false at `deadline`, or when closed."""
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0 or self._is_closed:
            return False
        arrival = self._arrival = reader.arrival()
        try:
            done, _ = await asyncio.wait({arrival}, timeout=left)
        finally:
            if not arrival.done():
                arrival.cancel()
        if done:
            arrival.result()
        return bool(done)

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _is_confirmed(self, task: asyncio.Task[None]) -> bool:
        if not task.done() or task.cancelled():
            logger.warning("Offsets of %s were not committed in time", self._spec.group)
            return False
        error = task.exception()
        if error is None:
            return True
        made = translated(error, f"committing offsets of {self._spec.group}")
        if not isinstance(made, UnavailableError):
            raise made from error
        logger.warning("%s", made)
        return False

    def _started(self) -> _Reading:
        if self._reading is None:
            raise RejectedError(f"the consumer of {self._spec.topic} is not started")
        return self._reading

    def _require(self, claim: Claim) -> None:
        if not self.owns([claim]):
            raise FencedError(f"partition {claim.partition} of {claim.topic} was taken away")


def _where(claim: Claim) -> TopicPartition:
    return TopicPartition(claim.topic, claim.partition)


def _looked_at(task: asyncio.Task[None]) -> None:
    """Keep Python from reporting an error that came after the deadline as one nobody saw."""
    if not task.cancelled():
        task.exception()
