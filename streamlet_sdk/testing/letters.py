"""Dead letters as tests look at them: the record as it was, and why it was given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.errors import SerdeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlet_sdk.broker.topics import StoredRecord
    from streamlet_sdk.records import Headers

PREFIX: Final = "cloudflow-"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that an inlet gave up.

    Attributes:
        value: as the inlet decodes it; None when its bytes do not decode.
        data: the bytes as they came in; None for a tombstone.
        headers: those that the record came with.
        reason: `handler`, `reject`, `decode`, `encode` or `write`.
        exception_type: dotted, such as `builtins.ValueError`.
        message: what the exception said.
        stack: the end of its traceback.
        attempts: how often the handler tried.
        topic: where the record was, with `partition` and `offset`.
        streamlet: who gave it up.
    """

    value: Any
    data: bytes | None
    key: bytes | None
    headers: Headers
    timestamp_ms: int
    reason: str
    exception_type: str
    message: str
    stack: str
    attempts: int
    topic: str
    partition: int
    offset: int
    streamlet: str
    inlet: str


def dead_letter(record: StoredRecord, decode: Callable[[bytes | None], Any]) -> DeadLetter:
    """Read a record of a dead-letter topic; `decode` is the inlet's."""
    told = {
        name.removeprefix(PREFIX): value.decode(errors="replace")
        for name, value in record.headers
        if name.startswith(PREFIX)
    }
    return DeadLetter(
        value=_value(record.value, decode),
        data=record.value,
        key=record.key,
        headers=tuple(header for header in record.headers if not header[0].startswith(PREFIX)),
        timestamp_ms=record.timestamp,
        reason=told["reason"],
        exception_type=told["exception-type"],
        message=told["message"],
        stack=told.get("stack", ""),
        attempts=int(told["attempts"]),
        topic=told["original-topic"],
        partition=int(told["original-partition"]),
        offset=int(told["original-offset"]),
        streamlet=told["streamlet"],
        inlet=told["inlet"],
    )


def _value(data: bytes | None, decode: Callable[[bytes | None], Any]) -> Any:
    try:
        return decode(data)
    except SerdeError:
        return None
