"""What all commands have in common: options, the form of their help, and the error boundary."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from cloudflow_cli.options import COMMON, Common, common_parameters, from_environment, sparing

if TYPE_CHECKING:
    from streamlet_sdk.errors import CloudflowError

T = TypeVar("T")

EXAMPLES: Final = "Examples:\n"
SECTIONS: Final = ("Arguments", "Options", "Options of every command")


def with_options(
    options: type[T],
) -> Callable[[Callable[[typer.Context, T], None]], Callable[..., None]]:
    """Make a command of a function that takes its many options as one dataclass.

    typer reads the signature of a command; this gives it a parameter for each field.
    """
    hints = get_type_hints(options, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(cast("Any", options))
    ]
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)

    def decorate(function: Callable[[typer.Context, T], None]) -> Callable[..., None]:
        def command(ctx: typer.Context, **given: Any) -> None:
            function(ctx, options(**given))

        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        command.__annotations__ = {"ctx": typer.Context, **hints}
        vars(command)["__signature__"] = inspect.Signature([context, *parameters])
        return command

    return decorate


class Command(TyperCommand):
    """A command that takes the common options and turns errors into exit codes."""

    def __init__(self, name: str | None, *, params: Sequence[Any] = (), **given: Any) -> None:
        super().__init__(name, params=[*params, *common_parameters()], **given)

    def get_params(self, ctx: Any) -> list[Any]:
        """All arguments and options."""
        return [sparing(param) for param in super().get_params(ctx)]

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: with the exit code of an error, which is shown first.
        """
        ctx.obj = _common(ctx)
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.BadParameter):
            raise  # before the next line, which imports what a finished command has no use for
        except _cloudflow_error() as error:
            from cloudflow_cli import exits, render

            render.failure(error, ctx.obj)
            raise typer.Exit(exits.status(error)) from error

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write how the command is called."""
        _format_usage(self, ctx, formatter)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the command does, and its examples as they stand."""
        del ctx
        _format_text(self.help, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the command's own options, then the common ones."""
        _format_options(self.get_params(ctx), formatter)


class Group(TyperGroup):
    """All commands: takes the common options before the command's name too."""

    def __init__(self, *, params: Sequence[Any] = (), **given: Any) -> None:
        super().__init__(params=[*params, *common_parameters()], **given)

    def get_params(self, ctx: Any) -> list[Any]:
        """All arguments and options."""
        return [sparing(param) for param in super().get_params(ctx)]

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        ctx.obj = _common(ctx)
        return super().invoke(ctx)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write how commands are called."""
        _format_usage(self, ctx, formatter)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the commands are for, and examples as they stand."""
        del ctx
        _format_text(self.help, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the common options."""
        self.format_commands(ctx, formatter)
        _format_options(self.get_params(ctx), formatter)


def _cloudflow_error() -> type[CloudflowError]:
    from streamlet_sdk.errors import CloudflowError

    return CloudflowError


def _common(ctx: typer.Context) -> Common:
    given = {name: ctx.params.pop(name) for name in COMMON}
    inherited = ctx.obj if isinstance(ctx.obj, Common) else from_environment()
    return inherited.over(given)


def _format_usage(command: Any, ctx: Any, formatter: Any) -> None:
    # The program's name has a dash; people call it through kubectl, without.
    path = ctx.command_path.replace("-", " ", 1)
    pieces = [piece.strip("{}") for piece in command.collect_usage_pieces(ctx)]
    formatter.write_usage(path, " ".join(pieces))


def _format_text(docstring: str | None, formatter: Any) -> None:
    text, _, examples = inspect.cleandoc(docstring or "").partition(EXAMPLES)
    formatter.write_paragraph()
    formatter.write_text(text.strip())
    if examples:
        formatter.write_paragraph()
        formatter.write(EXAMPLES)
        formatter.write("\n".join(f"  {line.strip()}" for line in examples.splitlines()) + "\n")


def _format_options(params: Iterable[Any], formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {title: [] for title in SECTIONS}
    for param in params:
        title = "Options of every command" if param.name in COMMON else "Options"
        is_argument = param.param_type_name == "argument"
        sections["Arguments" if is_argument else title].append(_record(param))
    for title, records in sections.items():
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def _record(param: Any) -> tuple[str, str]:
    """An argument or option and what it is for; typer's own form changes with its versions."""
    metavar = param.metavar or param.name.upper().replace("_", "-")
    if param.param_type_name == "argument":
        return metavar, param.help
    names = ", ".join(sorted(param.opts, key=len))
    default = f" [default: {param.default}]" if isinstance(param.default, str) else ""
    return names if param.is_flag else f"{names} {metavar}", f"{param.help}{default}"
