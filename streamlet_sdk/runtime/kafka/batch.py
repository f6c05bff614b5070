"""A batch for Kafka. `append` is on the hot path of every emitted record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streamlet_sdk.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka.producer.message_accumulator import BatchBuilder

    from streamlet_sdk.runtime.transport import Claim, Headers

_HEADER_BYTES: Final = 61
_NO_HEADERS: Final[list[tuple[str, bytes | None]]] = []


class KafkaBatch:
    """Records for one partition; `builder` is aiokafka's, for the producer."""

    __slots__ = (
        "_add",
        "_is_closed",
        "_largest",
        "_suspicious",
        "builder",
        "claims",
        "count",
        "partition",
        "topic",
    )

    def __init__(self, topic: str, partition: int, builder: BatchBuilder, largest: int) -> None:
        """Hold nothing yet; `largest` bounds a record, in bytes."""
        self.topic = topic
        self.partition = partition
        self.builder: Any = builder
        self.count = 0
        self.claims: Sequence[Claim] = ()
        self._largest = largest - _HEADER_BYTES
        self._suspicious = self._largest // 2
        # aiokafka's own `append` costs as much again in front of this one.
        self._add: Any = builder._builder.append
        self._is_closed = False

    @property
    def size(self) -> int:
        """Its bytes on the wire, before compression."""
        return int(self.builder.size())

    def append(
        self, key: bytes | None, value: bytes | None, timestamp_ms: int, headers: Headers
    ) -> bool:
        """Add a record; false, and nothing added, when the batch is full or handed over.

        Raises:
            RejectedError: when the record alone is larger than may be carried.
        """
        if self._is_closed:
            return False
        listed: list[tuple[str, bytes | None]] = list(headers) if headers else _NO_HEADERS
        # aiokafka checks no size here, and takes a first record of any size.
        if (len(value) if value else 0) + (len(key) if key else 0) > self._suspicious:
            self._require_size(key, value, listed)
        if self._add(self.count, timestamp_ms, key, value, listed) is None:
            self.close()
            return False
        self.count += 1
        return True

    def close(self) -> None:
        """Take no more records."""
        self._is_closed = True
        self.builder._relative_offset = self.count  # what the producer numbers batches by
        self._add = None  # the producer lets go of the buffer once it is sent
        self.builder.close()

    def _require_size(
        self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
    ) -> None:
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers)
        if size > self._largest:
            raise RejectedError(
                f"a record of {size} bytes for topic {self.topic} is larger than the "
                f"{self._largest} bytes that may be carried",
                hint="raise max.request.size, and max.message.bytes of the topic",
            )
