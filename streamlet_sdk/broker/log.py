"""One partition: records with offsets, transactions and what each kind of reader may see.

Producers append through `streamlet_sdk.broker.topics`, consumers read a `View`. A partition
keeps two views: everything written, and what is stable, that is below every open transaction
and in no aborted one. Nothing here waits, and nothing knows of groups.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from functools import partial
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Row = tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes], ...], int]
"""A record before it has an offset: timestamp in ms, key, value, headers, size in bytes."""


class Record(NamedTuple):
    """A record in a partition; `timestamp` is in milliseconds, `size` in bytes."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    size: int


_offset = attrgetter("offset")
_size = attrgetter("size")

# Past the constructor that NamedTuple writes in Python: it is most of the cost of a record.
_record: Callable[[Iterable[object]], Record] = partial(tuple.__new__, Record)


class Slice(NamedTuple):
    """What was read: records, where reading goes on, and their bytes."""

    records: Sequence[Record]
    next_offset: int
    size: int


class View:
    """The records that one kind of reader may see, in order of offset; `end` is past the last."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.end = 0

    def read(self, position: int, limit: int, room: int, *, at_least: int) -> Slice:
        """At most `limit` records and `room` bytes from `position` on.

        `at_least` records are read whatever their size, if they are there.
        """
        records = self.records
        first = bisect_left(records, position, key=_offset)
        taken = records[first : first + limit]
        size = sum(map(_size, taken))
        if size > room:
            fitting = bisect_right(list(accumulate(map(_size, taken))), room)
            taken = taken[: max(fitting, at_least)]
            size = sum(map(_size, taken))
        last = first + len(taken)
        after = records[last].offset if last < len(records) else max(position, self.end)
        return Slice(taken, after, size)

    def keep(self, wanted: Callable[[Record], bool]) -> None:
        """Drop the records that are not `wanted`; offsets stay, so gaps appear."""
        self.records = [record for record in self.records if wanted(record)]


class Transaction:
    """What a transaction wrote; `aborted` is `None` while it is open."""

    def __init__(self) -> None:
        self.aborted: bool | None = None
        self._partitions: dict[PartitionLog, None] = {}

    def touch(self, partition: PartitionLog) -> None:
        """Remember that `partition` needs a marker at the end."""
        self._partitions[partition] = None

    def end(self, *, aborted: bool) -> None:
        """Decide it, and write a marker into every partition it wrote to."""
        self.aborted = aborted
        for partition in self._partitions:
            partition.mark()


class _Segment(NamedTuple):
    """Records that were written together, not yet stable."""

    first: int
    records: Sequence[Record]
    transaction: Transaction | None


class PartitionLog:
    """One partition.

    `start` is the first offset that is kept, `written.end` the high watermark and
    `stable.end` the last stable offset.
    """

    def __init__(self) -> None:
        self.start = 0
        self.written = View()
        self.stable = View()
        self._undecided: deque[_Segment] = deque()
        self._wakers: dict[Callable[[], None], None] = {}

    def append(self, rows: Sequence[Row], transaction: Transaction | None = None) -> int:
        """Write `rows`, as part of `transaction` if given; the first offset.

        Without rows nothing is written, and a transaction does not begin here.
        """
        first = self.written.end
        if not rows:
            return first
        # By columns: half the time of a loop over rows, which would be most of a write.
        offsets = range(first, first + len(rows))
        records = list(map(_record, zip(offsets, *zip(*rows, strict=True), strict=True)))
        self.written.records += records
        self.written.end += len(records)
        if transaction is not None:
            transaction.touch(self)
        self._undecided.append(_Segment(first, records, transaction))
        self._settle()
        return first

    def mark(self) -> None:
        """Write a transaction marker, which takes an offset; readers see what it decided."""
        self._undecided.append(_Segment(self.written.end, (), None))
        self.written.end += 1
        self._settle()

    def _settle(self) -> None:
        """Move the last stable offset past everything that is decided."""
        undecided = self._undecided
        while undecided:
            transaction = undecided[0].transaction
            if transaction is not None and transaction.aborted is None:
                break
            segment = undecided.popleft()
            if transaction is None or not transaction.aborted:
                self.stable.records += segment.records
        self.stable.end = undecided[0].first if undecided else self.written.end
        for wake in tuple(self._wakers):
            wake()

    def compact(self) -> None:
        """Keep the last record of every key, as a cleaner does; what is not stable stays."""
        latest = {record.key: record.offset for record in self.stable.records}
        self.stable.keep(lambda record: latest[record.key] == record.offset)
        kept = set(map(_offset, self.stable.records))
        end = self.stable.end
        self.written.keep(lambda record: record.offset >= end or record.offset in kept)

    def trim(self, start: int) -> None:
        """Forget the records before `start`, as retention does."""
        self.start = max(self.start, min(start, self.stable.end))
        self.stable.keep(lambda record: record.offset >= self.start)
        self.written.keep(lambda record: record.offset >= self.start)

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever there may be more to read."""
        self._wakers[wake] = None

    def off_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` no more."""
        self._wakers.pop(wake, None)
