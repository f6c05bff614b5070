"""`kubectl cloudflow status`."""

from __future__ import annotations

import contextlib
from asyncio import sleep
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from cloudflow_cli import render
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument
from cloudflow_cli.kube.session import Session
from cloudflow_cli.options import Output
from cloudflow_operator.interfaces import Manifest

_PERIOD: Final = 1.0  # seconds between two looks


def status(
    ctx: typer.Context,
    application: ApplicationArgument,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it again at each change, until Ctrl-C.")
    ] = False,
) -> None:
    """Show how an application is, and what is wrong.

    Conditions, streamlets, their pods and topics are listed; of each streamlet at most three pods,
    those not ready first. With `--watch` a terminal is refreshed; elsewhere each change is written
    below the last, with `-o json` as one line.

    Examples:
        kubectl cloudflow status sensor-data
        kubectl cloudflow status sensor-data --watch
        kubectl cloudflow status sensor-data -n plant -o yaml
    """
    output: Output = ctx.obj.output

    async def work(session: Session) -> None:
        from cloudflow_cli.kube import applications, standing

        found = await applications.read(session, application)
        if watch:
            await _watch(session, found, output)
        text = standing.text(found, datetime.now(UTC))
        render.show(standing.data(found), output, text=text)

    with contextlib.suppress(KeyboardInterrupt) if watch else contextlib.nullcontext():
        session.run(ctx.obj, work)


async def _watch(session: Session, found: Manifest, output: Output) -> None:
    """Show it until it is gone."""
    from cloudflow_cli.kube import applications, standing
    from cloudflow_cli.screen import Screen
    from cloudflow_operator.errors import ClusterUnavailableError

    screen, last, away = Screen(), None, ""
    while True:
        try:
            found = await applications.read(session, found["metadata"]["name"])
            away = ""
        except ClusterUnavailableError as error:
            away = f"\nThe cluster does not answer now: {error}\n"
        now = standing.data(found)
        if output is Output.TABLE:
            screen.show(standing.text(found, datetime.now(UTC)) + away, (now, bool(away)))
        elif now != last:
            render.item(now, output, text="")
        last = now
        await sleep(_PERIOD)
