"""The work on one claim: records in, handlers called, emissions put, units done.

`Worker` is what the inlet knows. How records of one claim follow each other is decided by its
kinds: `sequential`, `concurrent` and `batching`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from streamlet_sdk.errors import DecodeError, DeliveryError, UnknownSchemaError
from streamlet_sdk.records import Emission, Record
from streamlet_sdk.runtime.acknowledged import in_transaction
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.emitting import Gathered
from streamlet_sdk.runtime.failures import FailedRecord
from streamlet_sdk.runtime.leaving import Expected, ends_within, holds, unless
from streamlet_sdk.runtime.offsets import Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from concurrent.futures import Executor

    from streamlet_sdk.handlers import Step
    from streamlet_sdk.runtime.counters import InletCounters
    from streamlet_sdk.runtime.emitting import OutletWriter
    from streamlet_sdk.runtime.failures import Policy
    from streamlet_sdk.runtime.handling import Handler
    from streamlet_sdk.runtime.offsets import Ledger
    from streamlet_sdk.runtime.outbox import Entry, Outbox
    from streamlet_sdk.runtime.transport import Chunk, Claim, RawRecord

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Stage:
    """What the workers of one inlet share.

    Attributes:
        undecodable: the user's hook for bytes that do not decode.
        schema_known: waits for a writer's schema; false when it did not come in time.
        slots: bounds handlers that run at once.
        chance: random in [0, 1), for jitter.
        failed: called with what ends the streamlet.
    """

    handler: Handler
    decode: Callable[[bytes], Any]
    undecodable: Callable[[bytes, Exception], Any] | None
    tombstones: bool
    writers: Mapping[str, OutletWriter]
    outbox: Outbox
    policy: Policy
    counters: InletCounters
    schema_known: Callable[[str], Coroutine[Any, Any, bool]]
    slots: asyncio.Semaphore
    threads: Executor
    chance: Callable[[], float]
    failed: Callable[[Exception], None]

    def value(self, record: RawRecord) -> Any:
        """The decoded value of a record.

        Raises:
            DecodeError: when its bytes are not of the inlet's schema.
            UnknownSchemaError: when the writer's schema is not known yet.
        """
        if record.value is None:
            if self.tombstones:
                return None
            raise DecodeError("the record has no value, and the inlet does not take tombstones")
        return self.decode(record.value)

    def came_through(self, unit: Unit) -> None:
        """What `unit` caused can be read: count how long that took."""
        if unit.records and unit.timestamp >= 0:
            age = max(0, self.outbox.now_ms() - unit.timestamp)
            self.counters.latency.add(age / 1000, unit.records)


class Backlog(NamedTuple):
    """How many records are in hand and not done, and the oldest one's timestamp, if known."""

    records: int
    oldest: int | None


