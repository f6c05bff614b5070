"""aiokafka by hand: a batch for each partition of a poll, flush and commit per poll."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from stage import began, decode, encode, job, metric


async def main() -> None:
    told = job()
    consumer = AIOKafkaConsumer(
        told.source,
        bootstrap_servers=told.bootstrap,
        group_id=told.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=told.bootstrap,
        linger_ms=5,
        max_batch_size=262_144,
        enable_idempotence=True,
    )
    await consumer.start()
    await producer.start()
    done = 0
    while done < told.count:
        got = await consumer.getmany(timeout_ms=500, max_records=2000)
        if got and not done:
            began()
        sent = []
        for partition, records in got.items():
            batch = producer.create_batch()
            for record in records:
                value = encode(metric(decode(record.value)))
                if batch.append(key=None, value=value, timestamp=None) is None:
                    where = (told.target, partition.partition)
                    sent.append(await producer.send_batch(batch, where[0], partition=where[1]))
                    batch = producer.create_batch()
                    batch.append(key=None, value=value, timestamp=None)
            sent.append(
                await producer.send_batch(batch, told.target, partition=partition.partition)
            )
            done += len(records)
        for future in sent:
            await future
        if got:
            await consumer.commit({tp: rows[-1].offset + 1 for tp, rows in got.items()})
    await consumer.stop()
    await producer.stop()


asyncio.run(main())
