"""Reads the `KEY=VALUE` words of a command line as a document.

Called by the commands that take configuration. Values stay texts; what they have to be is decided
where their keys are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from cloudflow_cli.errors import UsageError

_PART: Final = r'(?:"[^"]+"|[^\s."=]+)'
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)
MOST_REPLICAS: Final = 1000
_KEY: Final = re.compile(rf"{_PART}(?:\.{_PART})*")


def document(words: Iterable[str]) -> dict[str, Any]:
    """The words as one mapping: `a.b=1` gives `{"a": {"b": "1"}}`; the last of equal keys wins.

    A key with a dot in it stands in quotes: `topic."retention.ms"=3600000`.

    Raises:
        UsageError: when a word is not of this form, or is at odds with one before it.
    """
    content: dict[str, Any] = {}
    for word in words:
        keys, value = pair(word)
        section = content
        for key in keys[:-1]:
            section = section.setdefault(key, {})
            if not isinstance(section, dict):
                raise _at_odds(word)
        if isinstance(section.get(keys[-1]), dict):
            raise _at_odds(word)
        section[keys[-1]] = value
    return content


def place_and_words(given: Sequence[str]) -> tuple[Path, Sequence[str]]:
    """What the words are about, or the current folder, and the `KEY=VALUE` words after it."""
    if given and ("=" not in given[0] or Path(given[0]).exists()):
        return Path(given[0]), given[1:]
    return Path(), given


def counts(given: Iterable[str]) -> dict[str, int]:
    """The numbers of `STREAMLET=N` words; the last of equal names wins.

    Raises:
        UsageError: when a word is not of this form.
    """
    found: dict[str, int] = {}
    for word in given:
        name, equals, number = word.partition("=")
        if not name or not equals or _WHOLE.fullmatch(number) is None:
            raise UsageError(f"{word!r} is not STREAMLET=N, with N from 0 to {MOST_REPLICAS}.")
        found[name] = int(number)
        if found[name] > MOST_REPLICAS:
            raise UsageError(f"{word!r} is not STREAMLET=N, with N from 0 to {MOST_REPLICAS}.")
    return found


def pair(word: str) -> tuple[tuple[str, ...], str]:
    """The keys and the value of one word.

    Raises:
        UsageError: when it is not of the form `KEY=VALUE`.
    """
    key = _KEY.match(word)
    if key is None or not word[key.end() :].startswith("="):
        raise UsageError(
            f"{word!r} is not KEY=VALUE: a key is words with dots between, "
            'and a word with a dot in it stands in quotes: a."b.c"=1'
        )
    parts = re.findall(_PART, key[0])
    return tuple(part.strip('"') for part in parts), word[key.end() + 1 :]


def _at_odds(word: str) -> UsageError:
    return UsageError(f"{word!r}: the key is both a value and a section")
