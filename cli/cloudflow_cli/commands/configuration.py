"""`kubectl cloudflow configuration`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloudflow_cli import render
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument
from cloudflow_cli.kube.session import Session

if TYPE_CHECKING:
    from streamlet_sdk.blueprint.explained import Explained


def configuration(
    ctx: typer.Context,
    application: ApplicationArgument,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show where each value comes from.")
    ] = False,
) -> None:
    """Show the configuration that an application runs with.

    A value comes from the default in code, from the resource, from what the resource says of a
    runtime, or from an override, which is what `scale` and `configure` write. Values of secrets are
    shown as `***`.

    Examples:
        kubectl cloudflow configuration sensor-data
        kubectl cloudflow configuration sensor-data --explain
        kubectl cloudflow configuration sensor-data -o json
    """

    async def work(session: Session) -> None:
        from cloudflow_cli.deploying import configuration as configured
        from cloudflow_cli.deploying.looking import read_application
        from cloudflow_cli.kube import applications

        manifest = await applications.read(session, application)
        values = configured.explained(read_application(manifest), manifest)
        data = {"application": application, "values": [_data(one) for one in values]}
        render.show(data, ctx.obj.output, text=_text(values, explain=explain))

    session.run(ctx.obj, work)


def _data(one: Explained) -> dict[str, Any]:
    return {"key": one.path, "value": one.value, "layer": one.layer}


def _text(values: Sequence[Explained], *, explain: bool) -> str:
    header = ["key", "value"] + ["layer"] * explain
    rows = [[one.path, one.value] + [one.layer] * explain for one in values]
    return render.table(header, rows)
