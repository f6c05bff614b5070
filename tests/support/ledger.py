"""An account that goes on: what takes one way is accounted for piece by piece, and forgotten.

Pure. `chaos.account` does the counting; here is what was seen so far and not counted yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chaos.account import Account, Found, Topics, account, longest_standstill

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What became of the records of some time.

    Attributes:
        account: of all that went in; a repeated record counts where it was seen.
        standstill: the longest time in seconds in which nothing of a lane came out though due.
        most_behind: how many records were in and not out at the worst moment.
    """

    account: Account
    standstill: float
    most_behind: int


class Ledger:
    """What went in and came out of one way, since the last piece.

    A number belongs to the lane `number % lanes`, where numbers rise; a lane is a partition of the
    input.

    Attributes:
        most_behind: how many records were in and not out at the worst moment since then.
    """

    def __init__(self, lanes: int) -> None:
        """Nothing was seen yet."""
        self.most_behind = 0
        self._lanes = lanes
        self._inputs: list[Found] = []
        self._outputs: list[Found] = []
        self._dead: list[Found] = []
        self._due: set[int] = set()
        self._came: set[int] = set()
        self._arrivals: dict[int, list[tuple[float, float]]] = {}
        self._closed = [-1] * lanes

    @property
    def behind(self) -> int:
        """How many records are in and not out."""
        return len(self._due)

    def went_in(self, found: Found) -> None:
        """A record is in the first topic."""
        self._inputs.append(found)
        if found.number not in self._came:
            self._due.add(found.number)
            self.most_behind = max(self.most_behind, self.behind)

    def came_out(self, found: Found, now: float) -> None:
        """A record is in the last topic, and was seen at `now`, in seconds since the epoch."""
        self._outputs.append(found)
        if found.number in self._came or not self._is_new(found):
            return
        self._came.add(found.number)
        self._due.discard(found.number)
        pairs = self._arrivals.setdefault(found.number % self._lanes, [])
        pairs.append((found.timestamp_ms / 1000, now))

    def died(self, found: Found) -> None:
        """A record is a dead letter; nobody waits for it any more."""
        self._dead.append(found)
        self._due.discard(found.number)

    def highest(self) -> list[int]:
        """The highest number that went in, of each lane."""
        highest = list(self._closed)
        for found in self._inputs:
            highest[found.number % self._lanes] = found.number
        return highest

    def is_through(self, upto: Sequence[int]) -> bool:
        """Whether all is out that went in up to a number of each lane."""
        return all(number > upto[number % self._lanes] for number in self._due)

    def close(self, upto: Sequence[int], since: float) -> Piece:
        """Account for all up to a number of each lane.

        Args:
            upto: the highest of each lane.
            since: a standstill did not begin before that; seconds since the epoch.

        Raises:
            ValueError: when a number is in the input twice, or not in its turn.
        """

        def due(some: Iterable[Found]) -> list[Found]:
            return [one for one in some if one.number <= upto[one.number % self._lanes]]

        outputs, dead = self._new(self._outputs), self._new(self._dead)
        topics = Topics(inputs=due(self._inputs), outputs=due(outputs), dead_letters=due(dead))
        made = account(topics)
        again = len(self._outputs) + len(self._dead) - len(outputs) - len(dead)
        # One that is due may have come after one of its key that is not.
        everything = account(Topics(inputs=(), outputs=outputs, dead_letters=()))
        piece = Piece(
            account=replace(
                made, duplicates=made.duplicates + again, reordered=everything.reordered
            ),
            standstill=longest_standstill(self._arrivals, since),
            most_behind=self.most_behind,
        )
        self._forget(upto, outputs, dead)
        return piece

    def _forget(self, upto: Sequence[int], outputs: Iterable[Found], dead: Iterable[Found]) -> None:
        self._closed = [*upto]
        self._inputs = self._new(self._inputs)
        self._outputs, self._dead = self._new(outputs), self._new(dead)
        self._came = {one.number for one in self._outputs}
        # What is lost is said once, and nobody waits for it any more.
        self._due = {number for number in self._due if number > upto[number % self._lanes]}
        self._arrivals = {}
        self.most_behind = self.behind

    def _new(self, some: Iterable[Found]) -> list[Found]:
        return [one for one in some if self._is_new(one)]

    def _is_new(self, found: Found) -> bool:
        """Whether it was not accounted for."""
        return found.number > self._closed[found.number % self._lanes]
