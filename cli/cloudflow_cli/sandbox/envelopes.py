"""A record as one JSON object: its key, headers and timestamp beside its value.

What `--tap-envelope` writes, `--feed TOPIC=@FILE` reads. Bytes that are no UTF-8 text are
`{"raw": …}` in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from streamlet_sdk.runtime.transport import Headers

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
RAW: Final = "raw"
VALUE: Final = "value"
READ: Final = frozenset({"key", "headers", "timestamp", VALUE, RAW})
# What a tap says besides; it is decided anew when the record is fed again.
PASSED_OVER: Final = frozenset({"topic", "partition", "offset", "error"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands in a line beside the value.

    Attributes:
        timestamp_ms: milliseconds since the epoch; None: now.
        raw: the value's bytes as they are; None when the line has a value.
    """

    key: bytes | None
    headers: Headers
    timestamp_ms: int | None
    raw: bytes | None
    value: Any


def opened(document: Any) -> Envelope:
    """Read a line.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not isinstance(document, Mapping):
        raise TypeError("this is no JSON object")
    unknown = sorted(document.keys() - READ - PASSED_OVER)
    if unknown:
        raise ValueError(f"there is no key {unknown[0]!r}")
    if (RAW in document) == (VALUE in document):
        raise ValueError("it needs either `value` or `raw`")
    return Envelope(
        key=_bytes(document.get("key"), "key"),
        headers=tuple(_headers(document.get("headers"))),
        timestamp_ms=_timestamp_ms(document.get("timestamp")),
        raw=None if RAW not in document else _base64(document[RAW], RAW),
        value=document.get(VALUE),
    )


def text_or_raw(data: bytes | None) -> Any:
    """Bytes as JSON: text where they are UTF-8, else `{"raw": …}`."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return raw(data)


def raw(data: bytes) -> dict[str, str]:
    """Bytes as JSON that is no text: `{"raw": …}` in base64."""
    return {RAW: base64.b64encode(data).decode()}


def from_text_or_raw(document: Any) -> bytes | None:
    """The bytes that `text_or_raw` made a document of.

    Raises:
        ValueError: when it is neither.
    """
    return _bytes(document, "this")


def headers_document(headers: Headers) -> Any:
    """Headers as JSON: an object, or pairs when a name comes twice."""
    pairs = [(name, text_or_raw(value)) for name, value in headers]
    names = dict(pairs)
    return names if len(names) == len(pairs) else [list(pair) for pair in pairs]


def timestamp_text(timestamp_ms: int) -> str:
    """A timestamp as ISO 8601, in UTC, with milliseconds; a number where it has no date."""
    try:
        moment = EPOCH + timedelta(milliseconds=timestamp_ms)
    except OverflowError:
        return str(timestamp_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bytes(document: Any, what: str) -> bytes | None:
    match document:
        case None:
            return None
        case str():
            return document.encode()
        case bool():
            pass
        case int():
            return str(document).encode()
        case {"raw": text} if len(document) == 1:
            return _base64(text, what)
    raise ValueError(f'{what} is neither a text nor {{"raw": base64}}')


def _base64(document: Any, what: str) -> bytes:
    try:
        return base64.b64decode(document, validate=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} is no text in base64") from error


def _headers(document: Any) -> Headers:
    pairs: Any = list(document.items()) if isinstance(document, Mapping) else document or ()
    if not isinstance(pairs, Sequence) or isinstance(pairs, str):
        raise TypeError("headers are neither an object nor a list of pairs")
    return [_header(pair) for pair in pairs]


def _header(pair: Any) -> tuple[str, bytes]:
    match pair:
        case [str() as name, value]:
            return name, _bytes(value, f"header {name!r}") or b""
    raise ValueError("a header is no pair of a name and a text")


def _timestamp_ms(document: Any) -> int | None:
    if document is None or (isinstance(document, int) and not isinstance(document, bool)):
        return document
    if isinstance(document, str):
        if document.lstrip("-").isdecimal():
            return int(document)
        try:
            moment = datetime.fromisoformat(document)
        except ValueError:
            raise ValueError("timestamp is neither ISO 8601 nor milliseconds") from None
        if moment.tzinfo is None:
            raise ValueError("timestamp has no time zone, such as Z or +01:00")
        return (moment - EPOCH) // timedelta(milliseconds=1)
    raise ValueError("timestamp is neither ISO 8601 nor milliseconds")
