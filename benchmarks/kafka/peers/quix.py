"""Quix Streams, record by record, a commit each second; with the argument `keyed`, by device."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from quixstreams import Application
from quixstreams.models import BytesSerializer, SerializationContext, Serializer
from stage import began, decode, encode, job, metric

if TYPE_CHECKING:
    from stage import Row


class MetricSerializer(Serializer):
    """Writes rows, so that a key can be taken from them before."""

    def __call__(self, value: Any, ctx: SerializationContext) -> bytes:
        """The row as bytes."""
        del ctx
        return encode(value)


def main() -> None:
    told, keyed = job(), "keyed" in sys.argv
    application = Application(
        broker_address=told.bootstrap,
        consumer_group=told.group,
        auto_offset_reset="earliest",
        loglevel="ERROR",
        commit_interval=1.0,
    )
    source = application.topic(told.source, value_deserializer="bytes")
    serializer = MetricSerializer() if keyed else BytesSerializer()
    target = application.topic(told.target, value_serializer=serializer)
    waiting = True

    def row_of(data: bytes) -> Row:
        nonlocal waiting
        if waiting:
            waiting = False
            began()
        return metric(decode(data))

    frame = application.dataframe(source)
    if keyed:
        frame.apply(row_of).to_topic(target, key=lambda row: row["deviceId"])
    else:
        frame.apply(lambda data: encode(row_of(data))).to_topic(target)
    application.run(count=told.count)


warnings.filterwarnings("ignore")
main()
