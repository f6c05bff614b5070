"""A line of JSON is one object whatever was logged, and nothing that was logged is lost."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from streamlet_sdk.runtime.pod.logs import JsonFormatter, TextFormatter

LABELS = {"application": "app", "streamlet": "worker", "replica": "worker-0"}


class Odd:
    """Something that JSON has no word for."""

    def __repr__(self) -> str:
        return "<odd>"


def logged(message: str = "hello", *args: object, **extra: Any) -> dict[str, Any]:
    """The object that a call becomes; it has to stand on one line."""
    error = extra.pop("error", None)
    record = logging.getLogger("user.code").makeRecord(
        "user.code",
        logging.WARNING,
        "file.py",
        7,
        message,
        args,
        (type(error), error, error.__traceback__) if error is not None else None,
        extra=extra,
    )
    line = JsonFormatter(LABELS).format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line, parse_constant=_no_json)
    return found


def _no_json(word: str) -> object:
    raise AssertionError(f"{word} is no JSON")


def raised() -> ValueError:
    """An error with a traceback."""
    with pytest.raises(ValueError, match="first") as caught:
        raise ValueError("first\nsecond")
    return caught.value


def test_a_line_says_when_where_what_and_whose() -> None:
    line = logged("%d of %s", 3, "five")
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "user.code",
        "message": "3 of five",
        **LABELS,
    }


def test_newlines_and_other_languages_stay_what_they_are() -> None:
    assert logged("zwei\nZeilen: \u00e4\u00f6\u00fc \u4e16\u754c \u2028 \x00")["message"] == (
        "zwei\nZeilen: \u00e4\u00f6\u00fc \u4e16\u754c \u2028 \x00"
    )


def test_an_exception_is_part_of_the_line() -> None:
    line = logged("it failed", error=raised())
    assert line["message"] == "it failed"
    assert "Traceback" in line["exception"]
    assert line["exception"].endswith("ValueError: first\nsecond")


def test_extras_stand_in_the_line_and_replace_nothing() -> None:
    line = logged(device="d1", count=3, application="mine", level="none", odd=Odd())
    assert (line["device"], line["count"], line["odd"]) == ("d1", 3, "<odd>")
    assert (line["application"], line["level"]) == ("app", "warning")


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({(1, 2): "a"}, "{(1, 2): 'a'}"),
        (CIRCLE, "[[...]]"),
        (float("nan"), "nan"),
        ({"deep": Odd(), 3: float("inf")}, "{'deep': <odd>, 3: inf}"),
    ],
)
def test_what_json_cannot_say_is_shown_as_text(value: object, shown: str) -> None:
    line = logged(about=value, device="d1")
    assert line["about"] == shown
    assert line["device"] == "d1"
    assert line["message"] == "hello"


def test_text_is_for_people() -> None:
    record = logging.makeLogRecord(
        {"name": "user", "levelname": "INFO", "msg": "%s", "args": ("hi",), "created": 0.25}
    )
    assert TextFormatter().format(record) == "1970-01-01T00:00:00.250Z INFO     user: hi"
