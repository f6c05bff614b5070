"""Numbered records that go into an application all the time, and what comes of them.

Reads and writes past the engine, as `chaos.traffic` does. The rate is a bound: while too many
records are in the application nothing more goes in.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

from chaos.account import Found
from chaos.traffic import Feed, Watch, number_of
from support.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.ledger import Piece

LANES = 3
"""How many partitions the input has."""
MOST_BEHIND = 30_000
"""So many records may be in the application before the feed pauses."""
LOOK_SECONDS = 0.1
THROUGH_SECONDS = 240.0
"""How long everything may take to come out when nothing is broken any more."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where the records of one way come out, by names of topics in Kafka."""

    output: str
    dead_letters: Sequence[str]


class Flow:
    """What goes in at a rate, and takes several ways at the same time.

    Attributes:
        ledgers: what went each way, by its name.
    """

    def __init__(self, bootstrap: str, entrance: str, ways: Mapping[str, Way]) -> None:
        """Nothing flows yet.

        Args:
            bootstrap: where the brokers are.
            entrance: the name in Kafka of the topic that every way begins with.
            ways: by name.
        """
        self.ledgers = {name: Ledger(LANES) for name in ways}
        self._feed = Feed(bootstrap, entrance, LANES)
        self._watch = _Reader(bootstrap, entrance, ways, self.ledgers)
        self._governor: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to read."""
        await self._watch.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing running."""
        if self._governor is not None:
            self._governor.cancel()
            await asyncio.gather(self._governor, return_exceptions=True)
        await self._feed.close()
        await self._watch.__aexit__()

    def start(self, rate: float) -> None:
        """Begin to write, `rate` records a second at most."""
        self._feed.start(rate)
        self._governor = asyncio.create_task(self._govern())

    async def stop(self) -> int:
        """Write no more; how many records were acknowledged."""
        await self._feed.stop()
        return self._feed.sent

    async def through(self) -> list[int]:
        """Wait until all has come out of every way that is in now; the highest number of each lane.

        What has not come out after a long time never will: it is left to the account.
        """
        upto = [max(numbers) for numbers in zip(*self._highest(), strict=True)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(THROUGH_SECONDS):
                while not self._is_through(upto):
                    await asyncio.sleep(LOOK_SECONDS)
        return upto

    def close(self, upto: Sequence[int], since: float) -> dict[str, Piece]:
        """Account for every way up to there; see `Ledger.close`."""
        return {name: ledger.close(upto, since) for name, ledger in self.ledgers.items()}

    def _highest(self) -> list[list[int]]:
        return [ledger.highest() for ledger in self.ledgers.values()]

    def _is_through(self, upto: Sequence[int]) -> bool:
        return all(ledger.is_through(upto) for ledger in self.ledgers.values())

    async def _govern(self) -> None:
        """Let nothing more in while too much is under way."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            behind = max(ledger.behind for ledger in self.ledgers.values())
            if behind > MOST_BEHIND:
                self._feed.pause()
            elif behind < MOST_BEHIND / 2:
                self._feed.resume()


class _Reader(Watch):
    """Reads the input and every end, and enters each record into its ledgers."""

    def __init__(
        self,
        bootstrap: str,
        entrance: str,
        ways: Mapping[str, Way],
        ledgers: Mapping[str, Ledger],
    ) -> None:
        ends = [topic for way in ways.values() for topic in (way.output, *way.dead_letters)]
        super().__init__(bootstrap, [entrance, *ends], LANES)
        self._entrance = entrance
        self._outputs = {way.output: ledgers[name] for name, way in ways.items()}
        self._dead = {
            topic: ledgers[name] for name, way in ways.items() for topic in way.dead_letters
        }
        self._ledgers = ledgers

    @override
    def note(self, record: Any) -> None:
        """Enter one record."""
        numbered = number_of(record), record.partition, record.offset
        found = Found(*numbered, record.key or b"", record.timestamp)
        if record.topic == self._entrance:
            for ledger in self._ledgers.values():
                ledger.went_in(found)
        elif record.topic in self._dead:
            self._dead[record.topic].died(found)
        else:
            self._outputs[record.topic].came_out(found, time.time())
