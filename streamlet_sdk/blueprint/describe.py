"""Describes the classes of a project in a process of its own, so that their code can do no harm.

Called by the command line and the sandbox. What user code does while it is imported (print, exit,
crash, hang) ends in a problem here, never in the caller.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.blueprint.descriptor import Descriptor, class_path
from streamlet_sdk.blueprint.problems.loading import ImportCrashed, ImportTimedOut
from streamlet_sdk.blueprint.problems.registry import from_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamlet_sdk.problems import Problem

TIMEOUT: Final = timedelta(seconds=20)
_GRACE_S: Final = 5.0  # more than the child's own watchdog needs to say where the child hangs


def describe_classes(
    names: Iterable[str], source: Path, timeout: timedelta = TIMEOUT
) -> tuple[dict[str, Descriptor], tuple[Problem, ...]]:
    """Import and describe classes, all in one process unless one of them ends it.

    Args:
        names: dotted paths or `module:Class`; names that are neither are left to `verify`.
        source: the folder that the modules are in; the environment's packages are found too.
        timeout: how long one process may take.

    Returns:
        The descriptor of each class by its name as given, and the problems of the other classes;
        each of those is a `ClassProblem`.
    """
    paths = {name: path for name in names if (path := class_path(name)) is not None}
    described: dict[str, Descriptor] = {}
    problems: list[Problem] = []
    waiting = list(dict.fromkeys(paths.values()))
    while waiting:
        report = _run(waiting, source, timeout.total_seconds())
        described |= report.descriptors
        problems += report.problems
        # A process that ended early has at least one class less to do the next time.
        done = {*report.descriptors, *report.broken}
        waiting = [path for path in waiting if path not in done]
    descriptors = {name: described[path] for name, path in paths.items() if path in described}
    return descriptors, tuple(problems)


@dataclass(slots=True)
class _Report:
    """What one process found out, by class."""

    descriptors: dict[str, Descriptor] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a process ended.

    Attributes:
        words: `status 3` or `signal 11`; None when it took too long.
        said: where it was, if it could still tell, and all that it printed.
        seconds: the time that it was given.
    """

    words: str | None
    said: str
    seconds: float

    def problem(self, path: str) -> Problem:
        """The problem of a class whose import ended the process so."""
        if self.words is None:
            return ImportTimedOut(
                path=path, class_name=path, seconds=self.seconds, detail=self.said
            )
        return ImportCrashed(path=path, class_name=path, ending=self.words, detail=self.said)


def _run(paths: Sequence[str], source: Path, seconds: float) -> _Report:
    with TemporaryDirectory(prefix="cloudflow-") as folder:
        report, trace, output = (Path(folder, name) for name in ("report", "trace", "output"))
        # -P: modules of the current directory must not hide those of the source.
        command = [
            *(sys.executable, "-P", "-m", "streamlet_sdk.blueprint.extraction"),
            *("--source", str(source.absolute()), "--timeout", str(seconds)),
            *("--report", str(report), "--trace", str(trace), "--", *paths),
        ]
        code = _exit_code(command, output, seconds + _GRACE_S)
        lines = _text(report).splitlines()
        hung = code is None or _text(trace).startswith("Timeout (")
        said = "\n".join(text for text in (_own_frames(_text(trace)), _text(output)) if text)
    return _read(paths, lines, _Ending(None if hung else _words(code or 0), said, seconds))


def _words(code: int) -> str:
    return f"status {code}" if code >= 0 else f"signal {-code} ({signal.strsignal(-code)})"


def _own_frames(trace: str) -> str:
    """A dump of stacks without the frames of the import system and of this package."""
    hidden = ('File "<frozen', "importlib", str(Path(__file__).parent))
    lines = (line for line in trace.splitlines() if not any(one in line for one in hidden))
    return "\n".join(lines).rstrip()


def _text(file: Path) -> str:
    return file.read_text("utf-8", "replace") if file.exists() else ""


def _exit_code(command: Sequence[str], output: Path, seconds: float) -> int | None:
    """Run to the end; None when that took too long."""
    # A file, not pipes: a process that the user's code leaves behind would hold a pipe open.
    with output.open("wb") as sink:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    return done.returncode


def _read(paths: Sequence[str], lines: Sequence[str], ending: _Ending) -> _Report:
    report = _Report()
    for line in lines:
        entry: dict[str, Any] = json.loads(line)
        path: str = entry["class"]
        if "descriptor" in entry:
            report.descriptors[path] = Descriptor.model_validate(entry["descriptor"])
        else:
            report.broken.add(path)
            report.problems += map(from_entry, entry["problems"])
    left = [path for path in paths if path not in {*report.descriptors, *report.broken}]
    if left:
        # The process ended in the module of the first of them, and would again for its others.
        broken = [path for path in left if _shares(path, left[0])]
        report.broken.update(broken)
        report.problems += map(ending.problem, broken)
    return report


def _shares(path: str, other: str) -> bool:
    return path.partition(":")[0] == other.partition(":")[0]
