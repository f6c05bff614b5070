"""Shows results on stdout and everything else on stderr; nothing else in this package prints."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cloudflow_cli.options import Common, Output

if TYPE_CHECKING:
    from streamlet_sdk.errors import CloudflowError, ProblemsError
    from streamlet_sdk.problems import Problem


def show(result: Mapping[str, Any], output: Output, *, text: str) -> None:
    """Write the result of a command to stdout: `result` as JSON or YAML, or `text` for people."""
    match output:
        case Output.JSON:
            sys.stdout.write(json.dumps(result, indent=2) + "\n")
        case Output.YAML:
            import yaml

            sys.stdout.write(yaml.safe_dump(result, sort_keys=False, allow_unicode=True))
        case Output.TABLE:
            sys.stdout.write(text)


def note(sentence: str) -> None:
    """Tell people something; scripts that read stdout do not see it."""
    sys.stderr.write(sentence + "\n")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as kubectl writes them: upper-case names, three spaces between."""
    lines = [[name.upper() for name in header], *([*row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def failure(error: CloudflowError, common: Common) -> None:
    """Write why a command failed; problems also as a result, when the output is not for people."""
    from streamlet_sdk.errors import ProblemsError

    if not isinstance(error, ProblemsError):
        note(f"Error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
    elif common.output is Output.TABLE:
        note(problems_text(error, verbose=common.verbose))
    else:
        file = _file(error)
        result = {"problems": [problem_data(problem, file) for problem in error.problems]}
        show(result, common.output, text="")
    if common.verbose and not isinstance(error, ProblemsError):
        note("".join(traceback.format_exception(error)))


def problems_text(error: ProblemsError, *, verbose: bool) -> str:
    """All problems for people: where and what in one line, what to do in the next."""
    file = _file(error)
    lines: list[str] = []
    for problem in error.problems:
        lines += problem_lines(problem, file)
        detail = getattr(problem, "detail", None)
        if detail and verbose:
            lines += [f"  | {line}" for line in str(detail).splitlines()]
    count = len(error.problems)
    lines.append(f"{count} problem{'' if count == 1 else 's'}" + (f" in {file}" if file else ""))
    return "\n".join(lines)


def problem_lines(problem: Problem, file: str | None) -> list[str]:
    """One problem for people: `file:line: path: sentence`, then the remedy."""
    line = str(problem.line) if problem.line is not None else None
    where = ":".join(part for part in (file, line) if part)
    place = ": ".join(part for part in (where, problem.path) if part)
    meant = f" Did you mean {problem.suggestion!r}?" if problem.suggestion is not None else ""
    return [f"{place}: {problem.sentence}{meant}", f"  {problem.remedy}"]


def problem_data(problem: Problem, file: str | None) -> dict[str, Any]:
    """One problem for scripts."""
    return {
        "type": type(problem).__name__,
        "file": file,
        "path": problem.path,
        "line": problem.line,
        "sentence": problem.sentence,
        "remedy": problem.remedy,
        "suggestion": problem.suggestion,
        "detail": getattr(problem, "detail", None),
    }


def _file(error: ProblemsError) -> str | None:
    from cloudflow_cli.errors import DocumentError

    return str(error.path) if isinstance(error, DocumentError) else None
