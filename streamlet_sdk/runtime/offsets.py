"""What may be committed: the ledger of one claim. Pure, so that its promise can be proven.

Records are done out of order; offsets have gaps. The ledger therefore keeps units of work in
the order of delivery, and its low-water mark advances only over a contiguous run of done ones.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlet_sdk.runtime.outbox import Entry
    from streamlet_sdk.runtime.transport import Claim, RawRecord


class Owner(Protocol):
    """Whoever waits for emissions to be acknowledged.

    Attributes:
        resend: whether an emission of unknown outcome may be written again.
        claim: where it is not, what is written only while it surely is this member's.
    """

    resend: bool
    claim: Claim | None
    held: list[tuple[Any, Entry]] | None

    def added(self, count: int) -> None:
        """`count` more emissions are on their way."""
        ...

    def acknowledged(self, count: int, offset: int) -> None:
        """`count` emissions are written, the last of them at `offset`."""
        ...

    def rejected(self, entry: Entry, error: Exception) -> None:
        """One emission is surely not written and never will be."""
        ...


class Unit:
    """Consecutive records that are done together: when handled and all emissions acknowledged.

    `pending` counts what is missing, the handler included. With `held` a list, emissions are
    kept there for a transaction instead of being sent.
    """

    __slots__ = (
        "claim",
        "given_up",
        "held",
        "ledger",
        "next_offset",
        "pending",
        "records",
        "resend",
        "size",
        "sources",
        "timestamp",
    )

    def __init__(
        self, ledger: Ledger, held: list[tuple[Any, Entry]] | None, timestamp: int
    ) -> None:
        """Open a unit; only `Ledger.begin` does. Its oldest record is of `timestamp`."""
        self.ledger = ledger
        self.timestamp = timestamp
        self.held = held
        self.pending = 1
        self.next_offset = -1
        self.records = 0
        self.size = 0
        self.resend = ledger.resend
        self.claim = ledger.claim
        # The records of a batch, for an emission that no single one of them caused.
        self.sources: Sequence[RawRecord] = ()
        # Offsets that are dead-lettered already, when several emissions of one record fail.
        self.given_up: set[int] = set()

    def added(self, count: int) -> None:
        """`count` more emissions are on their way."""
        self.pending += count

    def acknowledged(self, count: int, offset: int) -> None:
        """`count` emissions are written."""
        del offset
        self.release(count)

    def rejected(self, entry: Entry, error: Exception) -> None:
        """One emission is surely not written: the ledger's owner decides what becomes of it."""
        self.ledger.rejected(self, entry, error)

    def handled(self, *, records: int, size: int, next_offset: int) -> None:
        """The handler is done with the unit, which reaches up to `next_offset`."""
        self.records, self.size, self.next_offset = records, size, next_offset
        self.release(1)

    def release(self, count: int) -> None:
        """`count` of what was missing is there."""
        self.pending -= count
        if self.pending == 0:
            self.ledger.finished(self)


class LedgerListener(Protocol):
    """Who is told of a ledger's progress."""

    def advanced(self) -> None:
        """The low-water mark has moved."""
        ...

    def finished(self, unit: Unit) -> None:
        """Everything of `unit` is handled and acknowledged."""
        ...

    def rejected(self, unit: Unit, entry: Entry, error: Exception) -> None:
        """An emission of `unit` cannot be written; release the unit once that is settled."""
        ...


class Ledger:
    """The units of one claim, in order of delivery.

    Attributes:
        low_water: the next offset to commit: everything before it is done.
        committed: the last next offset whose commit was confirmed.
        in_flight: units that are not done.
        done: units that are done and not committed, oldest first.
        hold: whether units keep their emissions for a transaction.
        in_transaction: records of the transaction that is under way.
        outstanding_size: bytes of the records that were delivered and are not committed.
    """

    def __init__(
        self, position: int, *, hold: bool = False, at_most_once: Claim | None = None
    ) -> None:
        """Start at `position`.

        Args:
            position: where reading begins; it counts as committed.
            hold: units keep their emissions for a transaction.
            at_most_once: the claim, when no emission of unknown outcome may be written again.
        """
        self.low_water = position
        self.committed = position
        self.in_flight: deque[Unit] = deque()
        self.done: deque[Unit] = deque()
        self.resend = at_most_once is None
        self.claim = at_most_once
        self.hold = hold
        self.in_transaction = 0
        # Whoever works on the claim puts itself here before the first record.
        self.listener: LedgerListener
        self._records = 0
        self.outstanding_size = 0

    @property
    def outstanding(self) -> int:
        """Records that were delivered and are not committed."""
        return self._records

    @property
    def windowed(self) -> int:
        """Those of them that bound reading; a transaction's cannot come twice, so others may go on.

        Their bytes do count: memory is bounded by them.
        """
        return self._records - self.in_transaction

    @property
    def unacknowledged(self) -> bool:
        """Whether acknowledgements alone are missing to move the low-water mark."""
        return bool(self.in_flight) and self.in_flight[0].next_offset >= 0

    @property
    def settled(self) -> bool:
        """Whether nothing is in flight."""
        return not self.in_flight

    def delivered(self, records: int, size: int) -> None:
        """Records have come in; units for them follow."""
        self._records += records
        self.outstanding_size += size

    def begin(self, timestamp: int = -1) -> Unit:
        """The next unit, in order of delivery; its oldest record is of `timestamp`, if known."""
        unit = Unit(self, [] if self.hold else None, timestamp)
        self.in_flight.append(unit)
        return unit

    def skip_to(self, next_offset: int) -> None:
        """Reading passed a gap without records."""
        unit = self.begin()
        unit.handled(records=0, size=0, next_offset=next_offset)

    def advance(self) -> None:
        """Move the low-water mark over every done unit at the head."""
        moved = False
        while self.in_flight and self.in_flight[0].pending == 0:
            unit = self.in_flight.popleft()
            self.low_water = max(self.low_water, unit.next_offset)
            self.done.append(unit)
            moved = True
        if moved:
            self.listener.advanced()

    def commit(self, next_offset: int) -> None:
        """The commit of `next_offset` is confirmed."""
        self.committed = max(self.committed, next_offset)
        while self.done and self.done[0].next_offset <= next_offset:
            unit = self.done.popleft()
            self._records -= unit.records
            self.outstanding_size -= unit.size

    def finished(self, unit: Unit) -> None:
        """Nothing of `unit` is missing any more."""
        self.listener.finished(unit)
        self.advance()

    def rejected(self, unit: Unit, entry: Entry, error: Exception) -> None:
        """Tell that an emission of `unit` cannot be written."""
        self.listener.rejected(unit, entry, error)
