"""The worker that handles several records of a partition at once, in order by key or in none."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from streamlet_sdk.handlers import Each
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.work import Worker

if TYPE_CHECKING:
    from streamlet_sdk.runtime.offsets import Ledger, Unit
    from streamlet_sdk.runtime.transport import Chunk, Claim, RawRecord
    from streamlet_sdk.runtime.work import Stage


class Item(NamedTuple):
    """A record, its unit, its bytes, and where the partition goes on behind it."""

    record: RawRecord
    unit: Unit
    size: int
    next_offset: int


class ParallelWorker(Worker):
    """Handles records side by side; those of one key follow each other.

    A record without a key has no order to keep. Offsets are done out of order; the ledger
    commits only what is done without a gap.
    """

    def __init__(self, stage: Stage, claim: Claim, ledger: Ledger) -> None:
        """Work on `claim` with as many lanes as the inlet's concurrency."""
        super().__init__(stage, claim, ledger)
        role = stage.handler.role
        assert isinstance(role, Each)
        self._keyed = role.ordered_by == "key"
        self._most = role.concurrency or 1
        self._waiting: dict[bytes, deque[Item]] = {}
        self._lanes: set[asyncio.Task[None]] = set()

    async def _run(self) -> None:
        try:
            await super()._run()
            if self._lanes:
                await asyncio.wait(self._lanes)
        finally:
            for lane in self._lanes:
                lane.cancel()

    async def _work(self, chunk: Chunk) -> None:
        """Hand the records of a chunk to lanes."""
        total = len(chunk.records)
        for index, record in enumerate(chunk.records):
            if self.closing:
                return
            await self.stage.outbox.room()
            last = index == total - 1
            item = Item(
                record,
                self.ledger.begin(record.timestamp),
                chunk.size * (index + 1) // total - chunk.size * index // total,
                chunk.next_offset if last else record.offset + 1,
            )
            await self._dispatch(item)
        if not total:
            self.ledger.skip_to(chunk.next_offset)
        self._chunks.popleft()

    async def _dispatch(self, item: Item) -> None:
        """Queue behind the same key, or open a lane once there is room for one."""
        key = item.record.key if self._keyed else None
        if key is not None and key in self._waiting:
            self._waiting[key].append(item)
            return
        while len(self._lanes) >= self._most:
            await asyncio.wait(self._lanes, return_when=asyncio.FIRST_COMPLETED)
        if key is not None:
            self._waiting[key] = deque()
        lane = asyncio.get_running_loop().create_task(self._lane(key, item))
        self._lanes.add(lane)
        lane.add_done_callback(self._lanes.discard)

    async def _lane(self, key: bytes | None, item: Item) -> None:
        """Handle a record and those of its key that came meanwhile."""
        with Attempt() as attempt:
            await self._handle(item)
            while key is not None and self._waiting[key] and not self.closing:
                await self._handle(self._waiting[key].popleft())
        if key is not None:
            del self._waiting[key]
        if attempt.error is not None:
            self.stage.failed(attempt.error)

    async def _handle(self, item: Item) -> None:
        """Bring one record to its end.

        Raises:
            DeliveryError: when the policy is to stop.
        """
        if not await self._is_ours():
            return
        decoded = False
        with Attempt() as attempt:
            value = self.stage.value(item.record)
            decoded = True
            await self._once(item.record, value, item.unit, 1)
        ended = True
        if attempt.error is not None:
            settle = self._settle if decoded else self._undecoded
            ended = await settle(item.record, item.unit, attempt.error)
        if ended:
            item.unit.handled(records=1, size=item.size, next_offset=item.next_offset)
            self.stage.outbox.kick()
