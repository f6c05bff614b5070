"""Cuts a body into its JSON elements while it arrives, in bounded memory.

Called by `intake`. It does not parse: each element must be given to a JSON parser. An array
whose elements are all valid JSON is valid JSON, so nothing malformed passes both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

WHITESPACE: Final = b" \t\r\n"
QUOTE, BACKSLASH, COMMA = b'"'[0], b"\\"[0], b","[0]
OPENING, OPENING_ARRAY, CLOSING_ARRAY = frozenset(b"[{"), b"["[0], b"]"[0]

# Possessive, so that a long string without an end costs one pass. The inside of a string that
# goes on in the next chunk may end in a lone backslash, which neither pattern takes.
_INSIDE_STRING = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_STRING_REST = re.compile(_INSIDE_STRING, re.DOTALL)
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"' + _INSIDE_STRING + rb'")*+', re.DOTALL)
_TO_BRACKET_OR_COMMA = re.compile(rb'(?:[^"\[\]{},]++|"' + _INSIDE_STRING + rb'")*+', re.DOTALL)


class ElementError(ValueError):
    """The body is not what its elements could be cut from; says what is wrong."""


class ElementTooLargeError(ValueError):
    """An element is larger than the limit."""


class Splitter(Protocol):
    """Cuts elements from chunks.

    Attributes:
        unit: what `position` counts.
        position: of the element that is yielded or being read.
    """

    unit: str
    position: int

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The elements that `chunk` completes, in order."""
        ...

    def finish(self) -> Iterator[bytes]:
        """The element that the end of the body completes, if there is one."""
        ...


class Lines:
    """Elements on lines of their own (NDJSON); blank lines are none. Lines count from 1."""

    unit = "line"

    def __init__(self, limit: int) -> None:
        """Refuse lines longer than `limit` bytes."""
        self.position = 1
        self._limit = limit
        self._partial = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that `chunk` completes.

        Raises:
            ElementTooLargeError: when a line exceeds the limit, also before its end has come.
        """
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield from self._line(line)
            self.position += 1
        self._partial += rest
        self._check(len(self._partial))

    def finish(self) -> Iterator[bytes]:
        """The last line, which may lack its end."""
        yield from self._line(b"")

    def _line(self, end: bytes) -> Iterator[bytes]:
        line = bytes(self._partial) + end if self._partial else end
        self._partial.clear()
        self._check(len(line))
        if line := line.strip(WHITESPACE):
            yield line

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ElementTooLargeError


class ArrayElements:
    """Elements of one top-level JSON array. Elements count from 0."""

    unit = "index"

    def __init__(self, limit: int) -> None:
        """Refuse elements longer than `limit` bytes."""
        self.position = 0
        self._limit = limit
        self._partial = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._closed = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The elements that `chunk` completes.

        Raises:
            ElementError: when this is no array, or an element is missing.
            ElementTooLargeError: when an element exceeds the limit, also before its end has come.
        """
        start = at = self._enter(chunk)
        while (at := self._skip(chunk, at)) < len(chunk):
            mark = chunk[at]
            at += 1
            if mark in OPENING:
                self._depth += 1
            elif self._depth > 1:
                self._depth -= 1
            else:
                if (element := self._cut(chunk[start : at - 1], mark)) is not None:
                    yield element
                    self.position += 1
                start = at
        self._keep(chunk[start:])

    def finish(self) -> Iterator[bytes]:
        """Nothing; the last element ended with the array.

        Raises:
            ElementError: when the array has not ended.
        """
        if not self._closed:
            raise ElementError("The array is not closed: the body ends too early.")
        yield from ()

    def _enter(self, chunk: bytes) -> int:
        if self._depth or self._closed:
            return 0
        at = len(chunk) - len(chunk.lstrip(WHITESPACE))
        if at == len(chunk):
            return at
        if chunk[at] != OPENING_ARRAY:
            raise ElementError("The body is not a JSON array.")
        self._depth = 1
        return at + 1

    def _skip(self, chunk: bytes, at: int) -> int:
        """Where the next bracket is, or comma between elements; the chunk's length if nowhere."""
        if not self._depth:
            return len(chunk)
        if self._in_string:
            at = self._string_end(chunk, at)
        pattern = _TO_BRACKET if self._depth > 1 else _TO_BRACKET_OR_COMMA
        if not self._in_string and (found := pattern.match(chunk, at)) is not None:
            at = found.end()
        if at < len(chunk) and chunk[at] == QUOTE:
            # Only a string without an end stops the pattern here.
            self._in_string = True
            at = self._string_end(chunk, at + 1)
        return at

    def _string_end(self, chunk: bytes, at: int) -> int:
        if self._escaped and at < len(chunk):
            self._escaped = False
            at += 1
        if (found := _STRING_REST.match(chunk, at)) is not None:
            at = found.end()
        if at == len(chunk):
            return at
        if chunk[at] == BACKSLASH:
            self._escaped = True
        else:
            self._in_string = False
        return at + 1

    def _cut(self, end: bytes, mark: int) -> bytes | None:
        element = (bytes(self._partial) + end if self._partial else end).strip(WHITESPACE)
        self._partial.clear()
        if len(element) > self._limit:
            raise ElementTooLargeError
        if mark == CLOSING_ARRAY:
            self._depth, self._closed = 0, True
            if not element and self.position == 0:
                return None
        elif mark != COMMA:
            raise ElementError("A '}' closes what was not opened.")
        if not element:
            raise ElementError("An element is missing between commas, or before the array's end.")
        return element

    def _keep(self, rest: bytes) -> None:
        if not self._partial:
            rest = rest.lstrip(WHITESPACE)
        if self._closed and rest:
            raise ElementError("There is more after the end of the array.")
        self._partial += rest
        if len(self._partial) > self._limit:
            raise ElementTooLargeError
