"""`kubectl cloudflow version`."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudflow_cli import VERSION, render


def version(
    ctx: typer.Context,
    client: Annotated[bool, typer.Option("--client", help="Ask no cluster.")] = False,
) -> None:
    """Show the version of this command line.

    Examples:
        kubectl cloudflow version --client
        kubectl cloudflow version --client -o json
    """
    del client
    render.show({"client": VERSION}, ctx.obj.output, text=f"kubectl-cloudflow {VERSION}\n")
