"""Where tapped records go: a file or stdout, written by a thread of its own.

A full disk, or a reader of stdout that does not read, must not hold up the application's loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol

from streamlet_sdk.errors import CloudflowError

if TYPE_CHECKING:
    from collections.abc import Callable

# Lines that wait for a slow reader before reading from the topic pauses.
LINES_WAITING: Final = 10_000


class Target(Protocol):
    """A file, as far as it is written."""

    def write(self, data: memoryview, /) -> int:
        """Write some bytes; how many."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Sink:
    """Writes lines in order; each is on its way at once, none waits for the next.

    Attributes:
        error: what ended it; lines after that are dropped.
    """

    def __init__(self, name: Path, target: Target, failed: Callable[[OSError], None]) -> None:
        """Write to `target`; `failed` is called once, from the thread that writes."""
        self.name = name
        self.error: OSError | None = None
        self._target = target
        self._failed = failed
        self._handed = 0
        self._written = 0
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._progress = asyncio.Event()
        self._done = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop

    def start(self) -> None:
        """Begin; called on the loop."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name=f"tap-{self.name}", daemon=True).start()

    def write(self, line: str) -> None:
        """Hand a line over."""
        self._handed += 1
        self._lines.put(f"{line}\n".encode())

    async def room(self) -> None:
        """Wait while too many lines wait."""
        while self._handed - self._written > LINES_WAITING:
            self._progress.clear()
            await self._progress.wait()

    async def close(self) -> None:
        """Write what waits and close the file."""
        self._lines.put(None)
        await self._done.wait()

    def _run(self) -> None:
        more = True
        while more:
            lines = [self._lines.get()]
            while not self._lines.empty():
                lines.append(self._lines.get())
            more = None not in lines
            self._write(b"".join(line for line in lines if line is not None))
            self._written += len(lines)
            self._loop.call_soon_threadsafe(self._progress.set)
        with self._kept_error():
            self._target.close()
        self._loop.call_soon_threadsafe(self._done.set)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        with self._kept_error():
            while left and self.error is None:
                left = left[self._target.write(left) :]

    @contextmanager
    def _kept_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if self.error is None:
                self.error = error
                self._failed(error)


def opened(path: Path) -> FileIO:
    """A file to tap into; what was in it is gone.

    Raises:
        CloudflowError: when it cannot be written.
    """
    try:
        return FileIO(path, "wb")
    except OSError as error:
        raise CloudflowError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Tap into a file in a folder that exists: --tap TOPIC=FILE",
        ) from error
