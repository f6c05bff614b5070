"""Sends entries to partitions and tells their owners what became of them.

One task per destination: batches form while the previous one is out, and those of a partition
are never reordered. It decides nothing about failed records; owners do.
"""

from __future__ import annotations

import asyncio
import random
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from streamlet_sdk.errors import (
    DeniedError,
    NotAttemptedError,
    RejectedError,
    TransportError,
    UnavailableError,
)
from streamlet_sdk.runtime.attempts import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamlet_sdk.contract import Binding
    from streamlet_sdk.runtime.counters import OutletCounters
    from streamlet_sdk.runtime.health import Health
    from streamlet_sdk.runtime.offsets import Owner
    from streamlet_sdk.runtime.transport import Claim, Headers, Producer, RawRecord, Transport

# Encoded bytes that may wait for the broker before handlers have to wait in turn.
MAX_PENDING_BYTES = 32 * 1024 * 1024
# A batch of no more than this is not compressed: a codec's start alone costs some 40 µs.
FEW_RECORDS = 4
SMALL_BYTES = 1024
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_RENEWAL_SECONDS = 2.0


_VALUE = itemgetter(1)
_OWNER = itemgetter(4)


class Entry(NamedTuple):
    """An encoded record on its way out.

    `source` is the input record that caused it, if there is one; `dead_letter` marks what may
    not itself be dead-lettered.
    """

    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers
    owner: Owner
    source: RawRecord | None
    dead_letter: bool = False


class Way(NamedTuple):
    """What outlets must have in common to share a producer."""

    cluster: str
    properties: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, binding: Binding) -> Way:
        """The way to the topic of `binding`."""
        return cls(binding.cluster, tuple(sorted(binding.properties.items())))


class Destination:
    """One partition that is written to."""

    __slots__ = (
        "counters",
        "entries",
        "is_leased",
        "name",
        "partition",
        "sticky",
        "task",
        "topic",
        "wake",
        "way",
    )

    def __init__(self, binding: Binding, partition: int, counters: OutletCounters) -> None:
        """Nothing is sent until the outbox is told of it; `counters` are those of the outlet."""
        self.counters = counters
        self.name = f"writing to {binding.kafka_name}/{partition}"
        self.way = Way.of(binding)
        self.topic = binding.kafka_name
        self.partition = partition
        self.entries: list[Entry] = []
        # Whether something may be among them that others can go past.
        self.is_leased = False
        self.wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        # Called when a batch is closed, so that records without key go on elsewhere.
        self.sticky: Callable[[Destination], None] | None = None


