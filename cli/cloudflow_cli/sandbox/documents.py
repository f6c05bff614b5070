"""Reads files of records: JSON lines, or one JSON array, or a single record over many lines.

Lines are read as they come, also from stdin; an array is read whole. Whoever reads runs this in a
thread: reading waits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.document import decoded, read_text
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.problems import FileNotReadable, WrongEncoding
from cloudflow_cli.sandbox.problems import NotJson

if TYPE_CHECKING:
    from streamlet_sdk.problems import Problem

BLOCK_BYTES: Final = 64 * 1024
STDIN: Final = 0
ENCODING: Final = "utf-8"
_UNTERMINATED: Final = "Unterminated string"  # as the decoder of the standard library says it


@dataclass(frozen=True, slots=True)
class Parsed:
    """One record's JSON and the line that it begins on; or what is wrong there."""

    line: int
    document: Any = None
    problem: Problem | None = None


def parsed(path: Path | None) -> Iterator[list[Parsed]]:
    """The records of a file, or of stdin, in portions as they can be had.

    Raises:
        DocumentError: when there is no such file, or it cannot be read.
    """
    with _blocks(path) as blocks:
        begun = _Begun(blocks)
        if begun.is_array:
            yield from _array(path, begun.rest())
        elif path is not None and begun.is_open_object:
            yield from _whole(path, begun.rest())
        else:
            yield from _lines(begun)


class _Begun:
    """Blocks of a file whose first line was looked at; iterated, they are all there."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._head = b""
        while b"\n" not in self._head.lstrip() and (block := next(blocks, b"")):
            self._head += block

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._blocks

    def rest(self) -> bytes:
        """Everything at once."""
        return b"".join(self)

    @property
    def is_array(self) -> bool:
        """Whether the file begins as an array."""
        return _without_mark(self._head).lstrip().startswith(b"[")

    @property
    def is_open_object(self) -> bool:
        """Whether the first line begins an object that goes on: a record for people's eyes."""
        first = _without_mark(self._head).lstrip().partition(b"\n")[0]
        return first.startswith(b"{") and _fault(first) is not None


def _without_mark(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf")


def _fault(data: bytes) -> str | None:
    try:
        json.loads(data)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


@contextmanager
def _blocks(path: Path | None) -> Iterator[Iterator[bytes]]:
    if path is None:
        # Past Python's buffer, which a thread would hold locked while it waits for input.
        yield iter(lambda: os.read(STDIN, BLOCK_BYTES), b"")
        return
    if not path.is_file():
        read_text(path)  # says why it is no file to read; a pipe goes on
    try:
        with path.open("rb", buffering=0) as file:
            yield iter(lambda: file.read(BLOCK_BYTES) or b"", b"")
    except OSError as error:
        reason = error.strerror or str(error)
        raise DocumentError(path, [FileNotReadable(path="", reason=reason)]) from error


def _lines(blocks: _Begun) -> Iterator[list[Parsed]]:
    number = 0
    left = b""
    for block in blocks:
        *lines, left = (left + block).split(b"\n")
        if number == 0 and lines:
            lines[0] = _without_mark(lines[0])
        yield [found for line, text in enumerate(lines, number + 1) if (found := _line(line, text))]
        number += len(lines)
    if left.strip():
        yield [_line(number + 1, left if number else _without_mark(left)) or Parsed(number + 1)]


def _line(number: int, text: bytes) -> Parsed | None:
    if not text.strip():
        return None
    try:
        return Parsed(number, json.loads(text.decode(ENCODING)))
    except UnicodeDecodeError as error:
        reason = f"byte 0x{text[error.start]:02x} has no meaning there"
        return Parsed(number, problem=WrongEncoding(path="", line=number, reason=reason))
    except json.JSONDecodeError as error:
        is_cut = error.pos >= len(text.rstrip()) or error.msg.startswith(_UNTERMINATED)
        reason = "the line ends too early" if is_cut else f"{error.msg} at column {error.colno}"
    except (ValueError, RecursionError) as error:
        reason = str(error)
    return Parsed(number, problem=NotJson(path="", line=number, reason=reason))


def _array(path: Path | None, data: bytes) -> Iterator[list[Parsed]]:
    text = _text(path, data)
    found, end = _items(text)
    if text[end:].strip():
        # After the array there is more: each line is an array, the value of one record.
        yield from _lines(_Begun(iter([data])))
    else:
        yield found


def _items(text: str) -> tuple[list[Parsed], int]:
    """The items of the array that `text` begins with, and where it ends."""
    decoder = json.JSONDecoder()
    found: list[Parsed] = []
    position = _past_space(text, text.index("[") + 1)
    counted, line = 0, 1
    is_closed = text.startswith("]", position)
    while not is_closed:
        line += text.count("\n", counted, position)
        counted = position
        try:
            item, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            return [*found, _broken(text, position, line, error)], len(text)
        found.append(Parsed(line, item))
        position = _past_space(text, position)
        is_closed = text.startswith("]", position)
        if not is_closed and not text.startswith(",", position):
            reason = "the array is not closed" if position == len(text) else "a comma is missing"
            where = text.count("\n", 0, position) + 1
            problem = NotJson(path="", line=where, reason=reason)
            return [*found, Parsed(where, problem=problem)], len(text)
        position = _past_space(text, position + 1)
    return found, position + 1


def _broken(text: str, position: int, line: int, error: Exception) -> Parsed:
    if isinstance(error, json.JSONDecodeError):
        is_cut = not text[position:].strip() or error.pos >= len(text.rstrip())
        reason = "the array is not closed" if is_cut else f"{error.msg} at column {error.colno}"
        return Parsed(error.lineno, problem=NotJson(path="", line=error.lineno, reason=reason))
    return Parsed(line, problem=NotJson(path="", line=line, reason=str(error)))


def _past_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _whole(path: Path, data: bytes) -> Iterator[list[Parsed]]:
    """A file that is one record; or lines, of which the first is broken."""
    try:
        yield [Parsed(1, json.loads(_text(path, data)))]
    except (ValueError, RecursionError):
        yield from _lines(_Begun(iter([data])))


def _text(path: Path | None, data: bytes) -> str:
    return decoded(path or Path("stdin"), data)
