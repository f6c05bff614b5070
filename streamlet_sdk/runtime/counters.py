"""What a streamlet has done so far; the sandbox's summary and `/metrics` are made from it.

Written on the event loop, read from any thread. Restarts of a streamlet do not reset it.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Upper bounds in seconds.
HANDLING: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)
LATENCY: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    *(2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)


class Distribution:
    """How often a duration, in seconds, was within each of some bounds.

    Attributes:
        counts: one more than there are bounds; the last one is for what is above them all.
        total: the sum of all durations.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Nothing was counted yet; `bounds` rise."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        """Count a duration that occurred `times` times."""
        self.counts[bisect_left(self.bounds, seconds)] += times
        self.total += seconds * times

    def add_mostly_quick(self, times: int, seconds: float, slow: Iterable[float]) -> None:
        """Count `times` durations of `seconds` in all; those in `slow` pass the least bound."""
        quick = times
        for each in slow:
            self.counts[bisect_left(self.bounds, each)] += 1
            quick -= 1
        self.counts[0] += quick
        self.total += seconds


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a partition's reader is behind.

    Attributes:
        records: that are not processed.
        seconds: age of the oldest of them, as far as it is known; 0 when there is none.
    """

    records: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class InletCounters:
    """Counts of one inlet.

    Attributes:
        topic: what it reads, by the name on the broker.
        received: records handed to a handler for the first time.
        received_bytes: of their keys and values.
        retried: handler calls after a failed one.
        dead_lettered: records given up into the dead-letter port.
        skipped: records given up and dropped.
        commits: that were confirmed.
        commits_lost: that the group refused; their records may come again.
        rebalances: times that all partitions were given back and assigned anew.
        rebalance_seconds: how long nothing could be read because of them.
        handling: durations of handler calls.
        latency: from a record's timestamp until all it caused is acknowledged.
        in_flight: records delivered and not committed, at the last look.
        uncommitted_seconds: how long the oldest done record waits for its commit, likewise.
        lag: by partition, of those that are read here.
    """

    topic: str = ""
    received: int = 0
    received_bytes: int = 0
    retried: int = 0
    dead_lettered: int = 0
    skipped: int = 0
    commits: int = 0
    commits_lost: int = 0
    rebalances: int = 0
    rebalance_seconds: float = 0.0
    handling: Distribution = field(default_factory=lambda: Distribution(HANDLING))
    latency: Distribution = field(default_factory=lambda: Distribution(LATENCY))
    in_flight: int = 0
    uncommitted_seconds: float = 0.0
    lag: dict[int, Lag] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class OutletCounters:
    """Counts of one outlet, or of an inlet's dead-letter port.

    Attributes:
        topic: what it writes, by the name on the broker.
        is_dead_letters: whether the platform made it.
        written: emissions that the broker has acknowledged.
        written_bytes: of their values.
        pending: emissions that it has not acknowledged yet.
    """

    topic: str = ""
    is_dead_letters: bool = False
    written: int = 0
    written_bytes: int = 0
    pending: int = 0

    def acknowledged(self, count: int, size: int) -> None:
        """The broker has `count` more, with `size` bytes of values."""
        self.written += count
        self.written_bytes += size


@dataclass(slots=True)
class Counters:
    """Counts of one streamlet since its first start.

    Attributes:
        failed: times that the streamlet, or one of its sources, ended with an error.
        blocked: times that a handler held up the event loop for too long.
    """

    failed: int = 0
    blocked: int = 0
    inlets: dict[str, InletCounters] = field(default_factory=dict)
    outlets: dict[str, OutletCounters] = field(default_factory=dict)

    def inlet(self, name: str, topic: str) -> InletCounters:
        """The counts of an inlet; always the same object."""
        counters = self.inlets.setdefault(name, InletCounters())
        counters.topic = topic
        return counters

    def outlet(self, name: str, topic: str, *, is_dead_letters: bool = False) -> OutletCounters:
        """The counts of an outlet; always the same object."""
        counters = self.outlets.setdefault(name, OutletCounters())
        counters.topic, counters.is_dead_letters = topic, is_dead_letters
        return counters

    @property
    def received(self) -> int:
        """Records handed to a handler for the first time."""
        return sum(inlet.received for inlet in self.inlets.values())

    @property
    def emitted(self) -> int:
        """Emissions that the broker has acknowledged, dead letters not included."""
        return sum(out.written for out in self.outlets.values() if not out.is_dead_letters)

    @property
    def retried(self) -> int:
        """Handler calls after a failed one."""
        return sum(inlet.retried for inlet in self.inlets.values())

    @property
    def dead_lettered(self) -> int:
        """Records given up into a dead-letter port."""
        return sum(inlet.dead_lettered for inlet in self.inlets.values())

    @property
    def skipped(self) -> int:
        """Records given up and dropped."""
        return sum(inlet.skipped for inlet in self.inlets.values())

    @property
    def commits_lost(self) -> int:
        """Commits that the group refused; their records may come again."""
        return sum(inlet.commits_lost for inlet in self.inlets.values())
