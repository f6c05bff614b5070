"""A batch of the embedded broker. `append` is on the hot path of every emitted record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamlet_sdk.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlet_sdk.broker.log import Row
    from streamlet_sdk.runtime.transport import Claim, Headers

# About what Kafka adds to a record; also what keeps a batch of empty records bounded.
_OVERHEAD_BYTES: Final = 16


class EmbeddedBatch:
    """Records for one partition; `size` is in bytes, and `rows` are for the broker."""

    __slots__ = ("_largest", "_limit", "claims", "partition", "rows", "size", "topic")

    def __init__(self, topic: str, partition: int, *, limit: int, largest: int) -> None:
        self.topic = topic
        self.partition = partition
        self.size = 0
        self.claims: Sequence[Claim] = ()
        self._limit = min(limit, largest)
        self._largest = largest
        self.rows: list[Row] = []

    @property
    def count(self) -> int:
        """How many records it holds."""
        return len(self.rows)

    def append(
        self, key: bytes | None, value: bytes | None, timestamp_ms: int, headers: Headers
    ) -> bool:
        """Add a record; false, and nothing added, when the batch is full or handed over.

        Raises:
            RejectedError: when the record alone is larger than the broker takes.
        """
        size = _OVERHEAD_BYTES
        if key is not None:
            size += len(key)
        if value is not None:
            size += len(value)
        if headers:
            size += sum(len(name) + len(content) for name, content in headers)
        total = self.size + size
        if total > self._limit and not self._has_room_for_one(size):
            return False
        self.size = total
        self.rows.append((timestamp_ms, key, value, tuple(headers) if headers else (), size))
        return True

    def close(self) -> None:
        """Take no more records."""
        self._limit = self._largest = 0

    def _has_room_for_one(self, size: int) -> bool:
        """Whether the batch is empty, and so takes a record of any legal size."""
        if not self._largest:
            return False
        if size > self._largest:
            raise RejectedError(
                f"a record of {size} bytes for topic {self.topic} is larger than the "
                f"{self._largest} bytes that may be carried"
            )
        return not self.rows
