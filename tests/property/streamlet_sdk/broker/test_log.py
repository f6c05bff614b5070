"""A partition against a model that is too simple to be wrong: a list of what lies there."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamlet_sdk.broker.log import PartitionLog, Transaction

LANES = st.sampled_from(["x", "y", "z"])
KEYS = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=4)


@dataclass
class Entry:
    """What lies at an offset: a record, or with `key=None` a transaction marker."""

    key: bytes | None
    lane: str | None = None
    state: str = "decided"
    is_kept: bool = True


class LogMachine(RuleBasedStateMachine):
    """Writes, transactions, compaction and retention in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.log = PartitionLog()
        self.model: list[Entry] = []
        self.open: dict[str, Transaction] = {}

    @rule(keys=KEYS)
    def write(self, keys: list[bytes]) -> None:
        assert self.log.append(_rows(keys)) == len(self.model)
        self.model += [Entry(key) for key in keys]

    @rule(lane=LANES, keys=KEYS)
    def write_in_a_transaction(self, lane: str, keys: list[bytes]) -> None:
        transaction = self.open.setdefault(lane, Transaction())
        assert self.log.append(_rows(keys), transaction) == len(self.model)
        self.model += [Entry(key, lane, "open") for key in keys]

    @precondition(lambda self: self.open)
    @rule(data=st.data(), aborted=st.booleans())
    def decide(self, data: st.DataObject, *, aborted: bool) -> None:
        lane = data.draw(st.sampled_from(sorted(self.open)))
        self.open.pop(lane).end(aborted=aborted)
        written = [e for e in self.model if e.lane == lane and e.state == "open"]
        for entry in written:
            entry.state = "aborted" if aborted else "decided"
        self.model += [Entry(None)] if written else []

    @rule()
    def compact(self) -> None:
        self.log.compact()
        latest = {self.model[offset].key: offset for offset in self._visible(committed=True)}
        for offset, entry in enumerate(self.model[: self._stable_end()]):
            entry.is_kept = latest.get(entry.key) == offset

    @rule(offset=st.integers(0, 30))
    def trim(self, offset: int) -> None:
        self.log.trim(offset)
        for entry in self.model[: min(offset, self._stable_end())]:
            entry.is_kept = False

    @rule(position=st.integers(0, 30), limit=st.integers(1, 5), room=st.integers(0, 40))
    def read(self, position: int, limit: int, room: int) -> None:
        for committed, view in ((True, self.log.stable), (False, self.log.written)):
            there = [offset for offset in self._visible(committed=committed) if offset >= position]
            expected = there[: max(1, min(limit, room // 10))]
            read = view.read(position, limit, room, at_least=1)
            assert [record.offset for record in read.records] == expected
            assert [record.key for record in read.records] == [
                self.model[offset].key for offset in expected
            ]
            assert read.size == 10 * len(expected)
            rest = there[len(expected) :]
            assert read.next_offset == (rest[0] if rest else max(position, view.end))

    @invariant()
    def ends_are_where_they_belong(self) -> None:
        assert self.log.written.end == len(self.model)
        assert self.log.stable.end == self._stable_end()

    def _stable_end(self) -> int:
        states = [entry.state for entry in self.model]
        return states.index("open") if "open" in states else len(states)

    def _visible(self, *, committed: bool) -> list[int]:
        end = self._stable_end() if committed else len(self.model)
        return [
            offset
            for offset, entry in enumerate(self.model[:end])
            if entry.key is not None
            and entry.is_kept
            and not (committed and entry.state == "aborted")
        ]


def _rows(keys: list[bytes]) -> list[tuple[int, bytes | None, bytes | None, tuple[()], int]]:
    return [(0, key, b"value", (), 10) for key in keys]


TestLog = LogMachine.TestCase
