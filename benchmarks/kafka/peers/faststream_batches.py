"""FastStream on aiokafka, in batches of 500."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from stage import began, decode, encode, job, metric

told = job()
# A list of 500 does not fit into the default of 16 KiB.
broker = KafkaBroker(told.bootstrap, logger=None, max_batch_size=262_144)
application = FastStream(broker)
progress = Counter[str]()


async def decoded(message: KafkaMessage) -> list[Any]:
    """What the handler is given."""
    return [decode(body) for body in message.body]


@broker.subscriber(
    told.source,
    group_id=told.group,
    auto_offset_reset="earliest",
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=decoded,
    batch=True,
    max_records=500,
)
@broker.publisher(told.target, batch=True)
async def mapped(rows: list[dict]) -> tuple:  # type: ignore[type-arg]  # it reads annotations
    """The stage."""
    if not progress["done"]:
        began()
    progress["done"] += len(rows)
    if progress["done"] >= told.count:
        # It commits after this; its exit would not wait for that.
        asyncio.get_running_loop().call_later(1, application.exit)
    return tuple(encode(metric(row)) for row in rows)


asyncio.run(application.run())
