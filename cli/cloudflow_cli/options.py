"""Every option and argument of the command line, once. Commands use them as annotations."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.main import get_command

OUTPUT_VARIABLE: Final = "KUBECTL_CLOUDFLOW_OUTPUT_FORMAT"


class Output(StrEnum):
    """How a command shows its result."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The options that every command takes, as given.

    Attributes:
        namespace: None: the one of the context.
        context: None: the current one of the kubeconfig.
        kubeconfig: None: where kubectl looks for it.
    """

    namespace: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None
    output: Output = Output.TABLE
    verbose: bool = False

    def over(self, given: Mapping[str, Any]) -> Common:
        """These options with what was `given` on the command line, by option name."""
        values = {name: value for name, value in given.items() if value}
        if "output" in values:
            values["output"] = Output(values["output"])
        if "kubeconfig" in values:
            values["kubeconfig"] = Path(values["kubeconfig"])
        return replace(self, **values)


def from_environment() -> Common:
    """The common options before any was given.

    Raises:
        typer.BadParameter: when the environment asks for an output format that does not exist.
    """
    output = os.environ.get(OUTPUT_VARIABLE) or Output.TABLE
    try:
        return Common(output=Output(output))
    except ValueError:
        raise typer.BadParameter(
            f"{OUTPUT_VARIABLE} is {output!r}; set it to {', '.join(Output)} or remove it"
        ) from None


def common_parameters() -> list[Any]:
    """The common options as typer's parameters, made anew for each command."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(_common)
    return list(get_command(app).params)


def sparing(param: Any) -> Any:
    """`param`, which converts nothing unless it is given.

    typer loads pydantic to convert a value, also one that is absent: half of a start.
    """
    may_be_none = param.nargs == 1 and not param.required and not getattr(param, "multiple", False)
    if may_be_none and "process_value" not in vars(param):
        param.process_value = partial(_unless_absent, param.process_value)
    return param


def _unless_absent(
    convert: Callable[[typer.Context, Any], Any], ctx: typer.Context, value: Any
) -> Any:
    return None if value is None else convert(ctx, value)


def _common(
    *,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", "-n", metavar="NAME", help="Namespace instead of the context's."
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="NAME", help="Context instead of the current one."),
    ] = None,
    kubeconfig: Annotated[
        str | None,
        typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig instead of kubectl's."),
    ] = None,
    output: Annotated[
        Output | None,
        typer.Option(
            "--output",
            "-o",
            metavar="|".join(Output),
            help=f"How to show the result; {OUTPUT_VARIABLE} says it for all commands.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show more, with tracebacks of errors.")
    ] = False,
) -> None:
    """Never called: its signature is read."""


COMMON: Final = frozenset(Common.__dataclass_fields__)

ProjectArgument = Annotated[
    Path,
    typer.Argument(
        metavar="PROJECT",
        help="Folder of a project, or one of its blueprint files; the current folder if absent.",
        show_default=False,
    ),
]
