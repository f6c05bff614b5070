"""Takes records out of what aiokafka has fetched of a partition, a batch at a time.

Used by fetching. aiokafka's own iteration costs several calls for each record; here they are made
for each batch. What is left out is the same: control batches, and aborted ones for who wants
committed records alone.
"""

from __future__ import annotations

import struct
from itertools import chain, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.errors import CorruptRecordException, KafkaError
from cramjam import DecompressionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.runtime.transport import RawRecord

# What unpacking raises: of the checksum, of codecs, and of lengths and texts that cannot be.
DAMAGE: Final = (KafkaError, DecompressionError, EOFError, LookupError, ValueError, struct.error)
# So many records are unpacked at once; a chunk may pass its bound of bytes by as many.
_STEP: Final = 500
_KEY: Final = attrgetter("key")
_VALUE: Final = attrgetter("value")


class Unpacking:
    """The records of one fetched partition; `rows` is aiokafka's `PartitionRecords`.

    Few are unpacked ahead of what is taken: a batch of a megabyte may hold fifty megabytes of them.

    Attributes:
        rows: its `next_fetch_offset` always says where reading goes on.
        is_exhausted: whether nothing more comes out of it.
        damage: what unpacking raised, behind all that came out of it before.
    """

    def __init__(self, rows: Any) -> None:
        """Unpack nothing yet."""
        self.rows = rows
        # aiokafka's own iterator, which nobody uses here, would hold all that was fetched in a
        # cycle, and the collector comes late.
        rows._records_iterator = None
        self.is_exhausted = False
        self.damage: Exception | None = None
        # What is left of the batch that is being unpacked, and the offset behind it.
        self._source: Iterator[RawRecord] | None = None
        self._end = 0
        self._ready: list[RawRecord] = []
        self._at = 0

    def take(self, credit: int, room: int, records: list[RawRecord]) -> int:
        """Add at most `credit` records to `records`, about `room` bytes of them; their bytes."""
        size = 0
        while len(records) < credit and size < room:
            if self._at == len(self._ready) and not self._unpacked():
                self.is_exhausted = True
                break
            part = self._ready[self._at : self._at + credit - len(records)]
            self._at += len(part)
            records += part
            size += sum(map(len, filter(None, map(_VALUE, part))))
            size += sum(map(len, filter(None, map(_KEY, part))))
            self.rows.next_fetch_offset = part[-1].offset + 1
        return size

    def _unpacked(self) -> bool:
        """Make the next records ready; false when there are none."""
        while self.damage is None:
            try:
                if self._source is None and not self._next_batch():
                    return False
            except DAMAGE as error:
                self.damage = error
                return False
            self._unpack()
            if self._ready:
                return True
            if self.damage is None:
                # Also what compaction has taken from the end of a batch is passed.
                self.rows.next_fetch_offset = self._end
                self._source = None
        return False

    def _unpack(self) -> None:
        """Unpack more of the batch; what lies before a damage inside it counts."""
        first = self.rows.next_fetch_offset
        self._ready, self._at = [], 0
        while not self._ready and self.damage is None:
            step: list[RawRecord] = []
            try:
                step.extend(islice(self._source or (), _STEP))
            except DAMAGE as error:
                self.damage = error
            if not step:
                return
            # A broker sends whole batches, also when something inside one was asked for.
            is_whole = step[0].offset >= first
            self._ready = step if is_whole else [each for each in step if each.offset >= first]

    def _next_batch(self) -> bool:
        """Go to the next batch that is not left out; false when there is none."""
        rows = self.rows
        while rows._records.has_next():
            batch = rows._records.next_batch()
            if rows._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {rows._tp}")
            if not self._is_left_out(batch):
                self._end = batch.next_offset
                # aiokafka's batch unpacks itself anew whenever it is asked for an iterator.
                self._source = chain(batch)
                return True
            rows.next_fetch_offset = batch.next_offset
        return False

    def _is_left_out(self, batch: Any) -> bool:
        """Whether a batch is a marker, or of a transaction that was aborted."""
        rows = self.rows
        if rows._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            rows._consume_aborted_up_to(batch.base_offset)
            aborted = rows._aborted_producers
            if batch.is_control_batch and rows._contains_abort_marker(batch):
                aborted.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in aborted:
                return True
        return bool(batch.is_control_batch)
