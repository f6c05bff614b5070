"""`kubectl cloudflow resume`."""

from __future__ import annotations

import typer

from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument
from cloudflow_cli.kube.session import Session


def resume(ctx: typer.Context, application: ApplicationArgument) -> None:
    """Run a paused application again, with the pods that it had.

    Each streamlet goes on at the record after the last that it had finished.

    Examples:
        kubectl cloudflow resume sensor-data
        kubectl cloudflow resume sensor-data -n plant
    """

    async def work(session: Session) -> None:
        from cloudflow_cli.kube import state

        await state.put(session, application, state.RUNNING, ctx.obj.output)

    session.run(ctx.obj, work)
