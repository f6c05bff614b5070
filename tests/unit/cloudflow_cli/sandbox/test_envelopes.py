from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cloudflow_cli.sandbox.envelopes import (
    headers_document,
    opened,
    raw,
    text_or_raw,
    timestamp_text,
)

HEADERS = st.lists(st.tuples(st.text(), st.binary()), max_size=4)


@given(
    key=st.none() | st.binary(),
    headers=HEADERS,
    timestamp_ms=st.integers(0, 253_402_300_799_999),
    value=st.binary(),
)
def test_what_is_shown_is_read_as_it_was(
    key: bytes | None, headers: list[tuple[str, bytes]], timestamp_ms: int, value: bytes
) -> None:
    shown = {
        "key": text_or_raw(key),
        "headers": headers_document(headers),
        "timestamp": timestamp_text(timestamp_ms),
        **raw(value),
    }
    envelope = opened(json.loads(json.dumps(shown)))
    assert envelope.key == key
    assert list(envelope.headers) == headers
    assert envelope.timestamp_ms == timestamp_ms
    assert envelope.raw == value


def test_a_timestamp_is_a_date_with_its_zone_or_milliseconds() -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    for written in ("2020-01-02T04:04:05+01:00", "2020-01-02T03:04:05Z", 1577934245000):
        envelope = opened({"value": 1, "timestamp": written})
        assert envelope.timestamp_ms == moment.timestamp() * 1000


def test_a_timestamp_without_a_date_is_shown_as_a_number() -> None:
    assert timestamp_text(10**18) == str(10**18)
    assert opened({"value": 1, "timestamp": str(10**18)}).timestamp_ms == 10**18


def test_a_number_is_a_key_as_the_sdk_writes_it() -> None:
    assert opened({"value": 1, "key": 12}).key == b"12"
