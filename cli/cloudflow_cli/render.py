"""Shows results on stdout and everything else on stderr; nothing else in this package prints."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
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
            sys.stdout.write(as_yaml(result))
        case Output.TABLE:
            sys.stdout.write(text)


def item(result: Mapping[str, Any], output: Output, *, text: str) -> None:
    """Write one of many results at once: a line of JSON, a document of YAML, or `text`."""
    match output:
        case Output.JSON:
            sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        case Output.YAML:
            sys.stdout.write("---\n")
            show(result, output, text=text)
        case Output.TABLE:
            sys.stdout.write(text)
    sys.stdout.flush()


def brief(text: str, longest: int = 120) -> str:
    """The first line of a text, as far as it fits into a table."""
    line = text.partition("\n")[0]
    return line if len(line) <= longest and line == text else f"{line[: longest - 1].rstrip()}…"


def as_yaml(result: Mapping[str, Any]) -> str:
    """A result as a document of YAML, in its own order."""
    import yaml

    text: str = yaml.safe_dump(result, sort_keys=False, allow_unicode=True)
    return text


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
        if common.verbose:
            note("".join(traceback.format_exception(error)))
        return
    file = _file(error)
    if common.output is not Output.TABLE:
        data = [problem_data(problem, file) for problem in error.problems]
        show({"problems": data}, common.output, text="")
    for problem in error.problems:
        note(problem_text(problem, file, verbose=common.verbose))
    note(count(len(error.problems), "problem") + (f" in {file}" if file else "") + ".")
    if not common.verbose and any(_detail(problem) for problem in error.problems):
        note("With -v there are tracebacks.")


def warnings(problems: Iterable[Problem], path: Path, common: Common) -> None:
    """Write what is legal and probably not meant."""
    for problem in problems:
        note("Warning: " + problem_text(problem, short(path), verbose=common.verbose))


def problem_text(problem: Problem, file: str | None, *, verbose: bool) -> str:
    """One problem for people: `file:line: path: sentence`, what to do, and with -v the detail."""
    line = str(problem.line) if problem.line is not None else None
    file, path = _place(problem, file)
    where = ":".join(part for part in (file, line) if part)
    place = ": ".join(part for part in (where, path) if part)
    meant = f" Did you mean {problem.suggestion!r}?" if problem.suggestion is not None else ""
    detail = (_detail(problem) or "").splitlines() if verbose else []
    lines = [f"{place}: {problem.sentence}{meant}", f"  {problem.remedy}"]
    return "\n".join(lines + [f"  | {line}" for line in detail])


def _place(problem: Problem, file: str | None) -> tuple[str | None, str]:
    """File and path of a problem; one of a configuration has its layer's name before the path."""
    layer, colon, path = problem.path.partition(": ")
    return (layer, path) if file is None and colon else (file, problem.path)


def problem_data(problem: Problem, file: str | None) -> dict[str, Any]:
    """One problem for scripts."""
    file, path = _place(problem, file)
    return {
        "type": type(problem).__name__,
        "file": file,
        "path": path,
        "line": problem.line,
        "sentence": problem.sentence,
        "remedy": problem.remedy,
        "suggestion": problem.suggestion,
        "detail": _detail(problem),
    }


def short(path: Path) -> str:
    """A path as people would type it here: relative, when it is below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def count(number: int, noun: str) -> str:
    """A number of things: `1 topic`, `2 topics`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _detail(problem: Problem) -> str | None:
    detail: str | None = getattr(problem, "detail", None)
    return detail or None


def _file(error: ProblemsError) -> str | None:
    from cloudflow_cli.errors import DocumentError

    return short(error.path) if isinstance(error, DocumentError) else None
