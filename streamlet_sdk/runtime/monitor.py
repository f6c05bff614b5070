"""Looks at a running streamlet now and then: lag, what waits, and partitions that stand still.

It only looks and tells `counters` and `health`; it changes nothing and decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamlet_sdk.errors import TransportError
from streamlet_sdk.runtime.counters import Lag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamlet_sdk.runtime.health import Health
    from streamlet_sdk.runtime.inlet import InletRunner
    from streamlet_sdk.runtime.transport import Claim

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
ENDS_SECONDS: Final = 10.0
# A partition that has records, room for them and a broker, and still does not move, is stuck.
STUCK_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Mark:
    """Something of a claim and since when it is the same."""

    value: int
    since: float


class Monitor:
    """Watches the inlets of one streamlet until it is cancelled."""

    def __init__(
        self, inlets: Sequence[InletRunner], health: Health, now_ms: Callable[[], int]
    ) -> None:
        """Look at nothing before `watch`."""
        self._inlets = inlets
        self._health = health
        self._now_ms = now_ms
        self._commits: dict[str, dict[Claim, _Mark]] = {}
        self._positions: dict[str, dict[Claim, _Mark]] = {}

    async def watch(self) -> None:
        """Look at every inlet, again and again."""
        while True:
            await asyncio.gather(*(self._look(inlet) for inlet in self._inlets))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, inlet: InletRunner) -> None:
        self._look_at_commits(inlet)
        where = f"inlet {inlet.name}"
        try:
            async with asyncio.timeout(ENDS_SECONDS):
                ends = await inlet.ends()
        except (TransportError, TimeoutError) as error:
            self._health.trouble(where, str(error) or "the broker does not answer")
            # Nothing can be known of progress while the broker is away.
            self._positions.pop(inlet.name, None)
            self._health.stuck.pop(inlet.name, None)
            return
        self._health.well(where)
        still_open = set(inlet.claims)
        ends = {claim: end for claim, end in ends.items() if claim in still_open}
        inlet.counters.lag = {claim.partition: self._lag(inlet, claim, ends) for claim in ends}
        self._look_for_stuck(inlet, ends)

    def _look_at_commits(self, inlet: InletRunner) -> None:
        now = asyncio.get_running_loop().time()
        known = self._commits.get(inlet.name, {})
        marks = {}
        in_flight = 0
        for claim in inlet.claims:
            ledger = inlet.worker(claim).ledger
            in_flight += ledger.outstanding
            mark = known.get(claim)
            if mark is None or mark.value != ledger.committed or not ledger.done:
                mark = _Mark(ledger.committed, now)
            marks[claim] = mark
        self._commits[inlet.name] = marks
        inlet.counters.in_flight = in_flight
        oldest = min((mark.since for mark in marks.values()), default=now)
        inlet.counters.uncommitted_seconds = now - oldest

    def _lag(self, inlet: InletRunner, claim: Claim, ends: Mapping[Claim, int]) -> Lag:
        unread = max(0, ends[claim] - inlet.position(claim))
        backlog = inlet.worker(claim).backlog
        records = unread + backlog.records
        if not records:
            return Lag(0, 0.0)
        oldest = inlet.worker(claim).latest if backlog.oldest is None else backlog.oldest
        return Lag(records, max(0.0, (self._now_ms() - oldest) / 1000) if oldest >= 0 else 0.0)

    def _look_for_stuck(self, inlet: InletRunner, ends: Mapping[Claim, int]) -> None:
        now = asyncio.get_running_loop().time()
        known = self._positions.get(inlet.name, {})
        marks = {}
        stuck = []
        for claim, end in ends.items():
            position = inlet.position(claim)
            mark = known.get(claim)
            may_rest = position >= end or not inlet.has_room(claim)
            if mark is None or mark.value != position or may_rest:
                mark = _Mark(position, now)
            marks[claim] = mark
            if now - mark.since > STUCK_SECONDS:
                stuck.append(
                    f"{claim.topic}/{claim.partition} stands at {position} of {end} "
                    f"for {now - mark.since:.0f} s"
                )
        self._positions[inlet.name] = marks
        self._health.stuck[inlet.name] = stuck
