"""Writes the pages of `docs/reference` from the code, or checks that they are as written.

`make docs` runs it; `make check` runs it with `--check`. A page is one entry of `PAGES`.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlet_sdk
from cloudflow_cli import problems
from cloudflow_cli.app import COMMANDS, help_text
from cloudflow_cli.deploying import problems as deploying
from cloudflow_cli.exits import Exit
from cloudflow_operator import metrics as of_operator
from cloudflow_operator.api import page as resource
from streamlet_sdk.blueprint import catalogue
from streamlet_sdk.runtime.pod.metrics import documented

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

FOLDER: Final = Path(__file__).parent / "reference"
HEADER: Final = "<!-- Written by `make docs`; change the code instead. -->\n\n"
SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields):")
ENTRY = re.compile(r" {4}(?P<name>[\w*, ]+): (?P<text>.*)")
METRICS_ARE: Final = """\
A pod serves them on port 8090 under `/metrics`. [Pods](../concepts/pods.md) says what else it
serves, [monitoring](../monitoring/README.md) has a dashboard and alert rules."""
METRICS_ALSO: Final = """\
Dead letters are also counted as records of the outlet `<inlet>-dead-letters`. Counters begin at 0
with the process. Lag, in-flight records and commit age are what was seen at the last look, every 5
seconds. What a streamlet counts itself by `self.context.metrics`, and what `prometheus_client`
knows of the process (`process_…`, `python_…`), stands beside them."""

OPERATOR_METRICS_ARE: Final = """\
The operator serves them under `/metrics` on the port of its probes, 8080 unless it was told
otherwise. Each replica counts what it does itself: only the leader looks at applications."""
OPERATOR_METRICS_ALSO: Final = """\
What `prometheus_client` knows of the process (`process_…`, `python_…`) stands beside them."""


def sdk_page() -> str:
    """Every public name of `streamlet_sdk`, with its docstring and its public methods."""
    parts = ["# The public names of `streamlet_sdk`", inspect.getdoc(streamlet_sdk) or ""]
    for name in streamlet_sdk.__all__:
        value = getattr(streamlet_sdk, name)
        parts += [f"## {name}", markdown(inspect.getdoc(value) or "")]
        if isinstance(value, type):
            parts += ["\n".join(method_lines(value))]
    return "\n\n".join(part for part in parts if part) + "\n"


def method_lines(owner: type) -> Iterator[str]:
    """One list item for each public method or property that `owner` itself defines."""
    for name, member in vars(owner).items():
        doc = inspect.getdoc(member)
        if name.startswith("_") or doc is None:
            continue
        if isinstance(member, property):
            yield f"- `{name}`: {summary(doc)}"
        elif inspect.isfunction(member):
            yield f"- `{name}(…)`: {summary(doc)}"


def summary(doc: str) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join(doc.split("\n\n", maxsplit=1)[0].split())


def markdown(doc: str) -> str:
    """A Google-style docstring as Markdown: its sections become lists."""
    lines: list[str] = []
    for line in doc.splitlines():
        if section := SECTION.fullmatch(line):
            lines += [f"{section[1]}:", ""]
        elif entry := ENTRY.fullmatch(line):
            lines.append(f"- `{entry['name']}`: {entry['text']}")
        else:
            lines.append(re.sub(r"^ {8}", "  ", line))
    return "\n".join(lines)


def cli_page() -> str:
    """The help of every command, the exit codes, and the problems of a project's files."""
    parts = ["# The command line", fenced(help_text())]
    for name in COMMANDS:
        parts += [f"## {name}", fenced(help_text(name))]
    codes = "\n".join(f"| {code.value} | {code.meaning} |" for code in Exit)
    parts += ["## Exit codes", f"| code | meaning |\n| ---- | ------- |\n{codes}"]
    parts += ["## Problems of a project's files", problem_list(problems)]
    parts += ["## Problems of what is deployed", problem_list(deploying)]
    return "\n\n".join(parts) + "\n"


def problem_list(module: ModuleType) -> str:
    """The problems of a module, each with what it is."""
    kinds = [kind for kind in vars(module).values() if getattr(kind, "says", None)]
    return "\n".join(
        f"- `{kind.__name__}`: {summary(inspect.getdoc(kind) or '')}" for kind in kinds
    )


def fenced(text: str) -> str:
    """Text as it stands."""
    return f"```text\n{text}```"


def metrics_page() -> str:
    """Every metric of a pod, with its type, labels and meaning."""
    table = metrics_table((one.name, one.kind, one.labels, one.help) for one in documented())
    return f"# Metrics\n\n{METRICS_ARE}\n\n{table}\n\n{METRICS_ALSO}\n"


def operator_metrics_page() -> str:
    """Every metric of the operator, with its type, labels and meaning."""
    table = metrics_table(
        (one.full_name, one.type.__name__.lower(), one.labels, one.help) for one in of_operator.ALL
    )
    title = "# Metrics of the operator"
    return f"{title}\n\n{OPERATOR_METRICS_ARE}\n\n{table}\n\n{OPERATOR_METRICS_ALSO}\n"


def metrics_table(rows: Iterable[tuple[str, str, tuple[str, ...], str]]) -> str:
    """Name, type, labels and meaning of metrics."""
    lines = [
        f"| `{name}` | {kind} | {', '.join(labels)} | {text} |" for name, kind, labels, text in rows
    ]
    return "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n" + "\n".join(lines)


PAGES: Final[dict[str, Callable[[], str]]] = {
    "cli.md": cli_page,
    "metrics.md": metrics_page,
    "operator-metrics.md": operator_metrics_page,
    "problems.md": catalogue.page,
    "resource.md": resource.page,
    "sdk.md": sdk_page,
}


def main() -> int:
    """Write or check every page; the exit status is 1 when a checked page differs."""
    parser = argparse.ArgumentParser(description="Write or check the pages of docs/reference.")
    parser.add_argument("--check", action="store_true", help="write nothing, name what differs")
    check = parser.parse_args().check
    pages = {FOLDER / name: HEADER + page() for name, page in PAGES.items()}
    stale = [
        path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text
    ]
    for path in stale:
        if check:
            print(f"docs/reference/{path.name} is not what the code says: run `make docs`")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages[path], "utf-8")
            print(f"wrote docs/reference/{path.name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