class Worker:
    """Base of the workers of one claim; a listener of its ledger."""

    def __init__(self, stage: Stage, claim: Claim, ledger: Ledger) -> None:
        """Work on `claim`; nothing happens before `start`."""
        self.stage = stage
        self.claim = claim
        self.ledger = ledger
        ledger.listener = self
        # The inlet is told of every advance; set before the worker starts.
        self.progressed: Callable[[Worker], None]
        # It takes no more records, and finishes what it has; then it closes.
        self.leaving = False
        self.closing = False
        self._closed = asyncio.Event()
        self._progress = asyncio.Event()
        self.expected = Expected(self._progress)
        self._chunks: deque[Chunk] = deque()
        self._offered = asyncio.Event()
        # The timestamp of the record that was offered last.
        self.latest = -1
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work."""
        in_transaction.set(self.ledger.hold)
        self._task = asyncio.get_running_loop().create_task(self._run())

    def offer(self, chunk: Chunk) -> None:
        """Take records; the ledger counts them from now on."""
        counters = self.stage.counters
        counters.received += len(chunk.records)
        counters.received_bytes += chunk.size
        self.ledger.delivered(len(chunk.records), chunk.size)
        if chunk.records:
            self.latest = chunk.records[-1].timestamp
        self._chunks.append(chunk)
        self._offered.set()

    @property
    def idle(self) -> bool:
        """Whether everything offered is done."""
        return not self._chunks and self.ledger.settled and not self._offered.is_set()

    async def drain(self, deadline: float) -> None:
        """Finish what was begun, drop what was not; cut off at `deadline` (the loop's clock).

        At most once all that was taken is finished: it is committed, and nobody reads it again.
        """
        self.leaving = True
        if not self.ledger.resend:
            await self._emptied(deadline)
        self._close()
        if self._task is None:
            return
        # Not awaited: somebody else may cancel it meanwhile, which must not end the drain.
        left = deadline - asyncio.get_running_loop().time()
        ended, _ = await asyncio.wait((self._task,), timeout=max(left, 0))
        if not ended:
            logger.warning(
                "%s on %s/%s did not finish in time; its records will be read again",
                self.stage.handler.name,
                self.claim.topic,
                self.claim.partition,
            )
            await self.cancel()

    async def cancel(self) -> None:
        """Stop at once; what is not done will be read again."""
        self._close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _emptied(self, deadline: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while self.expected.now or self.ledger.outstanding:
                    self._progress.clear()
                    await self._progress.wait()

    def _close(self) -> None:
        self.leaving = True
        self.closing = True
        self._closed.set()
        self._offered.set()

    def advanced(self) -> None:
        """The ledger's low-water mark moved."""
        self._progress.set()
        self.progressed(self)

    async def acknowledged(self) -> None:
        """Wait until every emission is acknowledged that keeps the low-water mark back."""
        while self.ledger.unacknowledged:
            self._progress.clear()
            await self._progress.wait()

    def finished(self, unit: Unit) -> None:
        """Everything of `unit` is acknowledged; in a transaction it still has to be committed."""
        if not self.ledger.hold:
            self.stage.came_through(unit)

    @property
    def backlog(self) -> Backlog:
        """What was offered and is not done."""
        done = sum(unit.records for unit in self.ledger.done)
        unfinished = (unit.timestamp for unit in self.ledger.in_flight if unit.pending)
        waiting = (chunk.records[0].timestamp for chunk in self._chunks if chunk.records)
        oldest = next((each for each in (*unfinished, *waiting) if each >= 0), None)
        return Backlog(self.ledger.outstanding - done, oldest)

    def rejected(self, unit: Unit, entry: Entry, error: Exception) -> None:
        """The broker refuses an emission: its input has failed."""
        try:
            self.refused(entry, error)
        except DeliveryError as stop:
            self.stage.failed(stop)
            return
        unit.release(1)
        self.stage.outbox.kick()

    def refused(self, entry: Entry, error: Exception) -> None:
        """Apply the policy to the input of an emission that cannot be written.

        Raises:
            DeliveryError: when the policy is to stop, or a dead letter itself is refused.
        """
        unit = entry.owner
        assert isinstance(unit, Unit)
        if entry.dead_letter:
            self._shorten(entry, error)
            return
        for record in unit.sources if entry.source is None else (entry.source,):
            if record.offset not in unit.given_up:
                unit.given_up.add(record.offset)
                self._give_up(record, unit, error, attempts=1)

    def _shorten(self, entry: Entry, error: Exception) -> None:
        dead_letters = self.stage.policy.dead_letters
        if entry.value is None or dead_letters is None:
            raise DeliveryError(f"a dead letter cannot be written: {error}") from error
        dead_letters.put_entry(self.stage.policy.shortened(entry))

    def _give_up(self, record: RawRecord, unit: Unit, error: Exception, attempts: int) -> None:
        failed = FailedRecord(
            record=record,
            topic=self.claim.topic,
            partition=self.claim.partition,
            error=error,
            attempts=attempts,
        )
        self.stage.policy.give_up(failed, unit)

    async def _run(self) -> None:
        with Attempt() as attempt:
            while (chunk := await self._next()) is not None:
                await self._work(chunk)
        if attempt.error is not None:
            self.stage.failed(attempt.error)

    async def _next(self) -> Chunk | None:
        while not self._chunks and not self.closing:
            self._offered.clear()
            await self._offered.wait()
        return None if self.closing else self._chunks[0]

    async def _work(self, chunk: Chunk) -> None:
        raise NotImplementedError

    def _record(self, record: RawRecord, value: Any, attempt: int = 1) -> Record[Any]:
        return Record(
            value,
            record.key,
            record.headers,
            record.timestamp,
            self.claim.topic,
            self.claim.partition,
            record.offset,
            attempt,
        )

    async def _call(self, values: Any, records: Any) -> Sequence[Step]:
        """Call the handler, in a thread if it asks for one, within the inlet's concurrency."""
        handler = self.stage.handler
        arguments = (values, records) if handler.wants_record else (values,)
        async with self.stage.slots:
            began = perf_counter()
            try:
                if not handler.in_thread:
                    return await handler.async_steps(handler.call(*arguments))
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(
                    self.stage.threads, lambda: handler.steps(handler.call(*arguments))
                )
            finally:
                self.stage.counters.handling.add(perf_counter() - began)

    async def _once(self, record: RawRecord, value: Any, unit: Unit, attempt: int) -> None:
        """One try of one record, by either kind of handler; emits all or nothing."""
        shown = self._record(record, value, attempt)
        if self.stage.handler.one_by_one:
            steps = await self._call(value, shown)
        else:
            steps = await self._call([value], [shown])
        gathered = Gathered(self.stage.writers)
        self._gather(steps, record, gathered)
        if await self._is_ours():
            gathered.put(unit)

    def _gather(self, steps: Sequence[Step], record: RawRecord, gathered: Gathered) -> None:
        """Keep the emissions that one record caused.

        Raises:
            EncodeError: when one does not fit; none was kept then.
            Exception: the error of a failure among the steps.
        """
        emissions = []
        for step in steps:
            if not isinstance(step, Emission):
                raise step.error
            emissions.append(step)
        gathered.add_all(emissions, [record] * len(emissions))

    async def _settle(
        self, record: RawRecord, unit: Unit, error: Exception, attempt: int = 1
    ) -> bool:
        """Bring a record whose try number `attempt` failed to an end.

        Returns:
            Whether it came to one: emitted, dead-lettered or skipped. A worker that closes
            leaves the record as it is, to be read again.

        Raises:
            DeliveryError: when the policy is to stop.
        """
        stage = self.stage
        while stage.policy.retries(error, attempt):
            delay = stage.policy.delivery.retry.wait(attempt, stage.chance())
            if await self._closes_within(delay.total_seconds()):
                return False
            stage.counters.retried += 1
            attempt += 1
            with Attempt() as again:
                await self._once(record, stage.value(record), unit, attempt)
            if again.error is None:
                break
            error = again.error
        else:
            self._give_up(record, unit, error, attempt)
        stage.outbox.kick()
        return True

    async def _undecoded(self, record: RawRecord, unit: Unit, error: Exception) -> bool:
        """Bring a record that does not decode to an end: wait for its schema, repair, give up."""
        value = None
        with Attempt() as repair:
            value = await self._repaired(record, error)
        if self.closing and isinstance(repair.error, UnknownSchemaError):
            return False
        if repair.error is not None or (value is None and record.value is not None):
            self._give_up(record, unit, repair.error or error, 1)
            self.stage.outbox.kick()
            return not self.closing
        with Attempt() as attempt:
            await self._once(record, value, unit, 1)
        if attempt.error is not None:
            return await self._settle(record, unit, attempt.error, 1)
        self.stage.outbox.kick()
        return True

    async def _repaired(self, record: RawRecord, error: Exception) -> Any:
        stage = self.stage
        if isinstance(error, UnknownSchemaError):
            logger.warning(
                "%s/%s@%s waits for the schema %s of its writer",
                self.claim.topic,
                self.claim.partition,
                record.offset,
                error.fingerprint,
            )
            if await self._unless_closed(stage.schema_known(error.fingerprint)):
                return stage.value(record)
            if self.closing:
                raise error
        if stage.undecodable is not None and record.value is not None:
            return stage.undecodable(record.value, error)
        raise error

    async def _is_ours(self) -> bool:
        """Whether what is done now counts; waits while that is not known, until the worker closes.

        At most once a later owner begins behind the records that are in hand here. What came of
        them after he has begun would be out of order; else he writes it himself, or fences.
        """
        return self.ledger.resend or await holds(self.claim.lease, self._closed)

    async def _unless_closed(self, waiting: Coroutine[Any, Any, bool]) -> bool:
        return await unless(self._closed, waiting)

    async def _closes_within(self, seconds: float) -> bool:
        return await ends_within(self._closed, seconds)
