"""The default worker: one record after the other, in the order of the partition."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from streamlet_sdk.records import Emission
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.counters import HANDLING
from streamlet_sdk.runtime.emitting import Gathered
from streamlet_sdk.runtime.work import Worker

if TYPE_CHECKING:
    from streamlet_sdk.runtime.offsets import Unit
    from streamlet_sdk.runtime.transport import Chunk

# A sync handler's loop gives way to the event loop about this often.
SLICE_SECONDS = 0.01
QUICK_SECONDS = HANDLING[0]


class Stop(NamedTuple):
    """Where a slice stopped: `at` is the first record that it did not finish.

    With an `error` that record failed; `decoded` tells whether before or in the handler.
    `gathered` is what the others emit.
    """

    at: int
    gathered: Gathered
    error: Exception | None = None
    decoded: bool = True


class SequentialWorker(Worker):
    """Handles records one at a time and holds up its own partition only."""

    _turn_at = 0.0

    async def _work(self, chunk: Chunk) -> None:
        """Handle a chunk in slices of time; one unit of the ledger for each."""
        start, total = 0, len(chunk.records)
        while start < total and not self.closing and await self._is_ours():
            await self.stage.outbox.room()
            unit = self.ledger.begin(chunk.records[start].timestamp)
            stop = await self._slice(chunk, start, unit)
            is_fresh = stop.at == start
            start = stop.at
            self.stage.outbox.kick()
            if stop.error is not None:
                if not await self._ended(chunk, unit if is_fresh else None, stop):
                    return
                start += 1
            await self._give_way()
        if start == total:
            if not total:
                self.ledger.skip_to(chunk.next_offset)
            self._chunks.popleft()

    async def _slice(self, chunk: Chunk, start: int, unit: Unit) -> Stop:
        """Handle some records, and put what came of those that did not fail."""
        handler = self.stage.handler
        if handler.is_async or handler.in_thread:
            stop = await self._awaited(chunk, start)
        else:
            stop = self._tight(chunk, start)
        if await self._is_ours():
            stop.gathered.put(unit)
        if stop.at > start:
            self._done(unit, chunk, start, stop.at)
        return stop

    async def _give_way(self) -> None:
        """Let the event loop turn, if the last time is a slice ago."""
        now = perf_counter()
        if now > self._turn_at:
            await asyncio.sleep(0)
            self._turn_at = perf_counter() + SLICE_SECONDS

    async def _ended(self, chunk: Chunk, fresh: Unit | None, stop: Stop) -> bool:
        """Bring the record that failed to its end, in a unit of its own."""
        assert stop.error is not None
        record = chunk.records[stop.at]
        unit = fresh or self.ledger.begin(record.timestamp)
        if stop.decoded:
            ended = await self._settle(record, unit, stop.error)
        else:
            ended = await self._undecoded(record, unit, stop.error)
        if ended:
            self._done(unit, chunk, stop.at, stop.at + 1)
        return ended

    def _done(self, unit: Unit, chunk: Chunk, start: int, stop: int) -> None:
        """Records [start, stop) of `chunk` are handled; the last one takes the gap behind it."""
        total = len(chunk.records)
        unit.handled(
            records=stop - start,
            size=chunk.size * stop // total - chunk.size * start // total,
            next_offset=(
                chunk.next_offset if stop == total else chunk.records[stop - 1].offset + 1
            ),
        )

    def _tight(self, chunk: Chunk, start: int) -> Stop:
        """Handle records in one loop without awaiting, for one slice of time."""
        stage, handler = self.stage, self.stage.handler
        call, wants_record, decode = handler.call, handler.wants_record, stage.decode
        gathered = Gathered(stage.writers)
        add = gathered.add
        began = then = now = perf_counter()
        slow: list[float] = []
        index, decoded = start, False
        with Attempt() as attempt:
            for index in range(start, len(chunk.records)):
                record = chunk.records[index]
                decoded = False
                data = record.value
                value = decode(data) if data is not None else stage.value(record)
                decoded = True
                outcome = call(value, self._record(record, value)) if wants_record else call(value)
                if type(outcome) is Emission:
                    add(outcome, record)
                elif outcome is not None:
                    self._gather(handler.steps(outcome), record, gathered)
                now = perf_counter()
                if now - then > QUICK_SECONDS:
                    slow.append(now - then)
                if now > began + SLICE_SECONDS:
                    break
                then = now
        handled = index - start + (attempt.error is None)
        stage.counters.handling.add_mostly_quick(handled, now - began, slow)
        if attempt.error is not None and decoded:
            stage.counters.handling.add(perf_counter() - then)
        if attempt.error is None:
            return Stop(index + 1, gathered)
        return Stop(index, gathered, attempt.error, decoded)

    async def _awaited(self, chunk: Chunk, at: int) -> Stop:
        """Handle one record, for handlers that are awaited.

        Its emissions leave before the next record is begun, which may take as long as it likes.
        """
        record = chunk.records[at]
        gathered = Gathered(self.stage.writers)
        decoded = False
        with Attempt() as attempt:
            value = self.stage.value(record)
            decoded = True
            steps = await self._call(value, self._record(record, value))
            self._gather(steps, record, gathered)
        if attempt.error is not None:
            return Stop(at, gathered, attempt.error, decoded)
        return Stop(at + 1, gathered)
