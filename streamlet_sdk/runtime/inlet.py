"""One inlet at work: consume, hand to workers, commit what is done.

The order is the guarantee: records are handled, every emission is acknowledged, only then is the
low-water mark committed. A claim that goes elsewhere is drained first, under one deadline.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from streamlet_sdk.errors import FencedError, TransportError, UnavailableError
from streamlet_sdk.handlers import Batches, Each
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.batching import BatchingWorker
from streamlet_sdk.runtime.committing import COMMIT_SECONDS, Committer
from streamlet_sdk.runtime.offsets import Ledger
from streamlet_sdk.runtime.parallel import ParallelWorker
from streamlet_sdk.runtime.sequential import SequentialWorker
from streamlet_sdk.runtime.transactions import Cycle

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from streamlet_sdk.runtime.inlet_plan import InletPlan
    from streamlet_sdk.runtime.transport import Chunk, Claim, Consumer, Transport
    from streamlet_sdk.runtime.work import Worker

logger = logging.getLogger(__name__)

# Short enough that a claim with new credit is not kept waiting behind a quiet one.
POLL_SECONDS = 0.05
CHECK_SECONDS = 1.0
OPEN_AGAIN_SECONDS = 1.0


@dataclass(slots=True)
class Open:
    """A claim at work."""

    worker: Worker
    cycle: Cycle | None = None
    at_most_once: bool = False


class InletRunner:
    """Runs one inlet; the listener of its consumer."""

    def __init__(self, plan: InletPlan, transport: Transport) -> None:
        """Read nothing before `start`."""
        self.plan = plan
        self.name = plan.name
        self.counters = plan.stage.counters
        self._transport = transport
        self._consumer: Consumer = transport.consumer(plan.spec)
        self._opening: dict[Claim, asyncio.Task[None]] = {}
        self._open: dict[Claim, Open] = {}
        self._credit = asyncio.Event()
        self._committer = Committer(
            self._consumer, plan.stage, self._ledgers, confirmed=self._credit.set
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._leaving: set[Claim] = set()
        # Those that the user's hooks know of.
        self._announced: set[Claim] = set()
        self._is_stopping = False
        self.has_joined = False
        # Whether records are read that no worker has yet.
        self._in_hand = False
        # Since when partitions are given back and not assigned anew.
        self._given_back_at: float | None = None
        # Claims come in tasks of other members of the group; ours belong to this replica.
        self._context = contextvars.copy_context()

    async def start(self) -> None:
        """Join the group and begin to read."""
        await self._consumer.start(self)
        committing = self._committer.run(self.plan.settings.commit_interval)
        spawn = asyncio.get_running_loop().create_task
        self._tasks = [spawn(self._guard(self._pump())), spawn(self._guard(committing))]

    async def stop(self, deadline: float, *, leave: bool) -> None:
        """Drain: stop polling, finish, flush, commit, leave; all before `deadline`."""
        await self._end_reading(deadline)
        try:
            await self._consumer.close(leave=leave, deadline=deadline)
        finally:
            opening = list(self._opening.values())
            for task in opening:
                task.cancel()
            await asyncio.gather(*opening, return_exceptions=True)
            for claim in list(self._open):
                await self._abandon(claim)

    @property
    def claims(self) -> Sequence[Claim]:
        """The claims that are being read."""
        return list(self._open)

    @property
    def settled(self) -> bool:
        """Whether nothing that was read is unfinished, and no claim is about to open."""
        return not (self._opening or self._in_hand) and all(
            opened.worker.idle and (opened.cycle is None or opened.cycle.idle)
            for opened in self._open.values()
        )

    async def ends(self) -> Mapping[Claim, int]:
        """Where the partitions end that are being read here."""
        return await self._consumer.ends(self.claims)

    def position(self, claim: Claim) -> int:
        """The next offset that will be read."""
        return self._consumer.position(claim)

    def worker(self, claim: Claim) -> Worker:
        """Who works on a claim that is being read."""
        return self._open[claim].worker

    def has_room(self, claim: Claim) -> bool:
        """Whether a claim may take more records now."""
        return claim in self._credits()

    # Listener

    def assigned(self, claims: Sequence[Claim]) -> None:
        """Open claims, each in a task of its own."""
        self.has_joined = True
        for claim in claims:
            self._begin_opening(claim)
        if self._given_back_at is not None:
            self.counters.rebalances += 1
            self.counters.rebalance_seconds += self._loop_time() - self._given_back_at
            self._given_back_at = None

    async def revoked(self, claims: Sequence[Claim], deadline: float) -> None:
        """The barrier: drain the workers, wait for acknowledgements, commit, let go."""
        self._given_back_at = self._loop_time()
        # While the barrier runs the claims are alive, but none of them may be opened again.
        self._leaving.update(claims)
        await asyncio.gather(*self._end_opening(claims), return_exceptions=True)
        # Some of the budget is kept for letting go: what misses the deadline stays open for ever.
        now = self._loop_time()
        until = now + (deadline - now) * 0.8
        mine = [claim for claim in claims if claim in self._open]
        await asyncio.gather(*(self._finish(self._open[claim], until) for claim in mine))
        await self._committer.commit(mine, now + (deadline - now) * 0.9)
        await self._let_go(claims)
        self._leaving.difference_update(claims)

    def lost(self, claims: Sequence[Claim]) -> None:
        """Someone else reads them already: drop everything."""
        self._given_back_at = self._loop_time()
        dropping = self._spawn(self._guard(self._let_go(claims, self._end_opening(claims))))
        for claim in claims:
            self._opening[claim] = dropping
            dropping.add_done_callback(partial(self._opened, claim))

    # Claims

    @staticmethod
    def _loop_time() -> float:
        return asyncio.get_running_loop().time()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        return loop.create_task(work, context=self._context.copy())

    def _begin_opening(self, claim: Claim) -> None:
        task = self._spawn(self._guard(self._open_claim(claim)))
        self._opening[claim] = task
        task.add_done_callback(partial(self._opened, claim))

    def _end_opening(self, claims: Sequence[Claim]) -> Sequence[asyncio.Task[None]]:
        opening = [self._opening[claim] for claim in claims if claim in self._opening]
        for task in opening:
            task.cancel()
        return opening

    def _opened(self, claim: Claim, task: asyncio.Task[None]) -> None:
        if self._opening.get(claim) is task:
            del self._opening[claim]

    async def _open_claim(self, claim: Claim) -> None:
        if claim not in self._announced:
            await self._gone_before(claim)
            await self.plan.assigned(self.plan.name, [claim.partition])
            self._announced.add(claim)
        # The lane of a dead claim would fence whoever has the partition now.
        while claim.alive:
            try:
                await self._begin(claim)
                return
            except UnavailableError as error:
                logger.warning("Partition %s is not open yet: %s", claim.partition, error)
                await asyncio.sleep(OPEN_AGAIN_SECONDS)

    async def _gone_before(self, claim: Claim) -> None:
        """Wait until an earlier claim to the same partition was let go."""
        before = [
            task
            for other, task in self._opening.items()
            if other is not claim and other.partition == claim.partition
        ]
        await asyncio.gather(*before, return_exceptions=True)

    async def _begin(self, claim: Claim) -> None:
        plan = self.plan
        lane = None
        lane_name = f"{plan.spec.group}.{claim.topic}.{claim.partition}"
        async with AsyncExitStack() as unused:
            if plan.guarantee == "exactly-once":
                # It comes first: it fences the earlier owner, so the offset read next is final.
                lane = await self._transport.lane(lane_name, plan.lane)
                now = asyncio.get_running_loop().time()
                unused.push_async_callback(lane.close, flush=False, deadline=now + COMMIT_SECONDS)
            try:
                position = await self._consumer.open(claim, plan.start)
            except FencedError:
                if claim.alive:
                    raise
                return
            unused.pop_all()
        worker = self._worker(claim, position)
        opened = Open(worker, at_most_once=plan.guarantee == "at-most-once")
        if lane is not None:
            fresh = partial(self._transport.lane, lane_name, plan.lane)
            opened.cycle = Cycle(lane, self._consumer, worker, fresh=fresh)
            opened.cycle.start(self._reopen)
        self._open[claim] = opened
        worker.start()
        self._credit.set()

    def _worker(self, claim: Claim, position: int) -> Worker:
        stage = self.plan.stage
        kind: type[SequentialWorker | ParallelWorker | BatchingWorker] = SequentialWorker
        role = stage.handler.role
        if isinstance(role, Batches):
            kind = BatchingWorker
        elif isinstance(role, Each) and role.ordered_by != "partition" and role.concurrency != 1:
            kind = ParallelWorker
        ledger = Ledger(
            position,
            hold=self.plan.guarantee == "exactly-once",
            at_most_once=claim if self.plan.guarantee == "at-most-once" else None,
        )
        worker = kind(stage, claim, ledger)
        worker.progressed = self._progressed
        return worker

    async def _reopen(self, claim: Claim) -> None:
        """A transaction's end is unknown: forget the claim's state and read its offset again."""
        await self._abandon(claim)
        if claim.alive and claim not in self._leaving:
            self._begin_opening(claim)

    async def _abandon(self, claim: Claim) -> None:
        opened = self._open.pop(claim, None)
        if opened is None:
            return
        await opened.worker.cancel()
        if opened.cycle is not None:
            await opened.cycle.stop()

    async def _finish(self, opened: Open, until: float) -> None:
        """Let a claim's work end, and its emissions be acknowledged or its transaction commit."""
        await opened.worker.drain(until)
        try:
            async with asyncio.timeout_at(until):
                if opened.cycle is not None:
                    await opened.cycle.flush()
                else:
                    await opened.worker.acknowledged()
        except (TimeoutError, TransportError) as error:
            logger.warning("Not everything was committed; it will be read again: %r", error)

    async def _let_go(
        self, claims: Sequence[Claim], opening: Sequence[asyncio.Task[None]] = ()
    ) -> None:
        await asyncio.gather(*opening, return_exceptions=True)
        for claim in claims:
            await self._abandon(claim)
        known = [claim.partition for claim in claims if claim in self._announced]
        self._announced.difference_update(claims)
        if known:
            with Attempt() as hook:
                await self.plan.revoked(self.name, known)
            if hook.error is not None:
                self.plan.stage.failed(hook.error)

    # Reading

    async def _end_reading(self, deadline: float) -> None:
        """Read no more; what was committed before it was handled, nobody else will read."""
        self._is_stopping = True
        self._credit.set()
        if self._tasks:
            # The pump hands that over; the rest of the time is for those who work on it.
            half = (deadline - self._loop_time()) / 2
            await asyncio.wait(self._tasks[:1], timeout=max(half, 0))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pump(self) -> None:
        while not self._is_stopping:
            credit = self._credits()
            if not credit:
                self._credit.clear()
                self._committer.soon()
                await self._more_credit()
                continue
            chunks = await self._consumer.poll(credit, POLL_SECONDS)
            self._in_hand = True
            for chunk in chunks:
                opened = self._open.get(chunk.claim)
                if opened is None:
                    continue
                if opened.at_most_once and not await self._commit_first(chunk.claim, chunk):
                    continue
                opened.worker.offer(chunk)
            self._in_hand = False

    async def _more_credit(self) -> None:
        """Wait for claims or credit; a replica that has none still hears what its group refuses."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._credit.wait()
        except TimeoutError:
            await self._consumer.poll({}, 0.0)

    def _credits(self) -> dict[Claim, int]:
        """How many records each claim may still take; a claim that is full is left out."""
        settings = self.plan.settings
        # Claims that are about to open have their share from the first.
        claims = max(1, len(self._open) + len(self._opening))
        records = max(1, settings.window_records // claims)
        size = max(1, settings.window_bytes // claims)
        credit = {}
        for claim, opened in self._open.items():
            ledger = opened.worker.ledger
            room = records - ledger.windowed
            if room > 0 and ledger.outstanding_size < size and not opened.worker.leaving:
                credit[claim] = room
        return credit

    def _progressed(self, worker: Worker) -> None:
        """Something became done: commit early when the window is half full."""
        self._credit.set()
        opened = self._open.get(worker.claim)
        window = self.plan.settings.window_records
        is_pressing = worker.ledger.windowed * 2 * len(self._open) > window
        if opened is not None and opened.cycle is not None:
            opened.cycle.wake(is_pressing=is_pressing)
            return
        if self.plan.spec.group is None or self.plan.guarantee == "at-most-once":
            # Nothing is to be committed, or it was before: done is done.
            worker.ledger.commit(worker.ledger.low_water)
        elif is_pressing:
            self._committer.soon()

    # Committing

    def _ledgers(self) -> Mapping[Claim, Ledger]:
        """What offsets are committed of, outside of transactions."""
        if self.plan.spec.group is None:
            return {}
        return {
            claim: opened.worker.ledger
            for claim, opened in self._open.items()
            if opened.cycle is None
        }

    async def _commit_first(self, claim: Claim, chunk: Chunk) -> bool:
        """At most once: commit before anything is handled, repeated until it is confirmed.

        Returns:
            Whether it is; if not, the claim goes elsewhere and its next owner reads the records.
        """
        while (opened := self._open.get(claim)) is not None:
            if opened.worker.leaving or self._is_stopping:
                break
            with opened.worker.expected:
                if await self._committer.ahead(claim, chunk.next_offset):
                    opened.worker.ledger.committed = chunk.next_offset
                    return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Let an error of a task end the streamlet, instead of vanishing with the task."""
        with Attempt() as attempt:
            await work
        if attempt.error is not None:
            self.plan.stage.failed(attempt.error)
