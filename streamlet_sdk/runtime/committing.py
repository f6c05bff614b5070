"""Commits what is done of an inlet's claims, one request at a time.

It commits explicit next offsets, only those that are confirmed count, and none of its failures
ends the streamlet but a missing permission. Exactly-once claims commit in their transactions.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from streamlet_sdk.errors import DeniedError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from streamlet_sdk.runtime.offsets import Ledger
    from streamlet_sdk.runtime.transport import Claim, Consumer
    from streamlet_sdk.runtime.work import Stage

logger = logging.getLogger(__name__)

COMMIT_SECONDS: Final = 10.0


class Committer:
    """Commits the low-water marks of ledgers, in an interval and when asked."""

    def __init__(
        self,
        consumer: Consumer,
        stage: Stage,
        ledgers: Callable[[], Mapping[Claim, Ledger]],
        *,
        confirmed: Callable[[], None],
    ) -> None:
        """Commit for the group of `consumer`.

        Args:
            consumer: what reads the claims.
            stage: where commits are counted, and who is told of a missing permission.
            ledgers: those that are committed here, at the time of the call.
            confirmed: called when a commit has made room.
        """
        self._consumer = consumer
        self._stage = stage
        self._ledgers = ledgers
        self._confirmed = confirmed
        self._wanted = asyncio.Event()
        self._one = asyncio.Lock()

    def soon(self) -> None:
        """Do not wait for the end of the interval."""
        self._wanted.set()

    async def run(self, interval: timedelta) -> None:
        """Commit until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(interval.total_seconds()):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            await self.commit(list(self._ledgers()), loop.time() + COMMIT_SECONDS)

    async def commit(self, claims: Sequence[Claim], deadline: float) -> None:
        """Commit what is done of `claims`; what is not confirmed is counted and comes again.

        It returns by `deadline`, also when an earlier commit still waits for its answer.
        """
        try:
            async with asyncio.timeout_at(deadline):
                await self._one.acquire()
        except TimeoutError:
            return
        try:
            await self._committed(claims, deadline)
        finally:
            self._one.release()

    async def _committed(self, claims: Sequence[Claim], deadline: float) -> None:
        ledgers = self._ledgers()
        offsets = {
            claim: ledgers[claim].low_water
            for claim in claims
            if claim in ledgers and ledgers[claim].low_water > ledgers[claim].committed
        }
        if not offsets:
            return
        confirmed = await self._request(offsets, deadline)
        for claim in confirmed:
            ledgers[claim].commit(offsets[claim])
        self._confirmed()

    async def ahead(self, claim: Claim, next_offset: int) -> bool:
        """Commit before anything is handled, as at-most-once asks; whether it is confirmed."""
        deadline = asyncio.get_running_loop().time() + COMMIT_SECONDS
        async with self._one:
            return bool(await self._request({claim: next_offset}, deadline))

    async def _request(self, offsets: Mapping[Claim, int], deadline: float) -> set[Claim]:
        confirmed: set[Claim] = set()
        try:
            confirmed = await self._consumer.commit(offsets, deadline)
        except DeniedError as error:
            # Repeating cannot help: the group's permissions are missing.
            self._stage.failed(error)
        except TransportError as error:
            logger.warning("A commit failed and will be repeated: %s", error)
        self._stage.counters.commits += bool(confirmed)
        self._stage.counters.commits_lost += len(offsets) - len(confirmed)
        return confirmed
