"""The embedded broker's `Producer`: one batch at a time, in the order they were handed over."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from streamlet_sdk.broker.batch import EmbeddedBatch
from streamlet_sdk.errors import (
    NotAttemptedError,
    OutcomeUnknownError,
    RejectedError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.broker.cluster import Cluster
    from streamlet_sdk.broker.faults import Fault
    from streamlet_sdk.broker.log import Transaction
    from streamlet_sdk.runtime.transport import Batch

# The defaults of the Kafka transport: how much a batch holds, and how much may wait for a
# broker that does not answer before `submit` waits as well.
_BATCH_BYTES: Final = 1024 * 1024
_BUFFER_BYTES: Final = 32 * 1024 * 1024
_DOUBT_SECONDS: Final = 0.05

_Waiting = tuple[EmbeddedBatch, asyncio.Future[int]]


class EmbeddedProducer:
    """A `Producer` of the embedded broker; make it with `EmbeddedTransport.producer`.

    As with Kafka's idempotent producer one failed batch spoils it: what comes later is
    rejected, so that nothing overtakes what failed.
    """

    def __init__(self, cluster: Cluster, properties: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._batch_bytes = int(properties.get("batch.size", _BATCH_BYTES))
        self._buffer_bytes = int(properties.get("buffer.memory", _BUFFER_BYTES))
        self._largest = cluster.max_record_bytes
        if "max.request.size" in properties:
            self._largest = min(self._largest, int(properties["max.request.size"]))
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._sending: asyncio.Task[None] | None = None
        self._admission = asyncio.Lock()
        self._room = asyncio.Event()
        self._failure: TransportError | None = None
        self._is_closed = False

    async def partitions(self, topic: str) -> int:
        """How many partitions `topic` has.

        Raises:
            RejectedError: when there is no such topic.
        """
        self._cluster.faults.require_reachable()
        return len(self._cluster.topic(topic).partitions)

    def batch(self, topic: str, partition: int, *, packed: bool = True) -> EmbeddedBatch:
        """An empty batch; whether the partition exists shows when it is submitted."""
        del packed  # nothing is compressed here
        return EmbeddedBatch(topic, partition, limit=self._batch_bytes, largest=self._largest)

    async def submit(self, batch: Batch) -> asyncio.Future[int]:
        """Hand over `batch`, and wait while too much is under way; first come, first served."""
        if not isinstance(batch, EmbeddedBatch):
            raise TypeError(f"a batch of this producer is needed, not {type(batch).__name__}")
        batch.close()
        async with self._admission:
            while self._waiting and self._waiting_bytes + batch.size > self._buffer_bytes:
                self._room.clear()
                await self._room.wait()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._is_closed:
            answer.set_exception(NotAttemptedError("the producer was closed before"))
            return answer
        self._waiting.append((batch, answer))
        self._waiting_bytes += batch.size
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())
        return answer

    async def close(self, *, flush: bool, deadline: float) -> None:
        """Stop, after what was submitted when `flush`; what is left over has no known outcome."""
        if flush:
            await self._flushed(deadline)
        self.kill()

    def kill(self) -> None:
        """Stop now; nobody learns what became of the batches that were under way."""
        self._is_closed = True
        self._discard(OutcomeUnknownError("the producer was closed before the answer came"))

    async def _flushed(self, deadline: float) -> bool:
        """Wait until everything is answered; false when `deadline` came first."""
        if self._sending is None or self._sending.done():
            return True
        remaining = deadline - asyncio.get_running_loop().time()
        await asyncio.wait({self._sending}, timeout=max(0.0, remaining))
        return self._sending.done()

    def _discard(self, reason: TransportError) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.cancel()
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(reason)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._room.set()

    async def _send(self) -> None:
        while self._waiting:
            batch, answer = self._waiting[0]
            await _in_doubt(batch)
            fault = await self._cluster.faults.before_batch(batch.topic)
            self._answer(batch, answer, fault)
            self._waiting.popleft()
            self._waiting_bytes -= batch.size
            self._room.set()

    def _answer(self, batch: EmbeddedBatch, answer: asyncio.Future[int], fault: Fault) -> None:
        try:
            first = self._write(batch, fault)
        except TransportError as error:
            self._failure = self._failure or error
            if not answer.done():
                answer.set_exception(error)
        else:
            if not answer.done():
                answer.set_result(first)

    def _write(self, batch: EmbeddedBatch, fault: Fault) -> int:
        """Write `batch` as far as `fault` lets it; its first offset."""
        transaction = self._transaction()
        if self._failure is not None:
            raise NotAttemptedError(
                "an earlier batch failed: take a new producer"
            ) from self._failure
        if not all(claim.alive for claim in batch.claims):
            raise NotAttemptedError("what waited came of a partition that has gone elsewhere")
        if fault.rejected:
            raise RejectedError(f"the broker refused a batch for topic {batch.topic}")
        first = -1
        if fault.done:
            topic = self._cluster.topic(batch.topic)
            first = topic.append(batch.partition, batch.rows, batch.size, transaction)
        if fault.unanswered:
            raise OutcomeUnknownError(f"no answer came for a batch for topic {batch.topic}")
        return first

    def _transaction(self) -> Transaction | None:
        """What the batches belong to; overridden by the producer that has transactions."""
        return None


async def _in_doubt(batch: EmbeddedBatch) -> None:
    """Wait while what `batch` holds may be somebody else's by now."""
    while all(claim.alive for claim in batch.claims):
        if all(claim.is_owned for claim in batch.claims):
            break
        await asyncio.sleep(_DOUBT_SECONDS)
