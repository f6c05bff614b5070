"""Runs `kubectl cloudflow sandbox` as people do: a process, with real signals and pipes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.sources import ROOT

if TYPE_CHECKING:
    import signal
    from pathlib import Path

PROJECTS = ROOT / "tests" / "contract" / "sandbox" / "projects"
SECONDS = 60.0  # more than any of these runs needs on a busy machine
START = "import sys; from cloudflow_cli.main import main; main()"


@dataclass(frozen=True)
class Outcome:
    """How a process ended and what it wrote."""

    status: int
    stdout: str
    stderr: str

    @property
    def documents(self) -> list[Any]:
        """The lines of stdout as JSON."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """What `-o json` says."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    def counted(self, streamlet: str) -> dict[str, int]:
        """What a streamlet has done, of `-o json`, without zeros."""
        counts: dict[str, int] = self.summary["streamlets"][streamlet]
        return {name: count for name, count in counts.items() if count}


class Sandbox:
    """A process that runs; what it writes to stderr is read as far as is asked for."""

    def __init__(self, *words: object, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, "sandbox", *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=os.environ | {"COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self._read = ""

    def write(self, text: str) -> None:
        """Write to its stdin, and leave it open."""
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def until(self, pattern: str) -> str:
        """Read stderr to the first line with `pattern`, which is returned."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._read += line
            if re.search(pattern, line):
                return line
        raise AssertionError(f"no {pattern!r} in:\n{self._read}")

    def shown(self) -> str:
        """Read the next line of stdout."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close_stdout(self) -> None:
        """Read no more of stdout, as `head` does when it has enough."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self, text: str = "") -> Outcome:
        """Close its stdin after `text` and wait for it to end."""
        assert self._process.stdout is not None
        if self._process.stdout.closed:
            self._process.stdout = None
        try:
            stdout, stderr = self._process.communicate(text, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, stderr = self._process.communicate()
            raise AssertionError(f"it did not end:\n{self._read}{stderr}") from None
        return Outcome(self._process.returncode, stdout or "", self._read + stderr)


def sandbox(*words: object, folder: Path = PROJECTS / "orders", stdin: str = "") -> Outcome:
    """Run the command to its end."""
    return Sandbox(*words, folder=folder).end(stdin)
