"""A topic: its partitions, its settings, and what it refuses to store.

Used by `streamlet_sdk.broker.cluster`. It knows nothing of who reads or writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from streamlet_sdk.broker.log import PartitionLog
from streamlet_sdk.errors import RejectedError
from streamlet_sdk.runtime.transport import TopicInfo, TopicSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.broker.log import Row, Transaction

_LEGAL_NAME: Final = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")

# Kafka refuses a property that it does not know, so a slip of the pen is found here as well.
_PROPERTIES: Final = frozenset(
    {
        "cleanup.policy",
        "compression.gzip.level",
        "compression.lz4.level",
        "compression.type",
        "compression.zstd.level",
        "delete.retention.ms",
        "file.delete.delay.ms",
        "flush.messages",
        "flush.ms",
        "follower.replication.throttled.replicas",
        "index.interval.bytes",
        "leader.replication.throttled.replicas",
        "local.retention.bytes",
        "local.retention.ms",
        "max.compaction.lag.ms",
        "max.message.bytes",
        "message.timestamp.after.max.ms",
        "message.timestamp.before.max.ms",
        "message.timestamp.type",
        "min.cleanable.dirty.ratio",
        "min.compaction.lag.ms",
        "min.insync.replicas",
        "preallocate",
        "remote.log.copy.disable",
        "remote.log.delete.on.disable",
        "remote.storage.enable",
        "retention.bytes",
        "retention.ms",
        "segment.bytes",
        "segment.index.bytes",
        "segment.jitter.ms",
        "segment.ms",
        "unclean.leader.election.enable",
    }
)


class StoredRecord(NamedTuple):
    """A record as `EmbeddedBroker.topic` shows it; `timestamp` is in milliseconds."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Topic:
    """One topic; `partitions` holds its logs by number."""

    def __init__(self, spec: TopicSpec) -> None:
        if _LEGAL_NAME.fullmatch(spec.name) is None:
            raise RejectedError(
                f"{spec.name!r} is no name for a topic",
                hint="use letters, digits, '.', '_' and '-', at most 249 of them",
            )
        if spec.partitions < 1:
            raise RejectedError(f"topic {spec.name} needs at least one partition")
        self.name = spec.name
        self.partitions = [PartitionLog() for _ in range(spec.partitions)]
        self._replication_factor = spec.replication_factor or 1
        self._config = _checked(spec.name, spec.config)

    @property
    def info(self) -> TopicInfo:
        """The topic as an admin sees it; `config` holds what was set, no defaults."""
        return TopicInfo(
            name=self.name,
            partitions=len(self.partitions),
            replication_factor=self._replication_factor,
            config=dict(self._config),
        )

    def grow(self, partitions: int) -> None:
        """Add partitions up to `partitions` in all.

        Raises:
            RejectedError: when that is not more than there are.
        """
        if partitions <= len(self.partitions):
            raise RejectedError(
                f"topic {self.name} has {len(self.partitions)} partitions, not fewer than "
                f"{partitions}: partitions can only be added"
            )
        self.partitions += [PartitionLog() for _ in range(partitions - len(self.partitions))]

    def alter(self, changed: Mapping[str, str | None]) -> None:
        """Set the named properties, remove those that are `None`, leave the others alone.

        Raises:
            RejectedError: when one is unknown or no number; then nothing is changed.
        """
        config = {**self._config, **changed}
        self._config = _checked(self.name, {k: v for k, v in config.items() if v is not None})

    def append(
        self, partition: int, rows: Sequence[Row], size: int, transaction: Transaction | None
    ) -> int:
        """Write `rows`, `size` bytes together; the first offset.

        Raises:
            RejectedError: when the topic's settings forbid it or the partition is not there.
        """
        if not 0 <= partition < len(self.partitions):
            raise RejectedError(f"topic {self.name} has no partition {partition}")
        largest = self._config.get("max.message.bytes")
        if largest is not None and size > int(largest):
            raise RejectedError(
                f"a batch of {size} bytes is larger than max.message.bytes {largest} of topic "
                f"{self.name}"
            )
        if self._is_compacted and any(row[1] is None for row in rows):
            raise RejectedError(f"topic {self.name} is compacted: every record needs a key")
        return self.partitions[partition].append(rows, transaction)

    def compact(self) -> None:
        """Keep the last record of every key, now."""
        for log in self.partitions:
            log.compact()

    def records(self, *, committed: bool = True) -> list[StoredRecord]:
        """Every record, by partition and offset; without `committed` also undecided ones."""
        return [
            StoredRecord(number, *record[:5])
            for number, log in enumerate(self.partitions)
            for record in (log.stable if committed else log.written).records
        ]

    @property
    def _is_compacted(self) -> bool:
        return "compact" in self._config.get("cleanup.policy", "")


def _checked(topic: str, config: Mapping[str, str]) -> dict[str, str]:
    """`config`, when Kafka would take it."""
    unknown = sorted(config.keys() - _PROPERTIES)
    if unknown:
        raise RejectedError(f"topic {topic}: Kafka knows no topic property {', '.join(unknown)}")
    largest = config.get("max.message.bytes", "0")
    if not largest.isdecimal():
        raise RejectedError(f"topic {topic}: max.message.bytes is no number: {largest!r}")
    return dict(config)
