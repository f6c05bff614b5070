"""What the benchmark itself does on the broker: make topics, fill them, look at what came out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

BATCH = 1000


class Cluster:
    """The broker, as a client that belongs to nobody who is measured."""

    def __init__(self, bootstrap: str) -> None:
        """Connect nothing yet."""
        self.bootstrap = bootstrap
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        self._reader = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            isolation_level="read_committed",
        )

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._admin.start()
        await self._reader.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self._reader.stop()
        await self._admin.close()

    async def create(self, name: str, partitions: int, **configs: str) -> None:
        """Make a topic whose records have the time at which the broker took them."""
        settings = {"message.timestamp.type": "LogAppendTime"}
        settings |= {key.replace("_", "."): value for key, value in configs.items()}
        topic = NewTopic(name, partitions, 1, topic_configs=settings)
        answer = await self._admin.create_topics([topic])
        failed = [error for error in answer.topic_errors if error[1]]
        if failed:
            raise SystemExit(f"the broker refuses {name}: {failed}")

    async def delete(self, *names: str) -> None:
        """Forget topics."""
        await self._admin.delete_topics(list(names))

    async def fill(self, topic: str, values: Iterable[bytes], partitions: int) -> None:
        """Write records, a thousand to each partition in turn."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, max_batch_size=1_048_576, max_request_size=1_100_000
        )
        await producer.start()
        number, sent = 0, []
        batch = producer.create_batch()
        for value in values:
            batch.append(key=None, value=value, timestamp=None)
            if batch.record_count() == BATCH:
                where = number % partitions
                sent.append(await producer.send_batch(batch, topic, partition=where))
                number, batch = number + 1, producer.create_batch()
        if batch.record_count():
            where = number % partitions
            sent.append(await producer.send_batch(batch, topic, partition=where))
        await asyncio.gather(*sent)
        await producer.stop()

    async def committed(self, group: str) -> int:
        """The sum of a group's committed offsets."""
        try:
            offsets = await self._admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:
            return 0  # the first group of a new broker has to wait for a topic
        return sum(max(0, each.offset) for each in offsets.values())

    async def size(self, topic: str, partitions: int) -> int:
        """The sum of a topic's end offsets."""
        parts = [TopicPartition(topic, number) for number in range(partitions)]
        return sum((await self._reader.end_offsets(parts)).values())

    async def records(self, topic: str, partitions: int) -> AsyncIterator[Sequence[ConsumerRecord]]:
        """Everything committed that a topic holds now, in runs of one partition."""
        parts = [TopicPartition(topic, number) for number in range(partitions)]
        ends = await self._reader.end_offsets(parts)
        self._reader.assign(parts)
        await self._reader.seek_to_beginning(*parts)
        open_ = {part for part in parts if ends[part]}
        while open_:
            for rows in (await self._reader.getmany(timeout_ms=200)).values():
                yield rows
            for part in list(open_):
                if await self._reader.position(part) >= ends[part]:
                    open_.discard(part)
        self._reader.unsubscribe()
