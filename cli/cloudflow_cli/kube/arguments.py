"""Arguments of the commands that ask a cluster; on <TAB> they offer what is there."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudflow_cli.kube import completion

ApplicationArgument = Annotated[
    str,
    typer.Argument(
        metavar="APP",
        help="Name of the application.",
        autocompletion=completion.applications,
        show_default=False,
    ),
]
StreamletArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="STREAMLET",
        help="Name of one of its streamlets; all if absent.",
        autocompletion=completion.streamlets,
        show_default=False,
    ),
]
StreamletArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STREAMLET",
        help="Names of some of its streamlets; all if absent.",
        autocompletion=completion.streamlets,
        show_default=False,
    ),
]
