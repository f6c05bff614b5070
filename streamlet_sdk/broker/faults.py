"""Faults that a test may plan: what brokers and networks do to clients, on request.

Tests reach it as `EmbeddedBroker.faults`; producers, lanes and consumers ask it. Without a
planned fault it costs one look-up for a batch.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from streamlet_sdk.errors import UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one request; as it is made, nothing does.

    `rejected`: refused, surely not done. `unanswered`: no answer comes; `done` tells whether
    it took effect all the same.
    """

    rejected: bool = False
    unanswered: bool = False
    done: bool = True
    delay: timedelta = timedelta(0)


NO_FAULT: Final = Fault()


class Faults:
    """Plans for the next requests; each planned fault meets one request, in order."""

    def __init__(self) -> None:
        self._batches: dict[str, deque[Fault]] = {}
        self._transactions: dict[str, deque[Fault]] = {}
        self._refused_commits: Counter[str] = Counter()
        self._reachable = asyncio.Event()
        self._reachable.set()

    def batch(self, topic: str, fault: Fault, *, times: int = 1) -> None:
        """Let `fault` meet the next batches for `topic`."""
        self._batches.setdefault(topic, deque()).extend([fault] * times)

    def transaction(self, lane: str, fault: Fault) -> None:
        """Let `fault` meet the next commit of the lane of that name."""
        self._transactions.setdefault(lane, deque()).append(fault)

    def refuse_commits(self, group: str, *, times: int = 1) -> None:
        """Do not confirm the next commits of `group`, nor carry them out."""
        self._refused_commits[group] += times

    def cut(self) -> None:
        """Make the broker unreachable: requests wait, or raise `UnavailableError`."""
        self._reachable.clear()

    def restore(self) -> None:
        """Make the broker reachable again."""
        self._reachable.set()

    async def before_batch(self, topic: str) -> Fault:
        """Wait until a batch for `topic` would be at the broker; what happens to it there."""
        fault = _next(self._batches, topic)
        if fault.delay:
            await asyncio.sleep(fault.delay.total_seconds())
        await self._reachable.wait()
        return fault

    def before_transaction(self, lane: str) -> Fault:
        """What happens to the commit that `lane` is about to send."""
        return _next(self._transactions, lane)

    def takes_commit(self, group: str) -> bool:
        """Whether the commit that `group` is about to make gets through."""
        if not self._refused_commits[group]:
            return True
        self._refused_commits[group] -= 1
        return False

    @property
    def is_reachable(self) -> bool:
        """Whether requests get through."""
        return self._reachable.is_set()

    def require_reachable(self) -> None:
        """Go on only with a broker.

        Raises:
            UnavailableError: when the broker is cut off.
        """
        if not self.is_reachable:
            raise UnavailableError("the embedded broker is cut off", hint="call faults.restore()")

    async def reachable_by(self, deadline: float) -> bool:
        """Whether the broker can be reached before `deadline`, on the loop's clock."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._reachable.wait()
        except TimeoutError:
            return False
        return True


def _next(planned: dict[str, deque[Fault]], name: str) -> Fault:
    faults = planned.get(name)
    return faults.popleft() if faults else NO_FAULT
