"""Walks through a Markdown page as a reader would: writes its files, runs its commands.

A fenced block below a line that ends in a file's name and a colon is that file's content. In a
`console` block every line that begins with `$ ` is a command, and what follows is what it shows,
where `...` stands for anything in a line, or for any lines. Times are not compared. Other blocks
are only read.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = re.compile(
    r"(?:`(?P<file>[\w./-]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n(?P<shows>(?:(?!\$ ).*\n)*)", re.MULTILINE)
_SECONDS = 60
ANYTHING = "..."
ANY_LINES = "..."


@dataclass(frozen=True)
class File:
    """A file that the reader writes."""

    path: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command that the reader gives, and what the page says it shows."""

    line: str
    shows: str


def steps(page: Path) -> Iterator[File | Command]:
    """What a reader of `page` does, in order."""
    for block in _BLOCK.finditer(page.read_text("utf-8")):
        if block["file"] is not None:
            yield File(block["file"], block["text"])
        elif block["language"] == "console":
            for found in _COMMAND.finditer(block["text"]):
                yield Command(found["command"], found["shows"])


def _environment() -> dict[str, str]:
    # The page's reader has no plug-ins of ours, which warn of settings that only we make.
    scripts = str(Path(sys.executable).parent)
    changed = {"PATH": os.pathsep.join([scripts, os.environ["PATH"]]), "PYTHONWARNINGS": "ignore"}
    return os.environ | changed


@dataclass
class Reader:
    """Somebody with a shell.

    Attributes:
        folder: where they are.
        environment: of their commands.
        patience: seconds that a command may take.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=_environment)
    patience: float = _SECONDS

    def write(self, file: File) -> None:
        """Put a file where the page says."""
        path = self.folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, "utf-8")

    def shown(self, command: Command) -> str:
        """What a command shows; both of its outputs, as on a terminal."""
        name, *words = shlex.split(command.line)
        if name == "cd":
            self.folder = self.folder / words[0]
            return ""
        return self._run(command.line).stdout

    def failure(self, line: str) -> str | None:
        """What a command shows if it fails; None if it does not."""
        done = self._run(line)
        return done.stdout if done.returncode else None

    def _run(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=self.patience,
            check=False,
        )


def differences(command: Command, shown: str) -> list[str]:
    """How what was shown differs from what the page says; empty when it does not.

    The order of lines is not compared: a command's two outputs meet by chance.
    """
    said = _without_times(command.shows).splitlines()
    left = _without_times(shown).splitlines()
    missing = []
    for line in (line for line in said if line != ANY_LINES):
        pattern = ".*".join(map(re.escape, line.rstrip().split(ANYTHING)))
        found = next((one for one in left if re.fullmatch(pattern, one.rstrip())), None)
        if found is None:
            missing.append(f"- {line}")
        else:
            left.remove(found)
    surplus = [] if ANY_LINES in said else [f"+ {line}" for line in left if line.strip()]
    return [f"$ {command.line}", *missing, *surplus] if missing or surplus else []


def _without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ ?s\b", "1.0 s", re.sub(r"\b\d\d:\d\d:\d\d\b", "00:00:00", text))
