"""The `Producer` of a real Kafka: idempotent, its batches of a partition in order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from aiokafka.structs import TopicPartition

from streamlet_sdk.errors import (
    NotAttemptedError,
    OutcomeUnknownError,
    RejectedError,
    TransportError,
    UnavailableError,
)
from streamlet_sdk.runtime.kafka.batch import KafkaBatch
from streamlet_sdk.runtime.kafka.faults import translating, unwritten
from streamlet_sdk.runtime.kafka.sending import Line, seen

if TYPE_CHECKING:
    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.kafka.properties import ProducerSettings
    from streamlet_sdk.runtime.transport import Batch

_START_SECONDS: Final = 60.0
_SHORTEST_WATCH_SECONDS: Final = 0.01


class KafkaProducer:
    """A `Producer` of a real Kafka; make it with `KafkaTransport.producer`.

    One failed batch spoils it: the broker would refuse what follows in that partition, for its
    sequence number is used up. What has not been sent then is not sent any more.
    """

    def __init__(self, client: Client, settings: ProducerSettings, name: str | None = None) -> None:
        """Connect nothing yet."""
        self._client = client
        self._settings = settings
        self._line = Line(client, settings, name)
        self._line.accumulator.too_late = self._too_late
        self._answers: dict[Any, asyncio.Future[int]] = {}
        self._bytes = 0
        self._turns: deque[asyncio.Future[None]] = deque()
        self._failure: TransportError | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def start(self) -> None:
        """Connect.

        Raises:
            UnavailableError: when no broker can be reached.
            DeniedError: when they do not accept who this is.
        """
        is_started = False
        try:
            with translating("starting a producer"):
                async with asyncio.timeout(_START_SECONDS):
                    await self._line.start()
            is_started = True
        finally:
            if not is_started:
                await self._line.end()

    async def partitions(self, topic: str) -> int:
        """How many partitions `topic` has.

        Raises:
            RejectedError: when there is no such topic.
        """
        return await self._client.partitions(topic)

    def batch(self, topic: str, partition: int, *, packed: bool = True) -> KafkaBatch:
        """An empty batch; whether the partition exists shows when it is submitted."""
        builder = self._line.accumulator.builder(packed=packed)
        return KafkaBatch(topic, partition, builder, self._settings.largest_bytes)

    async def submit(self, batch: Batch) -> asyncio.Future[int]:
        """Hand over `batch`, and wait while too much is under way; first come, first served.

        The future has an answer after the delivery time-out at the latest.
        """
        if not isinstance(batch, KafkaBatch):
            raise TypeError(f"a batch of this producer is needed, not {type(batch).__name__}")
        batch.close()
        await self._room(batch.size)
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        refusal = self._refusal() or await self._unplaced(batch)
        if refusal is not None:
            answer.set_exception(refusal)
            return answer
        self._admit(batch, answer)
        return answer

    async def close(self, *, flush: bool, deadline: float) -> None:
        """Stop, after what was submitted when `flush`; what is left over has no known outcome."""
        if self._is_closed:
            return
        if flush:
            await self._flushed(deadline)
        self._is_closed = True
        if self._watch is not None:
            self._watch.cancel()
        await self._line.end()
        for sent, answer in list(self._answers.items()):
            self._answer(sent, _given_up(sent))
            seen(answer)  # whoever closes need not wait for answers
        self._next_turns()

    async def _flushed(self, deadline: float) -> bool:
        """Wait until everything is answered; false when `deadline` came first."""
        if not self._answers:
            return True
        left = deadline - asyncio.get_running_loop().time()
        _, late = await asyncio.wait(list(self._answers.values()), timeout=max(0.0, left))
        return not late

    async def _room(self, size: int) -> None:
        """Wait for one's turn, in order, while more than the buffer would be under way."""
        limit = self._settings.buffer_bytes
        if not self._turns and (not self._answers or self._bytes + size <= limit):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            while self._turns[0] is not turn or (self._answers and self._bytes + size > limit):
                await turn
                self._turns[0] = turn = asyncio.get_running_loop().create_future()
        finally:
            self._turns.remove(turn)
            self._next_turns()

    def _next_turns(self) -> None:
        if self._turns and not self._turns[0].done():
            self._turns[0].set_result(None)

    def _refusal(self) -> TransportError | None:
        if self._is_closed:
            return NotAttemptedError("the producer was closed before")
        if self._failure is not None:
            made = NotAttemptedError(f"an earlier batch failed ({self._failure}): take a new one")
            made.__cause__ = self._failure
            return made
        return None

    async def _unplaced(self, batch: KafkaBatch) -> TransportError | None:
        """Why there is no place for `batch`; aiokafka would look for one for minutes."""
        cluster = self._client.cluster
        if batch.partition in (cluster.partitions_for_topic(batch.topic) or ()):
            return None
        try:
            if batch.partition < await self._client.partitions(batch.topic):
                return None
            await self._client.learn(batch.topic)
            if batch.partition < await self._client.partitions(batch.topic):
                return None
        except UnavailableError as error:
            return NotAttemptedError(str(error))
        except TransportError as error:
            return error
        return RejectedError(f"topic {batch.topic} has no partition {batch.partition}")

    def _admit(self, batch: KafkaBatch, answer: asyncio.Future[int]) -> None:
        place = TopicPartition(batch.topic, batch.partition)
        try:
            with translating(f"writing to {batch.topic}"):
                sent = self._line.accumulator.admit(batch.builder, place, batch.claims)
        except TransportError as error:
            answer.set_exception(error)
            return
        self._answers[sent] = answer
        self._bytes += batch.size
        sent.size = batch.size
        sent.future.add_done_callback(lambda _: self._done(sent))
        if self._watch is None:
            self._watch_for(self._settings.delivery.total_seconds())

    def _done(self, sent: Any) -> None:
        """Called when aiokafka has an answer for a batch."""
        error = sent.future.exception()
        seen(sent._drain_waiter)
        if error is None:
            self._answer(sent, sent.future.result().offset)
            return
        self._fail(sent, unwritten(error, f"writing to {sent.tp.topic}/{sent.tp.partition}"))

    def _fail(self, sent: Any, made: TransportError) -> None:
        """Answer with an error, the first of which ends everything that waits to be sent."""
        spoiled = self._failure is not None
        self._failure = self._failure or made
        self._answer(sent, made)
        if not spoiled:
            for waiting in self._line.accumulator.withdraw():
                self._answer(waiting, _given_up(waiting))

    def _too_late(self, sent: Any) -> None:
        """Called for a batch that may not be sent any more."""
        where = f"writing to {sent.tp.topic}/{sent.tp.partition}"
        what = "what waited here came of a partition that has gone elsewhere"
        kind = OutcomeUnknownError if sent.retry_count else NotAttemptedError
        self._fail(sent, kind(f"{where}: {what}"))

    def _watch_for(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(max(seconds, _SHORTEST_WATCH_SECONDS), self._look)

    def _look(self) -> None:
        """Give up what has waited for too long; aiokafka repeats idempotent batches for ever."""
        self._watch = None
        for sent in [each for each in self._answers if each.expired()]:
            self._fail(sent, _overdue(sent))
        # In order of admission: the first is the next to be overdue.
        oldest = next(iter(self._answers), None)
        if oldest is not None:
            age = time.monotonic() - oldest._ctime
            self._watch_for(self._settings.delivery.total_seconds() - age)

    def _answer(self, sent: Any, said: int | TransportError) -> None:
        answer = self._answers.pop(sent, None)
        if answer is None:
            return
        self._bytes -= sent.size
        if answer.done():
            pass
        elif isinstance(said, TransportError):
            answer.set_exception(said)
        else:
            answer.set_result(said)
        self._next_turns()


def _overdue(sent: Any) -> TransportError:
    """What is known of a batch that was not acknowledged in time."""
    where = f"writing to {sent.tp.topic}/{sent.tp.partition}"
    hint = "check that its leader runs and has enough replicas and disk"
    if sent.retry_count:
        return OutcomeUnknownError(
            f"{where}: not acknowledged within delivery.timeout.ms", hint=hint
        )
    return NotAttemptedError(f"{where}: not sent within delivery.timeout.ms", hint=hint)


def _given_up(sent: Any) -> TransportError:
    """What is known of a batch that nobody waits for any more."""
    if sent.retry_count:
        return OutcomeUnknownError("the producer was closed before the answer came")
    return NotAttemptedError("the batch was not sent before the producer was closed or failed")
