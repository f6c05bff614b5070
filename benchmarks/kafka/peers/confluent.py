"""confluent-kafka by hand: flush and commit per poll; with the argument `keyed`, by device."""

from __future__ import annotations

import sys

from confluent_kafka import Consumer, Producer
from stage import began, decode, encode, job, metric


def main() -> None:
    told, keyed = job(), "keyed" in sys.argv
    consumer = Consumer(
        {
            "bootstrap.servers": told.bootstrap,
            "group.id": told.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": told.bootstrap,
            "enable.idempotence": True,
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
            # As Java, aiokafka and we place keys; librdkafka's own choice is another one.
            "partitioner": "murmur2_random",
        }
    )
    consumer.subscribe([told.source])
    done = 0
    while done < told.count:
        records = consumer.consume(2000, 0.5)
        if not records:
            continue
        if not done:
            began()
        for record in records:
            row = metric(decode(record.value()))
            key = row["deviceId"].encode() if keyed else None
            producer.produce(told.target, encode(row), key=key)
        done += len(records)
        producer.flush()
        consumer.commit(asynchronous=False)
    consumer.close()


main()
