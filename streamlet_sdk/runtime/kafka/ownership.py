"""Which partitions a consumer owns, and what its listener is told of them.

Used by both kinds of membership. A rebalance and a close may meet here; one waits for the other.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.kafka.offsets import Place
from streamlet_sdk.runtime.transport import Claim, Lease

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamlet_sdk.runtime.transport import Listener

logger = logging.getLogger(__name__)


class Ownership:
    """The live claims of one consumer, by place.

    Attributes:
        commits: commits on their way; none is left when claims have been given back.
        lease: that of all claims.
    """

    def __init__(self, listener: Listener) -> None:
        """Own nothing yet."""
        self.claims: dict[Place, Claim] = {}
        self.commits: set[asyncio.Task[None]] = set()
        self.lease = Lease()
        self._listener = listener
        self._barrier = asyncio.Lock()
        self._epoch = 0

    def gain(self, places: Iterable[Place], generation: int) -> None:
        """Own `places` from now on; each has a claim with an epoch that was not used before."""
        self._epoch = max(self._epoch + 1, generation)
        made = {place: Claim(*place, self._epoch, lease=self.lease) for place in sorted(places)}
        self.claims.update(made)
        with Attempt() as telling:
            self._listener.assigned(list(made.values()))
        self._report(telling.error)

    async def give_back(self, deadline: float) -> None:
        """Let the listener finish and commit before `deadline`, then own nothing."""
        async with self._barrier:
            claims = list(self.claims.values())
            if not claims:
                return
            await self._finish(claims, deadline)
            self._end(claims)

    async def renew(self, claim: Claim, deadline: float) -> None:
        """Let the listener finish with `claim`, and give it another one of the same place."""
        place = Place(claim.topic, claim.partition)
        async with self._barrier:
            if self.claims.get(place) is claim:
                await self._finish([claim], deadline)
            # What a group gives or takes meanwhile counts.
            if self.claims.get(place) is claim:
                self._end([claim])
                self.gain([place], self._epoch)

    def lose(self, places: Iterable[Place]) -> None:
        """Own `places` no more: somebody else may do already."""
        claims = [self.claims[place] for place in places if place in self.claims]
        self._end(claims)
        if claims:
            with Attempt() as telling:
                self._listener.lost(claims)
            self._report(telling.error)

    async def _finish(self, claims: Sequence[Claim], deadline: float) -> None:
        """Let the listener finish and commit."""
        with Attempt() as finishing:
            async with asyncio.timeout_at(deadline):
                await self._listener.revoked(claims, deadline)
        self._report(finishing.error)
        await self._settle(deadline)

    async def _settle(self, deadline: float) -> None:
        """Wait for commits; one that is left would count in the name of the next owner."""
        if self.commits:
            left = deadline - asyncio.get_running_loop().time()
            _, late = await asyncio.wait(self.commits, timeout=max(0.0, left))
            for task in late:
                task.cancel()

    def _end(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            claim.alive = False
            self.claims.pop(Place(claim.topic, claim.partition), None)

    @staticmethod
    def _report(error: BaseException | None) -> None:
        if error is not None:
            logger.error("Partitions changed hands and that failed: %r", error, exc_info=error)
