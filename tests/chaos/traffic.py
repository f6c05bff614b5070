"""What goes in and what comes out: numbered records, written and read past the engine.

Uses plain aiokafka, so that no part of the engine vouches for itself. A record's number travels in
its correlation id, which dead letters keep too.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from chaos.account import Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NUMBER = "correlation-id"
KEYS = 20
# A transaction that was left open ends after its time-out and the broker's next look.
READ_SECONDS = 90.0
STOP_SECONDS = 30.0
CLIENT = {"metadata_max_age_ms": 2000, "retry_backoff_ms": 100}


def partition_of(number: int, partitions: int) -> int:
    """The input partition of a number."""
    return number % partitions


def key_of(number: int, partitions: int) -> bytes:
    """The key of a number; all numbers of a key are in one partition."""
    return b"%d-%d" % (number % partitions, number // partitions % KEYS)


class Feed:
    """Writes numbers at a bounded rate, each partition in its order.

    Attributes:
        sent: how many were acknowledged.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        """Write nothing yet."""
        self.sent = 0
        self._bootstrap = bootstrap
        self._topic = topic
        self._partitions = partitions
        self._numbers = [itertools.count(number, partitions) for number in range(partitions)]
        self._lanes: list[asyncio.Task[None]] = []
        self._open = asyncio.Event()
        self._stopping = False

    def start(self, rate: float) -> None:
        """Begin with `rate` records a second."""
        pause = self._partitions / rate
        self._open.set()
        self._lanes = [
            asyncio.create_task(self._write(partition, pause))
            for partition in range(self._partitions)
        ]

    def pause(self) -> None:
        """Write no more for now, and leave.

        Brokers make a topic that was deleted when a client that still knows it asks for it.
        """
        self._open.clear()

    def resume(self) -> None:
        """Go on."""
        self._open.set()

    async def flood(self, count: int) -> None:
        """Write `count` records at once."""
        async with self._producer() as producer:
            answers = []
            for _, partition in zip(
                range(count), itertools.cycle(range(self._partitions)), strict=False
            ):
                answers.append(await self._send(producer, partition))
            await asyncio.gather(*answers)
        self.sent += count

    async def stop(self) -> None:
        """Write no more; what was begun is acknowledged, or not known to be written."""
        self._stopping = True
        self._open.set()
        await asyncio.gather(*self._lanes)

    async def close(self) -> None:
        """Leave nothing running, whatever became of what was written."""
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)

    async def _write(self, partition: int, pause: float) -> None:
        """Write to one partition; a producer that failed is left, for another may succeed."""
        while not self._stopping:
            await self._open.wait()
            with contextlib.suppress(KafkaError, OSError):
                async with self._producer() as producer:
                    await self._written(producer, partition, pause)

    async def _written(self, producer: Any, partition: int, pause: float) -> None:
        due = time.monotonic()
        unanswered: set[asyncio.Future[Any]] = set()
        try:
            while self._open.is_set() and not self._stopping:
                unanswered.add(await self._send(producer, partition))
                for done in [each for each in unanswered if each.done()]:
                    unanswered.discard(done)
                    done.result()
                    self.sent += 1
                # What was held up is not made up for: the rate is a bound.
                due = max(due + pause, time.monotonic() - 0.1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        finally:
            answers = await asyncio.gather(*unanswered, return_exceptions=True)
            self.sent += sum(not isinstance(answer, BaseException) for answer in answers)

    async def _send(self, producer: Any, partition: int) -> asyncio.Future[Any]:
        number = next(self._numbers[partition])
        text = b"%d" % number
        answer: asyncio.Future[Any] = await producer.send(
            self._topic,
            text,
            key_of(number, self._partitions),
            partition=partition,
            headers=[(NUMBER, text)],
        )
        return answer

    @contextlib.asynccontextmanager
    async def _producer(self) -> Any:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, enable_idempotence=True, **CLIENT
        )
        try:
            await producer.start()
            yield producer
        finally:
            await ended(producer)


async def ended(producer: Any) -> None:
    """Stop a producer, which waits for brokers without limit when it is left to itself."""
    stopping = asyncio.create_task(producer.stop())
    done, _ = await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    if not done:
        stopping.cancel()
        sender = producer._sender.sender_task
        if sender is not None:
            sender.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        await producer.client.close()


class Watch:
    """Reads topics while they are written, as soon as what is in them counts.

    Attributes:
        seen: the numbers that came out.
        arrivals: when a record went in and came out, by input partition; wall clock, seconds.
    """

    def __init__(self, bootstrap: str, topics: Sequence[str], partitions: int) -> None:
        """Read nothing yet; numbers went into `partitions` partitions."""
        self.seen: set[int] = set()
        self.arrivals: dict[int, list[tuple[float, float]]] = {}
        self._bootstrap = bootstrap
        self._topics = topics
        self._partitions = partitions
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin."""
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        async with _consumer(self._bootstrap, "read_committed") as consumer:
            places = await _places(consumer, self._topics)
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            while True:
                with contextlib.suppress(KafkaError):
                    for record in _records(await consumer.getmany(timeout_ms=200)):
                        self.note(record)

    def note(self, record: Any) -> None:
        """Take down one record, each partition in its order."""
        number = number_of(record)
        if number not in self.seen:
            self.seen.add(number)
            pairs = self.arrivals.setdefault(partition_of(number, self._partitions), [])
            pairs.append((record.timestamp / 1000, time.time()))


async def read(bootstrap: str, topics: Sequence[str]) -> list[Found]:
    """Everything in `topics` that counts, each partition in its order.

    Raises:
        TimeoutError: when a transaction was left open, so that readers cannot reach the end.
    """
    async with _consumer(bootstrap, "read_uncommitted") as consumer:
        places = await _places(consumer, topics)
        ends = await consumer.end_offsets(places)
    found = []
    async with _consumer(bootstrap, "read_committed") as consumer, asyncio.timeout(READ_SECONDS):
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        while not all([await consumer.position(at) >= ends[at] for at in places]):
            for record in _records(await consumer.getmany(timeout_ms=200)):
                numbered = number_of(record), record.partition, record.offset
                found.append(Found(*numbered, record.key or b"", record.timestamp))
    return found


@contextlib.asynccontextmanager
async def _consumer(bootstrap: str, isolation: str) -> Any:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        request_timeout_ms=4000,
        **CLIENT,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _places(consumer: Any, topics: Sequence[str]) -> list[TopicPartition]:
    """The partitions of topics; topics have to exist."""
    await consumer._client.set_topics(topics)
    return [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in sorted(consumer.partitions_for_topic(topic))
    ]


def _records(fetched: Any) -> Iterator[Any]:
    return itertools.chain.from_iterable(fetched.values())


def number_of(record: Any) -> int:
    """The number of a record that was read."""
    return int(dict(record.headers)[NUMBER])
