"""`kubectl cloudflow plan`."""

from __future__ import annotations

import typer

from cloudflow_cli import render
from cloudflow_cli.command import with_options
from cloudflow_cli.deploying.arguments import Given
from cloudflow_cli.kube import session
from cloudflow_cli.kube.session import Session


@with_options(Given)
def plan(ctx: typer.Context, given: Given) -> None:
    """Show what `deploy` would change, streamlet by streamlet, and what would restart.

    It takes the words and options of `deploy` and finds the same problems. Nothing is written; the
    cluster's own checks are asked by a dry run.

    Examples:
        kubectl cloudflow plan target/sensor-data.yaml
        kubectl cloudflow plan target/sensor-data.yaml --conf prod.yaml -o json
        kubectl cloudflow plan target/sensor-data.yaml --reset
    """
    from cloudflow_cli.deploying import request, source

    place, asked = request.asked(given)
    found = source.load(place, asked)
    common = request.placed(ctx.obj, found)

    async def work(session: Session) -> None:
        from cloudflow_cli.deploying import report, writing

        prepared = await writing.prepare(session, found, asked, reset=given.reset)
        render.warnings(prepared.warnings, found.path, common)
        text = report.changes_text(prepared.changes)
        render.show(prepared.changes.data(), common.output, text=text)

    session.run(common, work)
