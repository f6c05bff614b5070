"""Shows the records of a topic as JSON lines: `--tap`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_cli.sandbox.envelopes import (
    VALUE,
    headers_document,
    raw,
    text_or_raw,
    timestamp_text,
)
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.serde import value_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlet_sdk.records import Record
    from streamlet_sdk.serde import PortCodec


@dataclass(frozen=True, slots=True)
class Shown:
    """How the records of one topic are shown.

    Attributes:
        readers: tried in turn; none of them means that the values are bytes.
        is_enveloped: whether key, headers, timestamp and place are shown beside the value.
    """

    topic: str
    readers: Sequence[PortCodec[Any]]
    is_enveloped: bool
    are_dead_letters: bool = False

    def line(self, record: Record[bytes | None]) -> str:
        """The record as one line of JSON, without its end."""
        value, is_bare = self._value(record.value)
        if not self.is_enveloped:
            return value
        head = {
            "topic": self.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": timestamp_text(record.timestamp_ms),
            "key": text_or_raw(record.key),
            "headers": headers_document(record.headers),
        }
        # What no schema reads stands among the envelope's own keys, where a feed looks for it.
        tail = value[1:] if is_bare else f'"{VALUE}":{value}}}'
        return f"{_json(head)[:-1]},{tail}"

    def _value(self, data: bytes | None) -> tuple[str, bool]:
        """The value as JSON, and whether that is an object with its bytes."""
        if data is None:
            return "null", False
        errors: list[Exception | None] = []
        for codec in self.readers:
            with Attempt() as attempt:
                return value_json(codec, codec.decode(data)), False
            errors.append(attempt.error)
        if errors and not self.are_dead_letters:
            return _json({**raw(data), "error": str(errors[0])}), True
        shown = text_or_raw(data)
        return _json(shown), isinstance(shown, dict)


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
