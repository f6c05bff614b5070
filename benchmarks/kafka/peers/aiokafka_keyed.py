"""aiokafka by hand with keys: `send` for each record, flush and commit per poll."""

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
        for records in got.values():
            for record in records:
                row = metric(decode(record.value))
                key = row["deviceId"].encode()
                sent.append(await producer.send(told.target, encode(row), key=key))
            done += len(records)
        if got:
            await asyncio.wait(sent)
            await consumer.commit({tp: rows[-1].offset + 1 for tp, rows in got.items()})
    await consumer.stop()
    await producer.stop()


asyncio.run(main())
