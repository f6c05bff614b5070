"""Exactly once: the outputs of one claim and its offset, committed together.

A transaction is opened only when a contiguous run of units is ready, so that it is short and
does not hold up readers. Dead letters are part of it.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from streamlet_sdk.errors import DeniedError, RejectedError, TransportError
from streamlet_sdk.runtime.attempts import Attempt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streamlet_sdk.runtime.outbox import Destination, Entry
    from streamlet_sdk.runtime.transport import Batch, Claim, Consumer, Lane
    from streamlet_sdk.runtime.work import Worker

logger = logging.getLogger(__name__)

# A transaction costs some 40 ms on Kafka whatever its size; this is the latency we trade for it.
CYCLE_SECONDS = 0.1
DEADLINE_SECONDS = 10.0
REOPEN_SECONDS = 0.5


class Refused(NamedTuple):
    """Entries of one batch that the broker refused, and why."""

    entries: Sequence[Entry]
    error: RejectedError


class Cycle:
    """Commits the done units of one claim, transaction by transaction."""

    def __init__(
        self,
        lane: Lane,
        consumer: Consumer,
        worker: Worker,
        *,
        fresh: Callable[[], Awaitable[Lane]],
    ) -> None:
        """Write through `lane`; `fresh` takes another one of the same name."""
        self._fresh = fresh
        self._consumer = consumer
        self._worker = worker
        self._lane = lane
        self._wake = asyncio.Event()
        self._pressed = asyncio.Event()
        self._lock = asyncio.Lock()
        self._broken = False
        self._task: asyncio.Task[None] | None = None

    def start(self, reopen: Callable[[Claim], Awaitable[None]]) -> None:
        """Begin; `reopen` is called when the claim must be read from its committed offset again."""
        self._task = asyncio.get_running_loop().create_task(self._run(reopen))

    @property
    def idle(self) -> bool:
        """Whether everything done is committed."""
        return not self._worker.ledger.done

    def wake(self, *, is_pressing: bool) -> None:
        """Units became done; pressing ones do not wait for the cycle's time, which costs speed."""
        self._wake.set()
        if is_pressing:
            self._pressed.set()

    async def flush(self) -> None:
        """Commit what is done now; bound it with a deadline.

        After a failure, or a cancellation, nothing more is committed by this cycle: its lane is
        in an unknown state, and what it had done will be read again.

        Raises:
            TransportError: when the transaction failed.
        """
        async with self._lock:
            if self._broken or not self._worker.ledger.done:
                return
            self._broken = True
            await self._transact()
            self._broken = False

    async def stop(self) -> None:
        """Stop without committing; the next lane of this name aborts what is open."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._lane.close(flush=False, deadline=self._deadline())

    async def _run(self, reopen: Callable[[Claim], Awaitable[None]]) -> None:
        error: TransportError | None = None
        with Attempt() as attempt:
            while error is None:
                await self._wake.wait()
                self._wake.clear()
                self._pressed.clear()
                try:
                    await self.flush()
                except TransportError as failed:
                    error = failed
                    # Left open it would hide what others write from readers.
                    await self._lane.close(flush=False, deadline=self._deadline())
                    await asyncio.sleep(REOPEN_SECONDS)
                else:
                    await self._pause()
        failure = error if isinstance(error, DeniedError) else attempt.error
        if failure is not None:
            # Repeating what is not allowed cannot help.
            self._worker.stage.failed(failure)
        elif error is not None:
            claim = self._worker.claim
            logger.warning("A transaction of %s/%s ended: %s", claim.topic, claim.partition, error)
            await reopen(self._worker.claim)

    async def _pause(self) -> None:
        """Let more become done for the next transaction, unless that would hold up reading."""
        try:
            async with asyncio.timeout(CYCLE_SECONDS):
                await self._pressed.wait()
        except TimeoutError:
            return

    async def _transact(self) -> None:
        """One transaction, with everything that is done; tried until no output is rejected."""
        ledger = self._worker.ledger
        units = list(ledger.done)
        ledger.in_transaction = sum(unit.records for unit in units)
        self._worker.progressed(self._worker)
        # How many entries a batch may have, by the entry that it begins with.
        most: dict[int, int] = {}
        while True:
            await self._lane.begin()
            refused = await self._write([item for u in units for item in u.held or ()], most)
            if refused is None:
                break
            await self._lane.abort(self._deadline())
            await self._lane.close(flush=False, deadline=self._deadline())
            self._lane = await self._fresh()
            if len(refused.entries) == 1:
                self._replace(refused.entries[0], refused.error)
            else:
                # The culprit is found by halving, and all others go on in large batches.
                half = len(refused.entries) // 2
                most |= dict.fromkeys(map(id, refused.entries), half)
        offset = units[-1].next_offset
        await self._lane.commit({self._worker.claim: offset}, self._consumer, self._deadline())
        self._worker.stage.counters.commits += 1
        for unit in units:
            for destination, entry in unit.held or ():
                destination.counters.acknowledged(1, len(entry.value or b""))
            self._worker.stage.came_through(unit)
        ledger.in_transaction = 0
        ledger.commit(offset)
        self._worker.progressed(self._worker)

    async def _write(
        self, items: Sequence[tuple[Destination, Entry]], most: Mapping[int, int]
    ) -> Refused | None:
        """Write entries; those of a batch that was refused, if one was.

        Raises:
            TransportError: for any other failure.
        """
        batches: list[Sequence[Entry]] = []
        answers: list[asyncio.Future[int]] = []
        for destination, entries in _grouped(items):
            rest = entries
            while rest:
                batch = self._lane.batch(destination.topic, destination.partition)
                try:
                    taken = _fill(batch, _together(rest, most))
                except RejectedError as error:
                    return Refused(rest[:1], error)
                answers.append(await self._lane.submit(batch))
                batches.append(rest[:taken])
                rest = rest[taken:]
        results = await asyncio.gather(*answers, return_exceptions=True)
        return _verdict(batches, results)

    def _replace(self, bad: Entry, error: RejectedError) -> None:
        """Put a dead letter in the place of everything that the bad entry's input caused.

        Raises:
            DeliveryError: when the dead letter itself cannot be written, or the policy is to stop.
        """
        unit = bad.owner
        assert unit.held is not None
        if bad.dead_letter:
            unit.held[:] = [item for item in unit.held if item[1] is not bad]
        else:
            unit.held[:] = [
                item for item in unit.held if bad.source is None or item[1].source is not bad.source
            ]
        self._worker.refused(bad, error)

    @staticmethod
    def _deadline() -> float:
        return asyncio.get_running_loop().time() + DEADLINE_SECONDS


def _grouped(
    items: Sequence[tuple[Destination, Entry]],
) -> Sequence[tuple[Destination, list[Entry]]]:
    """Entries by destination, in order within each."""
    found: dict[int, tuple[Destination, list[Entry]]] = {}
    for destination, entry in items:
        found.setdefault(id(destination), (destination, []))[1].append(entry)
    return list(found.values())


def _fill(batch: Batch, entries: Sequence[Entry]) -> int:
    """Append entries until the batch is full; how many.

    Raises:
        RejectedError: when the first one alone is too large.
    """
    taken = 0
    for entry in entries:
        try:
            if not batch.append(entry.key, entry.value, entry.timestamp_ms, entry.headers):
                break
        except RejectedError:
            if taken == 0:
                raise
            break
        taken += 1
    return taken


def _together(entries: Sequence[Entry], most: Mapping[int, int]) -> Sequence[Entry]:
    """Those at the head that may share a batch."""
    if not most:
        return entries
    limit = most.get(id(entries[0]))
    if limit is not None:
        return entries[:limit]
    free = takewhile(lambda entry: id(entry) not in most, entries)
    return list(free)


def _verdict(
    batches: Sequence[Sequence[Entry]], results: Sequence[int | BaseException]
) -> Refused | None:
    """The first batch that was refused; what failed behind it does not count.

    Raises:
        TransportError: when something else than a refusal went wrong.
    """
    for entries, result in zip(batches, results, strict=True):
        if isinstance(result, RejectedError):
            return Refused(entries, result)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return None
