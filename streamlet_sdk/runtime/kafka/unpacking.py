"""Takes records out of what aiokafka has fetched of a partition, a batch at a time.

Used by fetching. aiokafka's own iteration costs several calls for each record; here they are made
for each batch. What is left out is the same: control batches, and aborted ones for who wants
committed records alone.
"""

from __future__ import annotations

import struct
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.errors import CorruptRecordException, KafkaError
from cramjam import DecompressionError

if TYPE_CHECKING:
    from streamlet_sdk.runtime.transport import RawRecord

# What unpacking raises: of the checksum, of codecs, and of lengths and texts that cannot be.
DAMAGE: Final = (KafkaError, DecompressionError, EOFError, LookupError, ValueError, struct.error)
# Bytes are counted for so many records at once; a chunk may pass its bound by as many.
_STEP: Final = 500
_KEY: Final = attrgetter("key")
_VALUE: Final = attrgetter("value")


class Unpacking:
    """The records of one fetched partition; `rows` is aiokafka's `PartitionRecords`.

    Attributes:
        rows: its `next_fetch_offset` always says where reading goes on.
        is_exhausted: whether nothing more comes out of it.
        damage: what unpacking raised, behind all that came out of it before.
    """

    def __init__(self, rows: Any) -> None:
        """Unpack nothing yet."""
        self.rows = rows
        self.is_exhausted = False
        self.damage: Exception | None = None
        self._ready: list[RawRecord] = []
        self._at = 0
        self._behind = 0

    def take(self, credit: int, room: int, records: list[RawRecord]) -> int:
        """Add at most `credit` records to `records`, about `room` bytes of them; their bytes."""
        size = 0
        while len(records) < credit and size < room:
            if self._at == len(self._ready) and not self._unpacked():
                self.is_exhausted = True
                break
            step = min(_STEP, credit - len(records))
            part = self._ready[self._at : self._at + step]
            self._at += len(part)
            records += part
            size += sum(map(len, filter(None, map(_VALUE, part))))
            size += sum(map(len, filter(None, map(_KEY, part))))
            is_last = self._at == len(self._ready)
            self.rows.next_fetch_offset = self._behind if is_last else part[-1].offset + 1
        return size

    def _unpacked(self) -> bool:
        """Make the next records ready; false when there are none."""
        if self.damage is None:
            try:
                return self._next_batch()
            except DAMAGE as error:
                self.damage = error
        # What lies before a damage inside a batch counts.
        return self._at < len(self._ready)

    def _next_batch(self) -> bool:
        """Unpack the next batch with records; false when there is none."""
        rows = self.rows
        while rows._records.has_next():
            batch = rows._records.next_batch()
            if rows._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {rows._tp}")
            if not self._is_left_out(batch):
                first = rows.next_fetch_offset
                self._ready, self._at = [], 0
                self._fill(batch, first)
                self._behind = batch.next_offset
                if self._ready:
                    return True
            # Also what compaction has emptied is passed.
            rows.next_fetch_offset = batch.next_offset
        return False

    def _fill(self, batch: Any, first: int) -> None:
        """Unpack `batch` from offset `first` on; what lies before a damage stays ready."""
        try:
            self._ready.extend(batch)
        finally:
            # A broker sends whole batches, also when something inside one was asked for.
            if self._ready and self._ready[0].offset < first:
                self._ready = [record for record in self._ready if record.offset >= first]
            if self._ready:
                self._behind = self._ready[-1].offset + 1

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
