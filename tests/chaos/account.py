"""The account of one run: what was lost, repeated, reordered or misplaced. Pure.

Records are numbered; a number is in the input topic once. Whatever comes of it is in the last
topic or among the dead letters.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamlet_sdk.delivery import Guarantee


class Found(NamedTuple):
    """A record of a topic: its number, where it lies, its key, and its time in milliseconds."""

    number: int
    partition: int
    offset: int
    key: bytes
    timestamp_ms: int


@dataclass(frozen=True, kw_only=True)
class Topics:
    """What is in the topics once everything has ended, each in the order of its offsets.

    Attributes:
        middle: what is between the streamlets; it tells who lost a record.
        poison: which numbers no streamlet can process, so that they have to be dead letters.
        deleted: which numbers the brokers were told to delete before they were surely read.
    """

    inputs: Sequence[Found]
    middle: Sequence[Found] = ()
    outputs: Sequence[Found]
    dead_letters: Sequence[Found]
    poison: frozenset[int] = frozenset()
    deleted: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of the records.

    Attributes:
        expired: those that were deleted before they were read, and so are not lost.
        lost_late: those of the lost that were still there between the streamlets.
        duplicates: records in excess, dead letters among them.
        reordered: first occurrences that came after a later one of their key.
        misplaced: dead letters that are no poison, and poison that is no dead letter.
        strangers: what came out and never went in.
    """

    records: int
    lost: frozenset[int]
    expired: frozenset[int]
    lost_late: frozenset[int]
    duplicates: int
    reordered: int
    misplaced: frozenset[int]
    strangers: frozenset[int]

    def broken(self, guarantee: Guarantee, *, bound: int, is_ordered: bool) -> list[str]:
        """What of the promise was not kept, one sentence each.

        Args:
            guarantee: what was promised.
            bound: how many duplicates are within the promise at least once.
            is_ordered: whether the order per key was promised.
        """
        most = bound if guarantee == "at-least-once" else 0
        named = ((self.misplaced, "wrongly placed"), (self.strangers, "never went in"))
        says = [f"{len(found)} {what}: {_some(found)}" for found, what in named if found]
        if self.lost and guarantee != "at-most-once":
            says.append(f"{len(self.lost)} lost: {_some(self.lost)}")
            says.append(f"{len(self.lost_late)} of them by the second streamlet")
        if self.duplicates > most:
            says.append(f"{self.duplicates} duplicates, {most} are allowed")
        if self.reordered and is_ordered:
            says.append(f"{self.reordered} out of order")
        return says


def account(topics: Topics) -> Account:
    """Account for every record.

    Raises:
        ValueError: when the input is not numbered as the others rely on: each number once, and
            rising in each partition.
    """
    keys = _numbered(topics.inputs)
    out = Counter(record.number for record in topics.outputs)
    dead = Counter(record.number for record in topics.dead_letters)
    seen = out + dead
    missing = frozenset(keys.keys() - seen.keys())
    lost = missing - topics.deleted
    return Account(
        records=len(keys),
        lost=lost,
        expired=missing & topics.deleted,
        lost_late=lost & {record.number for record in topics.middle},
        duplicates=sum(count - 1 for count in seen.values()),
        reordered=_reordered(topics.outputs),
        misplaced=frozenset(dead.keys() - topics.poison | out.keys() & topics.poison),
        strangers=frozenset(seen.keys() - keys.keys()),
    )


def longest_standstill(
    arrivals: Mapping[int, Sequence[tuple[float, float]]], since: float = 0.0
) -> float:
    """The longest time in which nothing of a partition came out although something was due.

    Args:
        arrivals: when a record went in and when it first came out (seconds of one clock), by input
            partition, in the order in which they came out.
        since: what was before does not count.
    """
    longest = 0.0
    for pairs in arrivals.values():
        before = since
        for went_in, came_out in pairs:
            longest = max(longest, came_out - max(before, went_in))
            before = max(since, came_out)
    return longest


def _numbered(inputs: Iterable[Found]) -> dict[int, bytes]:
    keys: dict[int, bytes] = {}
    last: dict[int, int] = {}
    for record in inputs:
        if record.number in keys or record.number <= last.get(record.partition, -1):
            raise ValueError(f"the input holds {record.number} twice, or not in its turn")
        keys[record.number] = record.key
        last[record.partition] = record.number
    return keys


def _reordered(outputs: Iterable[Found]) -> int:
    highest: dict[bytes, int] = {}
    seen: set[int] = set()
    late = 0
    for record in outputs:
        if record.number in seen:
            continue
        seen.add(record.number)
        late += record.number < highest.get(record.key, -1)
        highest[record.key] = max(record.number, highest.get(record.key, -1))
    return late


def _some(numbers: Iterable[int]) -> str:
    first = sorted(numbers)
    return ", ".join(map(str, first[:10])) + (", …" if len(first) > 10 else "")
