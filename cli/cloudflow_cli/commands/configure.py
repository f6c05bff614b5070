"""`kubectl cloudflow configure`."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudflow_cli.deploying.arguments import ConfOption, KeyValueArguments
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument
from cloudflow_cli.kube.session import Session


def configure(
    ctx: typer.Context,
    application: ApplicationArgument,
    words: KeyValueArguments = None,
    *,
    conf: ConfOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget first what was set, also by `scale`.")
    ] = False,
) -> None:
    """Set configuration of streamlets over what the application says, and show the difference.

    Keys are those of a configuration file. It stays when the application is deployed or applied
    again, until `--replace` or `deploy --reset`. Streamlets whose configuration changes restart, no
    others. Values of secret parameters go into a Secret and are never shown.

    Examples:
        kubectl cloudflow configure sensor-data --conf prod.yaml
        kubectl cloudflow configure hello cloudflow.streamlets.greeter.config-parameters.greeting=Hi
        kubectl cloudflow configure sensor-data --replace
    """
    from cloudflow_cli.deploying import request
    from cloudflow_cli.errors import UsageError

    if not (words or conf or replace):
        raise UsageError("Say what to set: KEY=VALUE, or --conf FILE; or --replace alone.")
    layers = request.layers(conf or (), words or ())

    async def work(session: Session) -> None:
        from cloudflow_cli.deploying import overriding, report

        done = await overriding.configure(session, application, layers, replace=replace)
        report.show_overridden(done, application, ctx.obj)

    session.run(ctx.obj, work)
