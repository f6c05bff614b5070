"""Fetching: aiokafka's fetcher, from which records are taken by credit and without waiting.

Used by the consumer. aiokafka's own `getmany` waits through rebalances and counts records over all
partitions; here each partition has its credit and nothing is taken that is not returned.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import CorruptRecordException
from typing_extensions import override

from streamlet_sdk.runtime.kafka.properties import milliseconds
from streamlet_sdk.runtime.kafka.unpacking import Unpacking

if TYPE_CHECKING:
    from asyncio import Future

    from aiokafka.structs import TopicPartition

    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.kafka.properties import ConsumerSettings
    from streamlet_sdk.runtime.transport import RawRecord

# What aiokafka calls the answer to a partition without an offset: an error, never a guess.
_NO_RESET: Final = "none"


class Taken(NamedTuple):
    """Records of one partition, where reading goes on, and the records' bytes."""

    records: list[RawRecord]
    next_offset: int
    size: int


class Positions(SubscriptionState):
    """What is assigned and where it is read."""

    @property
    @override
    def fetcher_idle_time(self) -> float:
        """No time at all: whether the engine makes progress is for its own watchdog to say."""
        return 0.0

    def hold(self, place: TopicPartition) -> None:
        """Have a position, so that aiokafka looks for none, and fetch nothing."""
        self.seek(place, 0)
        self.pause(place)

    def consumed(self, place: TopicPartition, next_offset: int) -> None:
        """Go on reading at `next_offset`."""
        self._assigned_state(place).consumed_to(next_offset)


class Reader(Fetcher):
    """Fetches what is assigned and not paused, one response of each partition ahead."""

    def __init__(
        self, client: Client, positions: Positions, settings: ConsumerSettings, *, committed: bool
    ) -> None:
        """Begin to fetch whatever becomes assigned; `committed` leaves aborted records out."""
        self._unpacking: dict[TopicPartition, Unpacking] = {}
        super().__init__(
            client,
            positions,
            fetch_min_bytes=settings.fetch_min_bytes,
            fetch_max_bytes=settings.fetch_max_bytes,
            fetch_max_wait_ms=milliseconds(settings.fetch_wait),
            max_partition_fetch_bytes=settings.fetch_partition_bytes,
            check_crcs=settings.check_crcs,
            # Partitions without credit must not hold up the others.
            prefetch_backoff=0.0,
            auto_offset_reset=_NO_RESET,
            isolation_level="read_committed" if committed else "read_uncommitted",
            client_rack=settings.rack,
        )

    def take(self, place: TopicPartition, credit: int, room: int) -> Taken | None:
        """At most `credit` records that are here, or one more than fits into `room` bytes.

        None when there is nothing.

        Raises:
            KafkaError: when fetching failed, or a batch is damaged.
        """
        result = self._records.get(place)
        if result is None:
            return None
        if not isinstance(result, FetchResult):
            self._drop(place)
            result.check_raise()
            return None
        if not result.check_assignment(place):
            self._drop(place)
            return None
        return self._taken(place, result, credit, room)

    @override
    async def close(self) -> None:
        """Stop now; aiokafka's own ends in the middle when a request is waiting to be repeated."""
        self._closed = True
        tasks = (self._fetch_task, *self._pending_tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for waiter in list(self._fetch_waiters):
            self._notify(waiter)

    def arrival(self) -> Future[None]:
        """Done when more has been fetched; has an error when the group has."""
        waiter: Future[None] = self._create_fetch_waiter()
        return waiter

    def _taken(self, place: TopicPartition, result: Any, credit: int, room: int) -> Taken:
        rows = result._partition_records
        unpacking = self._unpacking.get(place)
        if unpacking is None or unpacking.rows is not rows:
            unpacking = self._unpacking[place] = Unpacking(rows)
        records: list[RawRecord] = []
        size = unpacking.take(credit, room, records)
        if unpacking.is_exhausted:
            self._drop(place)
            if unpacking.damage is not None and not records:
                # What lies before the damage counts; then it shows when it is fetched anew.
                raise CorruptRecordException from unpacking.damage
        self._subscriptions.consumed(place, rows.next_fetch_offset)
        return Taken(records, rows.next_fetch_offset, size)

    def _drop(self, place: TopicPartition) -> None:
        """Forget what was fetched, so that more is."""
        del self._records[place]
        self._unpacking.pop(place, None)
        self._notify(self._wait_consume_future)