class Outbox:
    """The way out of one streamlet, shared by all of its inlets, sources and servers.

    Attributes:
        pending: entries that are not acknowledged.
        pending_bytes: their encoded bytes.
    """

    def __init__(
        self,
        transports: Mapping[str, Transport],
        failed: Callable[[Exception], None],
        now_ms: Callable[[], int],
        *,
        health: Health,
    ) -> None:
        """Send through `transports`.

        Args:
            transports: where producers come from, by the name of the Kafka cluster.
            failed: called for what waiting cannot help.
            now_ms: milliseconds since the epoch, for records without an input.
            health: told of destinations that cannot be written to for now.
        """
        self.now_ms = now_ms
        self._transports = transports
        self._producers: dict[Way, Producer] = {}
        self._failed = failed
        self._health = health
        self._destinations: dict[tuple[Way, str, int, int], Destination] = {}
        self._dirty: list[Destination] = []
        self._room = asyncio.Event()
        self._room.set()
        self._renewing = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self.pending_bytes = 0
        self.pending = 0

    async def producer(self, way: Way) -> Producer:
        """The producer of a way; it may be replaced after a failure."""
        async with self._renewing:
            if way not in self._producers:
                self._producers[way] = await self._made(way)
            return self._producers[way]

    def destination(
        self, binding: Binding, partition: int, counters: OutletCounters
    ) -> Destination:
        """The destination of an outlet's partition; always the same object."""
        key = (Way.of(binding), binding.kafka_name, partition, id(counters))
        found = self._destinations.get(key)
        if found is None:
            found = self._destinations[key] = Destination(binding, partition, counters)
        return found

    def put(self, destination: Destination, entries: list[Entry], owner: Owner) -> None:
        """Add entries of one owner; they leave with the next `kick`."""
        if not destination.entries:
            self._dirty.append(destination)
        destination.entries += entries
        if not owner.resend:
            destination.is_leased = True
        owner.added(len(entries))
        destination.counters.pending += len(entries)
        self.pending += len(entries)
        self.pending_bytes += _size(entries)
        if self.pending_bytes > MAX_PENDING_BYTES:
            self._room.clear()

    def kick(self) -> None:
        """Send what was put."""
        if not self._dirty:
            return
        for destination in self._dirty:
            if destination.task is None:
                destination.task = asyncio.get_running_loop().create_task(self._run(destination))
            destination.wake.set()
        self._dirty.clear()
        self._idle.clear()

    async def room(self) -> None:
        """Wait until more may be put."""
        if not self._room.is_set():
            await self._room.wait()

    async def flushed(self) -> None:
        """Wait until nothing is pending; bound it with a deadline."""
        self.kick()
        await self._idle.wait()

    async def close(self, deadline: float) -> None:
        """Stop sending; what is pending is abandoned, its owners are not told."""
        tasks = [d.task for d in self._destinations.values() if d.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for producer in self._producers.values():
            await producer.close(flush=False, deadline=deadline)

    async def _run(self, destination: Destination) -> None:
        with Attempt() as attempt:
            while True:
                await destination.wake.wait()
                destination.wake.clear()
                while destination.entries:
                    entries, destination.entries = destination.entries, []
                    if destination.sticky is not None:
                        destination.sticky(destination)
                    await self._deliver(destination, entries)
        if attempt.error is not None:
            self._failed(attempt.error)

    async def _deliver(self, destination: Destination, entries: Sequence[Entry]) -> None:
        """Write entries in order, whatever it takes; owners learn the end of each."""
        pause = FIRST_PAUSE_SECONDS
        while entries := await self._owned(destination, entries):
            producer = await self.producer(destination.way)
            taken = 0
            try:
                taken, base = await self._write(producer, destination, entries)
            except RejectedError as error:
                await self._renew(destination.way, producer)
                taken = await self._isolate(destination, entries, error)
            except DeniedError:
                raise
            except TransportError as error:
                self._health.trouble(destination.name, str(error))
                await self._renew(destination.way, producer)
                entries = self._resendable(destination, entries, error)
                # Waits grow and differ, so that a broker that comes back is not stampeded.
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                self._acknowledge(destination, entries[:taken], base)
                self._health.well(destination.name)
                pause = FIRST_PAUSE_SECONDS
            if taken:
                entries = entries[taken:]

    async def _write(
        self, producer: Producer, destination: Destination, entries: Sequence[Entry]
    ) -> tuple[int, int]:
        """Write as many entries as one batch takes; how many, and the first one's offset."""
        packed = len(entries) > FEW_RECORDS or _size(entries) > SMALL_BYTES
        batch = producer.batch(destination.topic, destination.partition, packed=packed)
        append = batch.append
        taken = 0
        for entry in entries:
            try:
                if not append(entry[0], entry[1], entry[2], entry[3]):
                    break
            except RejectedError:
                if taken == 0:
                    raise
                break
            taken += 1
        if destination.is_leased:
            batch.claims = _claims(entries[:taken])
        future = await producer.submit(batch)
        return taken, await future

    async def _isolate(
        self, destination: Destination, entries: Sequence[Entry], error: RejectedError
    ) -> int:
        """Find the entry that a broker rejects by halving; how many entries are settled."""
        if len(entries) == 1:
            self._left(destination, 1, _size(entries))
            entries[0].owner.rejected(entries[0], error)
            return 1
        half = len(entries) // 2
        await self._deliver(destination, entries[:half])
        await self._deliver(destination, entries[half:])
        return len(entries)

    async def _owned(self, destination: Destination, entries: Sequence[Entry]) -> Sequence[Entry]:
        """What nobody can have gone past, as at most once needs it; the rest counts as written."""
        if not destination.is_leased:
            return entries
        owned = [entry for entry in entries if await _is_owned(entry.owner.claim)]
        kept = set(map(id, owned))
        self._acknowledge(destination, [each for each in entries if id(each) not in kept], -1)
        return owned

    def _resendable(
        self, destination: Destination, entries: Sequence[Entry], error: TransportError
    ) -> Sequence[Entry]:
        """What may be written again; the rest (at most once) counts as written."""
        if isinstance(error, NotAttemptedError) or all(entry.owner.resend for entry in entries):
            return entries
        self._acknowledge(destination, [entry for entry in entries if not entry.owner.resend], -1)
        return [entry for entry in entries if entry.owner.resend]

    def _acknowledge(self, destination: Destination, entries: Sequence[Entry], base: int) -> None:
        """Tell owners; neighbours of one owner are told together."""
        last = base - 1
        for owner, entries_of_one in groupby(entries, _OWNER):
            count = len(list(entries_of_one))
            last += count
            owner.acknowledged(count, last)
        size = _size(entries)
        destination.counters.acknowledged(len(entries), size)
        self._left(destination, len(entries), size)

    def _left(self, destination: Destination, count: int, size: int) -> None:
        destination.counters.pending -= count
        self.pending -= count
        self.pending_bytes -= size
        if self.pending_bytes <= MAX_PENDING_BYTES:
            self._room.set()
        if self.pending == 0:
            self._idle.set()

    async def _made(self, way: Way) -> Producer:
        return await self._transports[way.cluster].producer(dict(way.properties))

    async def _renew(self, way: Way, failed: Producer) -> None:
        """Replace a producer after a failure, once for all who saw it fail."""
        async with self._renewing:
            if self._producers.get(way) is not failed:
                return
            del self._producers[way]
            now = asyncio.get_running_loop().time()
            await failed.close(flush=True, deadline=now + 1)
            where = f"connecting to write to Kafka cluster {way.cluster}"
            pause = FIRST_PAUSE_SECONDS
            while way not in self._producers:
                try:
                    self._producers[way] = await self._made(way)
                except UnavailableError as error:
                    self._health.trouble(where, str(error))
                    await asyncio.sleep(pause * random.uniform(0.5, 1))
                    pause = min(pause * 2, LONGEST_RENEWAL_SECONDS)
            self._health.well(where)


async def _is_owned(claim: Claim | None) -> bool:
    """Whether what came of `claim` is not too late; waits while that is not known."""
    while claim is not None and not claim.lease.holds:
        if not claim.alive:
            break
        await asyncio.sleep(FIRST_PAUSE_SECONDS)
    return claim is None or claim.alive


def _claims(entries: Sequence[Entry]) -> Sequence[Claim]:
    """Those that entries come of which must not come late."""
    claims = {entry.owner.claim for entry in entries}
    return [claim for claim in claims if claim is not None]


def _size(entries: Sequence[Entry]) -> int:
    """Bytes of the values."""
    return sum(map(len, filter(None, map(_VALUE, entries))))
