"""`kubectl cloudflow scale`."""

from __future__ import annotations

import typer

from cloudflow_cli.deploying.arguments import CountArguments
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument
from cloudflow_cli.kube.session import Session


def scale(ctx: typer.Context, application: ApplicationArgument, counts: CountArguments) -> None:
    """Set how many pods streamlets have; all of them in one write.

    It is written over the application's specification, as `configure` writes: it stays when the
    application is deployed or applied again. No other pod restarts. More pods than the partitions
    of a topic leave some idle, which is told.

    Examples:
        kubectl cloudflow scale sensor-data validation=3
        kubectl cloudflow scale sensor-data validation=3 logger=0 -n plant
    """
    from cloudflow_cli import words
    from cloudflow_cli.errors import UsageError

    wanted = words.counts(counts)
    if not wanted:
        raise UsageError("Say how many pods which streamlet shall have: STREAMLET=N.")

    async def work(session: Session) -> None:
        from cloudflow_cli.deploying import overriding, report

        done = await overriding.scale(session, application, wanted)
        report.show_overridden(done, application, ctx.obj)

    session.run(ctx.obj, work)
