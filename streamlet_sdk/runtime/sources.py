"""Runs the sources of a streamlet: generators of emissions with remembered positions.

What a source has in flight is bounded. A checkpoint is stored only once everything before it is
acknowledged, and the newest stored one is handed back when the source starts again.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from streamlet_sdk.errors import CloudflowError, DeliveryError, FencedError
from streamlet_sdk.records import Checkpoint, Emission
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.runtime.emitting import Gathered
from streamlet_sdk.runtime.offsets import Ledger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from concurrent.futures import Executor

    from streamlet_sdk.delivery import Retry
    from streamlet_sdk.handlers import Source
    from streamlet_sdk.runtime.counters import Counters
    from streamlet_sdk.runtime.emitting import OutletWriter
    from streamlet_sdk.runtime.offsets import Unit
    from streamlet_sdk.runtime.outbox import Entry, Outbox
    from streamlet_sdk.runtime.positions import PositionStore

logger = logging.getLogger(__name__)

State = Literal["running", "waiting", "restarting", "completed"]
# Items that a source's thread may make before the loop has taken them.
THREAD_BUFFER = 256
# What a cancelled task gets to end, however late it is.
LEAST_SECONDS = 0.1


class SourcePlan(NamedTuple):
    """What one source does.

    Attributes:
        generate: the bound generator method.
        store: where its position is kept; None when it has none.
        restart: how the delays between restarts grow.
        failed: called with what ends the streamlet.
    """

    name: str
    role: Source
    generate: Callable[..., Any]
    store: PositionStore | None
    writers: Mapping[str, OutletWriter]
    outbox: Outbox
    counters: Counters
    threads: Executor
    restart: Retry
    chance: Callable[[], float]
    failed: Callable[[Exception], None]


class SourceRunner:
    """Runs one source until it is completed or stopped; the listener of its ledger.

    The ledger's offsets are serial numbers of emissions: its low-water mark is how far
    everything is acknowledged.

    Attributes:
        state: `waiting` between two runs, `restarting` after an error.
        error: what ended a run last.
    """

    def __init__(self, plan: SourcePlan) -> None:
        """Run nothing before `start`."""
        self.plan = plan
        self.state: State = "running"
        self.error: Exception | None = None
        self._ledger = Ledger(0)
        self._ledger.listener = self
        self._serial = 0
        # Positions are kept as they are stored: a user may change the object that was yielded.
        self._checkpoints: deque[tuple[int, bytes]] = deque()
        self._position: bytes | None = None
        self._due: bytes | None = None
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._stored = asyncio.Event()
        self._broken: Exception | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read the stored position and begin."""
        if self.plan.store is not None:
            self._position = await self.plan.store.claim()
        spawn = asyncio.get_running_loop().create_task
        self._tasks = [spawn(self._run()), spawn(self._store_positions())]

    async def stop(self, deadline: float) -> None:
        """End the generator, wait for acknowledgements, store the last checkpoint."""
        if self._tasks:
            await self._cut_off(self._tasks[0], deadline)
        with Attempt() as end:
            async with asyncio.timeout_at(deadline):
                await self._settled()
                while self._due is not None:
                    self._stored.clear()
                    await self._stored.wait()
        if end.error is not None:
            logger.warning(
                "Not all of source %s is acknowledged and stored; it will come again: %r",
                self.plan.name,
                end.error,
            )
        for task in self._tasks:
            await self._cut_off(task, deadline)
        if self.plan.store is not None:
            await self.plan.store.close()

    async def _cut_off(self, task: asyncio.Task[None], deadline: float) -> None:
        """Cancel the generator; one that holds on to its life is left behind at `deadline`."""
        if task.done():
            return
        task.cancel()
        left = deadline - asyncio.get_running_loop().time()
        await asyncio.wait((task,), timeout=max(left, LEAST_SECONDS))
        if not task.done():
            logger.warning("Source %s did not end in time", self.plan.name)

    @property
    def idle(self) -> bool:
        """Whether nothing is to be done before its next run, if there is one."""
        is_between = self.state in {"waiting", "completed"}
        return is_between and self._ledger.settled and self._due is None

    @property
    def completed(self) -> bool:
        """Whether it never runs again and all that it emitted and checkpointed is durable."""
        return self.state == "completed" and self.idle

    # Listener of the ledger

    def advanced(self) -> None:
        """More is acknowledged: checkpoints become due, the generator may go on."""
        self._ledger.commit(self._ledger.low_water)
        while self._checkpoints and self._checkpoints[0][0] <= self._ledger.low_water:
            self._due = self._checkpoints.popleft()[1]
            self._wake.set()
        self._room.set()

    def finished(self, unit: Unit) -> None:
        """An emission is acknowledged."""

    def rejected(self, unit: Unit, entry: Entry, error: Exception) -> None:
        """An emission cannot be written: the run ends, its position stays before it."""
        del entry
        # What an earlier run emitted is made again by this one.
        if unit.ledger is self._ledger:
            self._broken = error
            self._room.set()

    # Running

    async def _run(self) -> None:
        failures = 0
        while self.state != "completed":
            self.state = "running"
            with Attempt() as attempt:
                await self._once()
                await self._settled()
            if attempt.error is None:
                failures = 0
                await self._between_runs()
                continue
            if isinstance(attempt.error, FencedError):
                self.plan.failed(attempt.error)
                return
            failures += 1
            await self._restart(attempt.error, failures)

    async def _between_runs(self) -> None:
        every = self.plan.role.every
        if every is None:
            self.state = "completed"
            logger.info("Source %s is completed", self.plan.name)
            return
        self.state = "waiting"
        await asyncio.sleep(every.total_seconds())

    async def _restart(self, error: Exception, failures: int) -> None:
        """Wait, and forget what is not acknowledged: it will be made again."""
        plan = self.plan
        plan.counters.failed += 1
        self.error = error
        self.state = "restarting"
        delay = plan.restart.wait(failures, plan.chance())
        logger.error(
            "Source %s failed and starts again in %.1f s",
            plan.name,
            delay.total_seconds(),
            exc_info=error,
        )
        with Attempt() as rest:
            await self._settled()
        if rest.error not in (None, error):
            logger.warning("Source %s: not all of it could be written: %s", plan.name, rest.error)
        self._broken = None
        self._ledger = Ledger(self._serial)
        self._ledger.listener = self
        self._checkpoints.clear()
        await asyncio.sleep(delay.total_seconds())

    async def _once(self) -> None:
        """One run of the generator, from the position that was stored or is due last."""
        model = self.plan.role.position
        stored = self._position if self._due is None else self._due
        arguments: tuple[Any, ...] = ()
        if model is not None:
            arguments = (None if stored is None else model.model_validate_json(stored),)
        made = self.plan.generate(*arguments)
        if not isinstance(made, AsyncIterator):
            await _Threaded(iter(made), self._accept, self.plan.threads).run()
            return
        async with contextlib.AsyncExitStack() as stack:
            # Its `finally` belongs to this run, not to whenever the collector finds it.
            if inspect.isasyncgen(made):
                await stack.enter_async_context(contextlib.aclosing(made))
            async for item in made:
                await self._accept(item)

    async def _accept(self, item: object) -> None:
        """Take what the generator yielded; waits while too much is in flight.

        Raises:
            DeliveryError: when it is neither an emission nor a checkpoint.
            EncodeError: when an emission does not fit its outlet.
        """
        if isinstance(item, Checkpoint):
            self._checkpoint(item.position)
            return
        if not isinstance(item, Emission):
            raise DeliveryError(
                f"{self.plan.name} yielded a {type(item).__name__}; yield self.<outlet>(value) "
                "or Checkpoint(position)"
            )
        gathered = Gathered(self.plan.writers)
        gathered.add(item, None)
        unit = self._ledger.begin()
        gathered.put(unit)
        self._serial += 1
        unit.handled(records=0, size=0, next_offset=self._serial)
        self.plan.outbox.kick()
        while len(self._ledger.in_flight) >= self.plan.role.max_in_flight and not self._broken:
            self._room.clear()
            await self._room.wait()
        if self._broken is not None:
            raise self._broken
        await self.plan.outbox.room()

    def _checkpoint(self, position: Any) -> None:
        model = self.plan.role.position
        if model is None:
            raise DeliveryError(
                f"{self.plan.name} yielded a checkpoint but keeps no position; "
                "declare @source(position=…)"
            )
        if not isinstance(position, model):
            raise DeliveryError(
                f"{self.plan.name} yielded a checkpoint of a {type(position).__name__}; "
                f"its position is declared as {model.__name__}"
            )
        stored = position.model_dump_json().encode()
        if self._ledger.settled:
            self._due = stored
            self._wake.set()
        else:
            self._checkpoints.append((self._serial, stored))

    async def _settled(self) -> None:
        """Wait until everything that was emitted is acknowledged."""
        self.plan.outbox.kick()
        while not self._ledger.settled and self._broken is None:
            self._room.clear()
            await self._room.wait()
        if self._broken is not None:
            raise self._broken

    async def _store_positions(self) -> None:
        """Store the newest due checkpoint; older ones that it overtook are not needed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            position, store = self._due, self.plan.store
            if position is None or store is None:
                continue
            try:
                await store.store(position)
            except CloudflowError as error:
                self.plan.failed(error)
                return
            self._position = position
            if self._due is position:
                self._due = None
                self._stored.set()
            else:
                self._wake.set()


class _Threaded:
    """Iterates a sync generator in a thread, so that it may block.

    The thread stays a little ahead of the loop. Nothing can interrupt code that blocks: the
    thread ends with the generator's next item after the run was cancelled.
    """

    def __init__(
        self, items: Iterator[Any], accept: Callable[[Any], Awaitable[None]], threads: Executor
    ) -> None:
        self._items = items
        self._accept = accept
        self._threads = threads
        self._room = threading.Semaphore(THREAD_BUFFER)
        self._stopped = False
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Any] = deque()
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """Accept every item, in order.

        Raises:
            Exception: whatever the generator raises, after its items were accepted.
        """
        thread = self._loop.run_in_executor(self._threads, self._iterate)
        thread.add_done_callback(self._ended)
        try:
            while not (thread.done() and not self._queue):
                self._arrived.clear()
                while self._queue:
                    await self._accept(self._queue.popleft())
                    self._room.release()
                if not thread.done():
                    await self._arrived.wait()
            await thread
        finally:
            self._stopped = True
            self._room.release()

    def _ended(self, thread: asyncio.Future[None]) -> None:
        # Of a run that was cut off nobody asks any more how its thread ended.
        if not thread.cancelled():
            thread.exception()
        self._arrived.set()

    def _iterate(self) -> None:
        try:
            for item in self._items:
                self._room.acquire()
                if self._stopped:
                    break
                # The generator goes on before the loop looks at it, and may change its cursor.
                self._queue.append(copy.deepcopy(item) if isinstance(item, Checkpoint) else item)
                self._loop.call_soon_threadsafe(self._arrived.set)
        finally:
            if isinstance(self._items, Generator):
                self._items.close()
