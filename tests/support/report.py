"""The figures of a benchmark beside their targets, as one table."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BUSY = 1.0
"""The load of a machine from which on somebody else is at work there."""

Sense = Literal["at least", "at most"]
HEADER = ("what", "figure", "compared with", "is", "target", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was asked of a figure; `unit` follows the number."""

    sense: Sense
    value: float
    unit: str

    def met(self, figure: float) -> bool:
        """Whether `figure` is on the right side."""
        return figure >= self.value if self.sense == "at least" else figure <= self.value

    @property
    def text(self) -> str:
        """As people write it."""
        return f"{'≥' if self.sense == 'at least' else '≤'} {self.value:g} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was measured, beside what, and whether it is as asked.

    Attributes:
        figure: the absolute figure, of this machine.
        against: what it is compared with.
        value: what the target speaks of; None: only `figure` is shown.
        unit: of `value`.
    """

    what: str
    figure: str
    against: str = ""
    value: float | None = None
    unit: str = ""
    target: Target | None = None

    def cells(self) -> tuple[str, ...]:
        """The line, by column."""
        shown = "" if self.value is None else f"{self.value:.3g} {self.unit}"
        target = self.target
        if target is None or self.value is None:
            return self.what, self.figure, self.against, shown, "", ""
        verdict = "met" if target.met(self.value) else "MISSED"
        return self.what, self.figure, self.against, shown, target.text, verdict


@dataclass(slots=True)
class Report:
    """Findings in the order in which they came."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, *findings: Finding) -> None:
        """Keep lines."""
        self.findings.extend(findings)

    def text(self) -> str:
        """A Markdown table whose columns line up."""
        rows = [HEADER, *(finding.cells() for finding in self.findings)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
        lines = [_line(row, widths) for row in rows]
        lines.insert(1, "|-" + "-|-".join("-" * width for width in widths) + "-|")
        return "\n".join(lines)

    @property
    def missed(self) -> Sequence[str]:
        """What is not as asked."""
        return [
            finding.what
            for finding in self.findings
            if finding.target is not None
            and finding.value is not None
            and not finding.target.met(finding.value)
        ]


@contextlib.contextmanager
def printed(doubt: str) -> Iterator[Report]:
    """A report that is printed at the end; `doubt` is what a busy machine makes of figures."""
    report = Report()
    began, load = time.monotonic(), os.getloadavg()[0]
    if load > BUSY:
        tell(f"The machine is busy (load {load:.1f}): {doubt}")
    yield report
    sys.stdout.write(
        f"\nPython {platform.python_version()}, {os.cpu_count()} processors, "
        f"load {load:.1f} before, {time.monotonic() - began:.0f} s\n\n{report.text()}\n"
    )
    if report.missed:
        sys.stdout.write(f"\nMissed: {', '.join(report.missed)}\n")


def tell(text: str) -> None:
    """Say how far a benchmark is, beside its table."""
    sys.stderr.write(f"{text}\n")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "| " + " | ".join(cells) + " |"
