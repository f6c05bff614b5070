"""What aiokafka's protocol lacks: requests built by hand, and error codes it does not know.

Used by the other modules of this package. Nothing here decides anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from aiokafka.errors import BrokerResponseError, kafka_errors
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Array,
    Boolean,
    CompactArray,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    String,
    TaggedFields,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka.structs import OffsetAndMetadata, TopicPartition

TOPIC_RESOURCE: Final = 2
_SET: Final = 0
_DELETE: Final = 1
_NO_EPOCH: Final = -1


class Member(NamedTuple):
    """Who a member of a group is: `name` is the stable one, if it has one."""

    generation: int
    id: str
    name: str | None


class FencedLeaderEpochError(BrokerResponseError):
    """The leader that was asked has changed since."""

    errno = 74
    message = "FENCED_LEADER_EPOCH"
    retriable = True
    invalid_metadata = True


class OffsetNotAvailableError(BrokerResponseError):
    """A new leader does not know the end of its log yet."""

    errno = 78
    message = "OFFSET_NOT_AVAILABLE"
    retriable = True


class FencedInstanceIdError(BrokerResponseError):
    """A newer member of the group has the same instance id."""

    errno = 82
    message = "FENCED_INSTANCE_ID"
    description = (
        "another process has joined the group under the same member name, and goes on instead; "
        "give each replica a name of its own"
    )


class InvalidRecordError(BrokerResponseError):
    """The broker's checks refuse a record, such as one without a key in a compacted topic."""

    errno = 87
    message = "INVALID_RECORD"
    description = "the topic does not take a record like this; a compacted one needs keys"


class UnstableOffsetCommitError(BrokerResponseError):
    """A transaction that commits this offset has not ended."""

    errno = 88
    message = "UNSTABLE_OFFSET_COMMIT"
    retriable = True


class ProducerFencedByBrokerError(BrokerResponseError):
    """A newer producer has the same transactional id."""

    errno = 90
    message = "PRODUCER_FENCED"


# aiokafka takes the class for a code from this table, and `UnknownError` for what is not in it.
kafka_errors.update(
    {
        error.errno: error
        for error in (
            FencedLeaderEpochError,
            OffsetNotAvailableError,
            FencedInstanceIdError,
            InvalidRecordError,
            UnstableOffsetCommitError,
            ProducerFencedByBrokerError,
        )
    }
)


def _response(key: int, version: int, *fields: tuple[str, Any]) -> type[Response]:
    """The class of a response."""
    members = {"API_KEY": key, "API_VERSION": version, "SCHEMA": Schema(*fields)}
    return type(f"Response{key}v{version}", (Response,), members)


class _IncrementalAlterConfigs(RequestStruct):
    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = _response(
        44,
        0,
        ("throttle_time_ms", Int32),
        (
            "responses",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(
                        ("name", String("utf-8")),
                        ("operation", Int8),
                        ("value", String("utf-8")),
                    ),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class AlterTopic(Request[_IncrementalAlterConfigs]):
    """Changes the named properties of a topic; those whose value is None get their default."""

    API_KEY = 44

    def __init__(self, topic: str, changed: Mapping[str, str | None]) -> None:
        self._topic = topic
        self._changed = changed

    def build(
        self, request_struct_class: type[_IncrementalAlterConfigs]
    ) -> _IncrementalAlterConfigs:
        """The request as it is sent."""
        changes = [
            (name, _DELETE if value is None else _SET, value)
            for name, value in self._changed.items()
        ]
        return request_struct_class(
            resources=[(TOPIC_RESOURCE, self._topic, changes)], validate_only=False
        )


class _OffsetFetch(RequestStruct):
    FLEXIBLE_VERSION: ClassVar[bool] = True
    API_KEY = 9
    API_VERSION = 7
    RESPONSE_TYPE = _response(
        9,
        7,
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("error_code", Int16),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("error_code", Int16),
        ("tags", TaggedFields),
    )
    SCHEMA = Schema(
        ("group", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("require_stable", Boolean),
        ("tags", TaggedFields),
    )


class FetchStableOffsets(Request[_OffsetFetch]):
    """Committed offsets of a group, of all topics without `topics`.

    Unlike aiokafka's own request it is answered with an error while a transaction that commits
    one of them is open, so an offset that is about to change is never read.
    """

    API_KEY = 9

    def __init__(
        self, group: str, topics: Sequence[tuple[str, Sequence[int]]] | None = None
    ) -> None:
        self._group = group
        self._topics = topics

    def build(self, request_struct_class: type[_OffsetFetch]) -> _OffsetFetch:
        """The request as it is sent."""
        topics = self._topics
        rows: list[Any] | None = None
        if topics is not None:
            rows = [(name, list(numbers), {}) for name, numbers in topics]
        return request_struct_class(group=self._group, topics=rows, require_stable=True, tags={})


class _NamedHeartbeat(RequestStruct):
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = _response(12, 3, ("throttle_time_ms", Int32), ("error_code", Int16))
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class NamedHeartbeat(Request[_NamedHeartbeat]):
    """A heartbeat that says the member's stable name.

    Its answer tells a member that was replaced under its name from one whose session is over;
    aiokafka's own heartbeat is answered alike to both.
    """

    API_KEY = 12

    def __init__(self, group: str, member: Member) -> None:
        self._group = group
        self._member = member

    def build(self, request_struct_class: type[_NamedHeartbeat]) -> _NamedHeartbeat:
        """The request as it is sent."""
        return request_struct_class(self._group, *self._member)


class _TxnOffsetCommit(RequestStruct):
    FLEXIBLE_VERSION: ClassVar[bool] = True
    API_KEY = 28
    API_VERSION = 3
    RESPONSE_TYPE = _response(
        28,
        3,
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32), ("error_code", Int16), ("tags", TaggedFields)
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )
    SCHEMA = Schema(
        ("transactional_id", CompactString("utf-8")),
        ("group", CompactString("utf-8")),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation_id", Int32),
        ("member_id", CompactString("utf-8")),
        ("group_instance_id", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class CommitInTransaction(Request[_TxnOffsetCommit]):
    """Offsets of a group, as a part of a transaction, in the name of a member.

    Unlike aiokafka's own request it is refused when the group has gone on without the member.
    """

    API_KEY = 28

    def __init__(
        self,
        transaction: tuple[str, int, int],
        group: str,
        member: Member,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
    ) -> None:
        """`transaction` is its id, the producer's id and the producer's epoch."""
        self._transaction = transaction
        self._group = group
        self._member = member
        self._offsets = offsets

    def build(self, request_struct_class: type[_TxnOffsetCommit]) -> _TxnOffsetCommit:
        """The request as it is sent."""
        topics: dict[str, list[Any]] = {}
        for place, to in self._offsets.items():
            topics.setdefault(place.topic, []).append(
                (place.partition, to.offset, _NO_EPOCH, to.metadata, {})
            )
        name, producer, epoch = self._transaction
        rows: list[Any] = [(topic, partitions, {}) for topic, partitions in topics.items()]
        return request_struct_class(name, self._group, producer, epoch, *self._member, rows, {})
