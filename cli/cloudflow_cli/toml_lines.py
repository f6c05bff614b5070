"""Finds the line of every table and key of a TOML text; the standard library does not tell.

Called by `project` for texts that have been read. A key inside an inline table has the line of the
key that the table belongs to.
"""

from __future__ import annotations

import re
from typing import Final

from cloudflow_cli.document import Keys

_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_PATH: Final = rf"{_PART}(?:\s*\.\s*{_PART})*"
_TABLE: Final = re.compile(rf"\s*\[\[?\s*({_PATH})\s*\]")
_KEY: Final = re.compile(rf"\s*({_PATH})\s*=")
_QUOTES: Final = re.compile(r"\"{3}|'{3}")


def lines_of(text: str) -> dict[Keys, int]:
    """The line, from 1, of every table and key in `text`; the first one where there are several."""
    lines: dict[Keys, int] = {}
    table: Keys = ()
    closing: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if closing is None:
            if match := _TABLE.match(line):
                table = _keys(match[1])
                _note(lines, table, number)
            elif match := _KEY.match(line):
                _note(lines, (*table, *_keys(match[1])), number)
        for quotes in _QUOTES.findall(line):
            closing = quotes if closing is None else None if closing == quotes else closing
    return lines


def _note(lines: dict[Keys, int], keys: Keys, number: int) -> None:
    for length in range(1, len(keys) + 1):
        lines.setdefault(keys[:length], number)


def _keys(path: str) -> Keys:
    return tuple(part.strip("\"'") for part in re.findall(_PART, path))
