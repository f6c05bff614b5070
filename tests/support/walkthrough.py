"""Walks through a Markdown page as a reader would: writes its files, runs its commands.

A fenced block below a line that ends in a file's name and a colon is that file's content, or more
of it if the line says "at the end of". In a `console` block every line that begins with `$ ` is a
command, and what follows is what it shows, where `...` stands for anything in a line, or for any
lines. Times are not compared. A last line `^C` says that somebody ends the command when it has
shown the rest. Other blocks are only read.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_BLOCK = re.compile(
    r"(?:(?P<end>at the end of )?`(?P<file>[\w./-]+)`:\n\n)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n(?P<shows>(?:(?!\$ ).*\n)*)", re.MULTILINE)
_SECONDS = 60
_LOOKS = 5
ANYTHING = "..."
ANY_LINES = "..."
CTRL_C = "^C\n"


@dataclass(frozen=True)
class File:
    """A file that the reader writes, or the end of one."""

    path: str
    text: str
    is_end: bool = False


@dataclass(frozen=True)
class Command:
    """A command that the reader gives, and what the page says it shows."""

    line: str
    shows: str


def steps(page: Path, *, before: str = "", after: str = "") -> Iterator[File | Command]:
    """What a reader of `page` does, in order; of its part before or after a heading if given."""
    text = page.read_text("utf-8")
    if before:
        text = _parted(text, before)[0]
    if after:
        text = _parted(text, after)[1]
    for block in _BLOCK.finditer(text):
        if block["file"] is not None:
            yield File(block["file"], block["text"], block["end"] is not None)
        elif block["language"] == "console":
            for found in _COMMAND.finditer(block["text"]):
                yield Command(found["command"], found["shows"])


def _parted(text: str, heading: str) -> tuple[str, str]:
    above, found, below = text.partition(f"\n## {heading}\n")
    assert found, f"there is no heading {heading!r}"
    return above, below


def _environment() -> dict[str, str]:
    # The page's reader has no plug-ins of ours, which warn of settings that only we make.
    scripts = str(Path(sys.executable).parent)
    changed = {
        "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
        "PYTHONWARNINGS": "ignore",
        "PYTEST_ADDOPTS": "",  # what we are run with is none of theirs
    }
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
        with path.open("a" if file.is_end else "w", encoding="utf-8") as opened:
            opened.write(file.text)

    def shown(self, command: Command) -> str:
        """What a command shows; both of its outputs, as on a terminal."""
        name, *words = shlex.split(command.line)
        if name == "cd":
            self.folder = self.folder / words[0]
            return ""
        if command.shows.endswith(CTRL_C):
            return self._watched(command)
        return self._run(command.line).stdout

    def failure(self, line: str) -> str | None:
        """What a command shows if it fails; None if it does not."""
        done = self._run(line)
        return done.stdout if done.returncode else None

    def _watched(self, command: Command) -> str:
        """What a command shows until it has shown all, and `CTRL_C` if it had to be ended then."""
        wanted = replace(command, shows=f"{ANY_LINES}\n{command.shows.removesuffix(CTRL_C)}")
        shown = ""
        with subprocess.Popen(
            ["bash", "-c", command.line],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # a terminal's Ctrl-C reaches all that a command has started
        ) as process:
            assert process.stdout is not None
            patience = threading.Timer(self.patience, os.killpg, (process.pid, signal.SIGKILL))
            patience.start()
            for line in process.stdout:
                shown += line
                if not differences(wanted, shown):
                    os.killpg(process.pid, signal.SIGINT)
                    shown += process.stdout.read() + CTRL_C
            patience.cancel()
        return shown

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


@dataclass(frozen=True)
class Follower:
    """A reader who does all that a page says, in a place where some things have other names.

    Attributes:
        names: of the page, and what they are here, one after the other.
        looking: what commands begin with that only look; one may look too early on a busy machine.
    """

    reader: Reader
    names: Mapping[str, str]
    looking: re.Pattern[str]

    def here(self, text: str) -> str:
        """`text` of the page with the names of this place."""
        for name, own in self.names.items():
            text = text.replace(name, own)
        return text

    def follow(self, found: Iterable[File | Command]) -> tuple[int, list[str]]:
        """Do what a page says; how many commands there were, and what they showed else."""
        count, differing = 0, []
        for step in found:
            if isinstance(step, File):
                self.reader.write(replace(step, text=self.here(step.text)))
                continue
            count += 1
            differing += self._differences(step)
        return count, differing

    def _differences(self, step: Command) -> list[str]:
        given = Command(self.here(step.line), self.here(step.shows))
        found = differences(given, self.reader.shown(given))
        looks = _LOOKS if self.looking.match(step.line) else 1
        while found and (looks := looks - 1):
            found = differences(given, self.reader.shown(given))
        return found


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
