"""The worker that hands lists of records of one partition to the handler."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from streamlet_sdk.errors import UnknownSchemaError
from streamlet_sdk.handlers import Batches
from streamlet_sdk.records import Emission, Failure
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.emitting import Gathered
from streamlet_sdk.runtime.work import Worker

if TYPE_CHECKING:
    from streamlet_sdk.runtime.offsets import Ledger, Unit
    from streamlet_sdk.runtime.transport import Claim, RawRecord
    from streamlet_sdk.runtime.work import Stage


class Collected(NamedTuple):
    """Records that are handled together, their bytes, and where the partition goes on."""

    records: list[RawRecord]
    size: int
    next_offset: int


class Good(NamedTuple):
    """Records that decode, and their values in the same order."""

    records: list[RawRecord]
    values: list[Any]


Failures: TypeAlias = "list[tuple[RawRecord, Exception]]"


class BatchingWorker(Worker):
    """Collects records for `max_wait`, or until there are `max_records`, and handles them.

    With concurrency above 1, lists of one partition run side by side.
    """

    def __init__(self, stage: Stage, claim: Claim, ledger: Ledger) -> None:
        """Work on `claim`."""
        super().__init__(stage, claim, ledger)
        role = stage.handler.role
        assert isinstance(role, Batches)
        self._role = role
        self._taken = 0
        self._most = role.concurrency or 1
        self._running: set[asyncio.Task[None]] = set()

    async def _run(self) -> None:
        try:
            while (collected := await self._collect()) is not None:
                # Opened here, so that units follow the order of delivery whatever runs first.
                first = collected.records[0].timestamp if collected.records else -1
                unit = self.ledger.begin(first)
                unit.sources = collected.records
                await self.stage.outbox.room()
                while len(self._running) >= self._most:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                if self.closing:
                    break
                task = asyncio.get_running_loop().create_task(self._batch(collected, unit))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            if self._running:
                await asyncio.wait(self._running)
        finally:
            for task in self._running:
                task.cancel()

    @property
    def idle(self) -> bool:
        """Whether everything offered is done."""
        return not self._running and super().idle

    async def _collect(self) -> Collected | None:
        """The next list; None when the worker closes."""
        if await self._next() is None:
            return None
        until = asyncio.get_running_loop().time() + self._role.max_wait.total_seconds()
        while self._available() < self._role.max_records and not self.closing:
            self._offered.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._offered.wait()
            except TimeoutError:
                break
        return None if self.closing else self._take()

    def _available(self) -> int:
        return sum(len(chunk.records) for chunk in self._chunks) - self._taken

    def _take(self) -> Collected:
        """Up to `max_records` from the head of what was offered."""
        records: list[RawRecord] = []
        size = 0
        next_offset = 0
        while self._chunks and len(records) < self._role.max_records:
            chunk = self._chunks[0]
            total = len(chunk.records)
            stop = min(total, self._taken + self._role.max_records - len(records))
            records.extend(chunk.records[self._taken : stop])
            if total:
                size += chunk.size * stop // total - chunk.size * self._taken // total
            if stop == total:
                self._chunks.popleft()
                self._taken, next_offset = 0, chunk.next_offset
            else:
                self._taken, next_offset = stop, records[-1].offset + 1
        if not self._chunks:
            self._offered.clear()
        return Collected(records, size, next_offset)

    async def _batch(self, collected: Collected, unit: Unit) -> None:
        ended = False
        with Attempt() as attempt:
            ended = await self._is_ours() and await self._handle(collected.records, unit)
        if attempt.error is not None:
            self.stage.failed(attempt.error)
        elif ended:
            unit.handled(
                records=len(collected.records),
                size=collected.size,
                next_offset=collected.next_offset,
            )
            self.stage.outbox.kick()

    async def _handle(self, records: list[RawRecord], unit: Unit) -> bool:
        """Bring every record of a list to its end; false when the worker closed before that."""
        good, bad = await self._readable(records)
        for record, error in bad:
            if not await self._undecoded(record, unit, error):
                return False
        if not good.records:
            return True
        attempt = 1
        while True:
            failures: Failures = []
            with Attempt() as tried:
                failures = await self._try(good, unit, attempt)
            if tried.error is None:
                return await self._settle_all(failures, unit, attempt)
            if not self.stage.policy.retries(tried.error, attempt):
                return await self._one_by_one(good, unit, tried.error, attempt)
            delay = self.stage.policy.delivery.retry.wait(attempt, self.stage.chance())
            if await self._closes_within(delay.total_seconds()):
                return False
            self.stage.counters.retried += 1
            attempt += 1

    async def _readable(self, records: list[RawRecord]) -> tuple[Good, Failures]:
        """As `_decoded`, after waiting once for each schema that is not known yet."""
        good, bad = self._decoded(records)
        missing = {e.fingerprint for _, e in bad if isinstance(e, UnknownSchemaError)}
        came = False
        for fingerprint in missing:
            came |= await self._unless_closed(self.stage.schema_known(fingerprint))
        return self._decoded(records) if came else (good, bad)

    def _decoded(self, records: list[RawRecord]) -> tuple[Good, Failures]:
        """The records that decode, with their values, and those that do not, with the reason."""
        stage = self.stage
        decode = stage.decode
        with Attempt():
            values = [
                decode(record.value) if record.value is not None else stage.value(record)
                for record in records
            ]
            return Good(records, values), []
        good = Good([], [])
        bad: list[tuple[RawRecord, Exception]] = []
        for record in records:
            with Attempt() as attempt:
                good.values.append(stage.value(record))
                good.records.append(record)
            if attempt.error is not None:
                bad.append((record, attempt.error))
        return good, bad

    async def _try(self, good: Good, unit: Unit, attempt: int) -> Failures:
        """One call of the handler; the records that it says have failed."""
        shown = None
        if self.stage.handler.wants_record:
            pairs = zip(good.records, good.values, strict=True)
            shown = [self._record(record, value, attempt) for record, value in pairs]
        steps = await self._call(list(good.values), shown)
        emissions = [step for step in steps if isinstance(step, Emission)]
        failures: list[Failure] = []
        if len(emissions) < len(steps):
            failures = [step for step in steps if isinstance(step, Failure)]
        by_offset: dict[int, RawRecord] = {}
        if failures or shown is not None:
            by_offset = {record.offset: record for record in good.records}
        failed = [(by_offset.pop(failure.offset), failure.error) for failure in failures]
        gathered = Gathered(self.stage.writers)
        gathered.add_caused(emissions, by_offset, good.records[-1].timestamp)
        if await self._is_ours():
            gathered.put(unit)
        return failed

    async def _one_by_one(self, good: Good, unit: Unit, error: Exception, attempt: int) -> bool:
        """The list failed every try: only those records that fail alone are given up."""
        if len(good.records) == 1:
            return await self._settle(good.records[0], unit, error, attempt)
        for record, value in zip(good.records, good.values, strict=True):
            if self.closing:
                return False
            self.stage.counters.retried += 1
            with Attempt() as alone:
                await self._once(record, value, unit, attempt + 1)
            if alone.error is not None:
                self._give_up(record, unit, alone.error, attempt + 1)
        return True

    async def _settle_all(self, failures: Failures, unit: Unit, attempt: int) -> bool:
        for record, error in failures:
            if not await self._settle(record, unit, error, attempt):
                return False
        return True
