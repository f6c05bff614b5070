"""The claims of one consumer: how they are given, asked back and lost.

`groups` and `solo` decide when; this module talks to the engine's `Listener` and makes sure
that a claim dies once, in time, whatever the listener does.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamlet_sdk.runtime.transport import Claim, Listener

logger = logging.getLogger(__name__)


class Holder:
    """Someone with claims, all of them alive; `is_gone` says that nobody listens any more."""

    def __init__(self, listener: Listener) -> None:
        self.claims: tuple[Claim, ...] = ()
        self.is_gone = False
        self._listener = listener
        self._revoking: asyncio.Task[None] | None = None

    def give(self, claims: Sequence[Claim]) -> None:
        """Add `claims` and announce them on the next turn of the loop."""
        self.claims += tuple(claims)
        self._tell(self._listener.assigned, claims)

    def drop(self) -> tuple[Claim, ...]:
        """End every claim without a word; which they were."""
        dropped, self.claims = self.claims, ()
        for claim in dropped:
            claim.alive = False
        return dropped

    def lose(self) -> None:
        """End every claim and say that they belong to someone else."""
        dropped = self.drop()
        if dropped:
            self._tell(self._listener.lost, dropped)

    async def ask_back(self, deadline: float) -> bool:
        """Let the listener finish with its claims; false when it did not before `deadline`.

        The claims are dead afterwards in any case. Two callers share one call of the listener.
        """
        if self.claims and not self._is_revoking:
            self._revoking = asyncio.get_running_loop().create_task(self._revoked(deadline))
        if self._revoking is None or not self._is_revoking:
            return True
        remaining = deadline - asyncio.get_running_loop().time()
        await asyncio.wait({self._revoking}, timeout=max(0.0, remaining))
        in_time = self._revoking.done()
        self.lose()
        return in_time

    def when_back(self, call: Callable[[], None]) -> None:
        """Call `call` once the listener has returned from a revocation it was late with."""
        if self._revoking is None or self._revoking.done():
            call()
        else:
            self._revoking.add_done_callback(lambda _: call())

    def vanish(self) -> None:
        """Nobody listens from now on, and a revocation that runs is cut short."""
        self.is_gone = True
        if self._revoking is not None:
            self._revoking.cancel()

    @property
    def _is_revoking(self) -> bool:
        return self._revoking is not None and not self._revoking.done()

    async def _revoked(self, deadline: float) -> None:
        """One call of the listener; the claims are dead as soon as it is over."""
        loop = asyncio.get_running_loop()
        calling = loop.create_task(self._listener.revoked(self.claims, deadline))
        try:
            await asyncio.wait({calling})
        finally:
            calling.cancel()
            self.drop()
        error = None if calling.cancelled() else calling.exception()
        if error is not None:
            logger.error("A listener failed while its claims were revoked", exc_info=error)

    def _tell(self, call: Callable[[Sequence[Claim]], None], claims: Sequence[Claim]) -> None:
        # On its own turn of the loop, so that an error there is the loop's to report and
        # cannot stop a rebalance half way.
        if not self.is_gone:
            asyncio.get_running_loop().call_soon(self._announce, call, claims)

    def _announce(self, call: Callable[[Sequence[Claim]], None], claims: Sequence[Claim]) -> None:
        if not self.is_gone:
            call(claims)
