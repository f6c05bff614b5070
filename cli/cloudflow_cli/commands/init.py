"""`kubectl cloudflow init`."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

import typer

from cloudflow_cli import render, templates
from cloudflow_cli.errors import UsageError
from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.problems import closest

_NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_TAKEN: Final = sys.stdlib_module_names | {"cloudflow_cli", "streamlet_sdk", "test", "tests"}


def init(
    ctx: typer.Context,
    where: Annotated[
        Path, typer.Argument(metavar="NAME", help="Name of the project, or a path that ends in it.")
    ],
    template: Annotated[
        str, typer.Option("--template", metavar="NAME", help="What the project begins with.")
    ] = "hello",
) -> None:
    """Make a new project that runs at once.

    The project has streamlets, a blueprint, configuration for the sandbox and tests. Its folder is
    made here; nothing that exists is overwritten.

    Examples:
        kubectl cloudflow init my-project
        kubectl cloudflow init services/my-project --template hello
    """
    known = templates.names()
    if template not in known:
        meant = closest(template, known)
        hint = f"Did you mean {meant!r}?" if meant else f"There is {', '.join(known)}."
        raise UsageError(f"There is no template {template!r}.", hint=hint)
    name = _checked(where.resolve().name)
    made = templates.rendered(template, name=name, package=_package(name))
    _write(where, made)
    steps = "".join(
        f"  {step}\n"
        for step in (f"cd {where}", "kubectl cloudflow sandbox", "kubectl cloudflow verify")
    )
    render.show(
        {"project": str(where), "files": [str(path) for path in made]},
        ctx.obj.output,
        text=f"Made {where}. Go on with:\n{steps}",
    )


def _package(name: str) -> str:
    return name.replace("-", "_")


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} cannot be the name of a project.",
            hint="Use at most 63 lower-case letters, digits and dashes, a letter first and no "
            "dash last.",
        )
    package = _package(name)
    if keyword.iskeyword(package) or keyword.issoftkeyword(package) or package in _TAKEN:
        raise UsageError(
            f"{name!r} cannot be the name of a project: Python has something called {package!r}.",
            hint="Choose another name.",
        )
    return name


def _write(folder: Path, texts: Mapping[PurePosixPath, str]) -> None:
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CloudflowError(
                f"{folder} exists and is not an empty folder.",
                hint="Choose another name, or remove it.",
            )
        for path, text in texts.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise CloudflowError(f"{folder} cannot be written: {error.strerror or error}.") from error
