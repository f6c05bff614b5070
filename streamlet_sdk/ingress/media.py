"""What a request says its body is."""

from __future__ import annotations

from email.message import Message
from enum import Enum, auto
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from streamlet_sdk.ingress.answers import refusal

if TYPE_CHECKING:
    from starlette.datastructures import Headers


class Media(Enum):
    """How the records of a body are written."""

    JSON = auto()
    LINES = auto()


KNOWN: Final = {
    "application/json": Media.JSON,
    "application/x-ndjson": Media.LINES,
    "application/ndjson": Media.LINES,
    "application/jsonl": Media.LINES,
    "application/x-jsonlines": Media.LINES,
}
CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def media_of(headers: Headers) -> Media:
    """How the body is to be read; JSON when the request does not say.

    Raises:
        RequestError: 415 when it is none of the known ones, compressed, or not UTF-8.
    """
    coding = headers.get("content-encoding", "identity")
    if coding.strip().lower() != "identity":
        raise refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Encoding {coding} is not known here; send the body uncompressed.",
            {"Accept-Encoding": "identity"},
        )
    given = headers.get("content-type")
    return Media.JSON if given is None else _media(given)


# Few are in use, and parsing one costs as much as a small record.
@lru_cache(maxsize=64)
def _media(given: str) -> Media:
    parsed = Message()
    parsed["content-type"] = given
    media = KNOWN.get(parsed.get_content_type())
    if media is None:
        raise refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type {given} is not known here; send application/json, or "
            f"application/x-ndjson for one record per line.{_way_out(parsed.get_content_type())}",
            {"Accept": "application/json, application/x-ndjson"},
        )
    charset = parsed.get_content_charset("utf-8")
    if charset not in CHARSETS:
        message = f"The charset {charset} is not known here; send JSON as UTF-8."
        raise refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message)
    return media


def _way_out(given: str) -> str:
    """What to add to a command that says it sends a form, without having been asked to."""
    if given == "application/x-www-form-urlencoded":
        return " With curl, add: -H 'Content-Type: application/json'"
    return ""
