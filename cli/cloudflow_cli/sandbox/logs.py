"""One log for all streamlets, on stderr: each line with the time and who wrote it.

What user code prints goes here too, because stdout carries tapped records only.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

import streamlet_sdk

# The replica that runs in the current task; tasks and threads inherit it from who makes them.
speaker: ContextVar[str | None] = ContextVar("speaker", default=None)

PLATFORM: Final = "sandbox"
PRINTED: Final = logging.getLogger("streamlet_sdk.printed")
STDOUT: Final = 1
STDERR: Final = 2
_OWN: Final = str(Path(streamlet_sdk.__file__).parent)
_OF_STREAMLET: Final = "streamlet."


class LogFormatter(logging.Formatter):
    """Makes the lines of a record: each has the time and the name of who wrote it.

    Attributes:
        width: of the longest name.
    """

    def __init__(self, *, verbose: bool) -> None:
        """Verbose: show also the platform's own frames of tracebacks."""
        super().__init__()
        self.width = len(PLATFORM)
        self._verbose = verbose

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            text = f"{record.levelname.lower()}: {text}"
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}\n{self._trace(record.exc_info[1])}"
        head = f"{self.formatTime(record, '%H:%M:%S')} {_name(record):<{self.width}} "
        return "\n".join(f"{head}{line}".rstrip() for line in text.splitlines() or [""])

    def _trace(self, error: BaseException) -> str:
        found = traceback.TracebackException.from_exception(error)
        if not self._verbose:
            _hide_own_frames(found)
            while not found.stack and found.__cause__ is not None:
                found = found.__cause__  # what the platform made of it is in the message
        return "".join(found.format()).rstrip()


def _name(record: logging.LogRecord) -> str:
    here = speaker.get()
    if here is None and record.name.startswith(_OF_STREAMLET):
        return record.name.removeprefix(_OF_STREAMLET)
    return here or PLATFORM


def _hide_own_frames(found: traceback.TracebackException | None) -> None:
    """Leave the frames of user code: what the platform did around it explains nothing."""
    if found is None:
        return
    kept = [frame for frame in found.stack if not frame.filename.startswith(_OWN)]
    found.stack = traceback.StackSummary.from_list(kept)
    _hide_own_frames(found.__cause__)
    _hide_own_frames(found.__context__)


class _Printed(io.StringIO):
    """Stands in for stdout while user code runs: its lines become lines of the log."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: dict[str | None, str] = {}

    @override
    def write(self, text: str, /) -> int:
        *lines, rest = (self._begun.pop(speaker.get(), "") + text).split("\n")
        if rest:
            self._begun[speaker.get()] = rest
        for line in lines:
            PRINTED.info("%s", line)
        return len(text)


@dataclass(frozen=True, slots=True)
class Log:
    """The log while it is written."""

    handler: logging.StreamHandler[Any]
    formatter: LogFormatter

    def fit(self, names: Iterable[str]) -> None:
        """Make room for names."""
        self.formatter.width = max(map(len, (PLATFORM, *names)))

    @contextmanager
    def through(self, write: Callable[[str], object]) -> Iterator[None]:
        """Write the log with `write` until the block ends, because a view owns the terminal."""
        stream = self.handler.setStream(_Stream(write))
        try:
            yield
        finally:
            self.handler.setStream(stream)

    def say(self, text: str) -> None:
        """Write to people, past the log and past every lock: for signal handlers."""
        stream = self.handler.stream
        if isinstance(stream, _Stream):
            stream.write(text)
        else:
            os.write(STDERR, text.encode())


class _Stream:
    """A text stream over a function."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write

    def flush(self) -> None:
        """Everything is written at once."""


@dataclass(frozen=True, slots=True)
class OnTerminal:
    """Stdout, when it is the terminal that the log is on too: both have to share the view."""

    log: Log

    def write(self, data: memoryview, /) -> int:
        """Write whole lines; how many bytes were written."""
        self.log.handler.stream.write(bytes(data).decode())
        return len(data)

    def close(self) -> None:
        """The terminal stays open."""


@contextmanager
def logging_to_stderr(*, verbose: bool) -> Iterator[Log]:
    """Log until the block ends."""
    handler: logging.StreamHandler[Any] = logging.StreamHandler(sys.stderr)
    formatter = LogFormatter(verbose=verbose)
    handler.setFormatter(formatter)
    root, own = logging.getLogger(), logging.getLogger("streamlet_sdk")
    client = logging.getLogger("aiokafka")
    levels = root.level, own.level, client.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    own.setLevel(logging.DEBUG if verbose else logging.NOTSET)
    # It tells of every step of every rebalance.
    client.setLevel(logging.INFO if verbose else logging.WARNING)
    try:
        yield Log(handler, formatter)
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        own.setLevel(levels[1])
        client.setLevel(levels[2])


@contextmanager
def kept_stdout() -> Iterator[FileIO]:
    """Stdout for tapped records alone; what user code prints meanwhile goes to the log.

    Also what other languages and sub-processes write to it goes to stderr.
    """
    sys.stdout.flush()
    own = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    try:
        with redirect_stdout(_Printed()):
            yield FileIO(own, "wb", closefd=False)
    finally:
        os.dup2(own, STDOUT)
        os.close(own)
