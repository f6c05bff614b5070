"""`kubectl cloudflow pause`."""

from __future__ import annotations

import typer

from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument
from cloudflow_cli.kube.session import Session


def pause(ctx: typer.Context, application: ApplicationArgument) -> None:
    """Stop all pods of an application and keep everything else.

    Topics, positions and configuration stay, and records wait in their topics until `resume`. It
    is written as `spec.state`, so an application that is managed in Git should say it there.

    Examples:
        kubectl cloudflow pause sensor-data
        kubectl cloudflow pause sensor-data -n plant
    """

    async def work(session: Session) -> None:
        from cloudflow_cli.kube import state

        await state.put(session, application, state.PAUSED, ctx.obj.output)

    session.run(ctx.obj, work)
