"""The ledger's promise: what is committed is done, whatever the order in which things end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamlet_sdk.runtime.offsets import Ledger, Unit

if TYPE_CHECKING:
    from streamlet_sdk.runtime.outbox import Entry


@dataclass
class Work:
    """A unit and what the model knows of it."""

    unit: Unit
    first: int
    records: int
    next_offset: int
    emissions: int = 0
    handled: bool = False

    @property
    def done(self) -> bool:
        """Whether the handler is done and everything is acknowledged."""
        return self.handled and self.emissions == 0


@dataclass
class Listener:
    """Keeps what a ledger tells."""

    finished_units: list[Unit] = field(default_factory=list)
    advances: list[int] = field(default_factory=list)
    ledger: Ledger | None = None

    def advanced(self) -> None:
        assert self.ledger is not None
        self.advances.append(self.ledger.low_water)

    def finished(self, unit: Unit) -> None:
        if unit.records:
            self.finished_units.append(unit)

    def rejected(self, unit: Unit, entry: Entry, error: Exception) -> None:
        raise AssertionError("nothing is rejected here")


class LedgerMachine(RuleBasedStateMachine):
    """Delivers, handles, emits, acknowledges and commits in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.listener = Listener()
        self.ledger = Ledger(100)
        self.ledger.listener = self.listener
        self.listener.ledger = self.ledger
        self.works: list[Work] = []
        self.end = 100
        self.committed = 100

    @rule(records=st.integers(1, 5), gap=st.integers(0, 3), size=st.integers(0, 100))
    def deliver(self, records: int, gap: int, size: int) -> None:
        self.ledger.delivered(records, size)
        first = self.end + gap
        self.end = first + records
        work = Work(self.ledger.begin(), first, records, self.end)
        work.unit.size = size
        self.works.append(work)

    @rule(gap=st.integers(1, 3))
    def pass_a_gap(self, gap: int) -> None:
        self.end += gap
        self.ledger.skip_to(self.end)

    @precondition(lambda self: any(not work.handled for work in self.works))
    @rule(data=st.data(), emissions=st.integers(0, 3))
    def handle(self, data: st.DataObject, emissions: int) -> None:
        work = data.draw(st.sampled_from([work for work in self.works if not work.handled]))
        for _ in range(emissions):
            work.unit.added(1)
        work.emissions, work.handled = emissions, True
        work.unit.handled(records=work.records, size=work.unit.size, next_offset=work.next_offset)

    @precondition(lambda self: any(work.emissions for work in self.works))
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        work = data.draw(st.sampled_from([work for work in self.works if work.emissions]))
        count = data.draw(st.integers(1, work.emissions))
        work.emissions -= count
        work.unit.acknowledged(count, 0)

    @rule()
    def commit(self) -> None:
        self.committed = self.ledger.low_water
        self.ledger.commit(self.committed)

    @invariant()
    def what_may_be_committed_is_done(self) -> None:
        for work in self.works:
            if not work.done:
                assert self.ledger.low_water <= work.first

    @invariant()
    def everything_done_at_the_head_may_be_committed(self) -> None:
        unfinished = [work.first for work in self.works if not work.done]
        if unfinished:
            done = [w.next_offset for w in self.works if w.next_offset <= unfinished[0]]
            assert self.ledger.low_water >= max(done, default=100)
        else:
            assert self.ledger.low_water == self.end
            assert self.ledger.settled

    @invariant()
    def the_mark_never_goes_back(self) -> None:
        assert self.listener.advances == sorted(self.listener.advances)

    @invariant()
    def the_window_counts_what_is_not_committed(self) -> None:
        open_works = [work for work in self.works if work.next_offset > self.committed]
        assert self.ledger.outstanding == sum(work.records for work in open_works)
        assert self.ledger.outstanding_size == sum(work.unit.size for work in open_works)

    @invariant()
    def each_unit_is_told_once_when_nothing_of_it_is_missing(self) -> None:
        told = sorted(map(id, self.listener.finished_units))
        assert told == sorted(id(work.unit) for work in self.works if work.done)


TestLedger = LedgerMachine.TestCase
