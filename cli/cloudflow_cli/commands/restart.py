"""`kubectl cloudflow restart`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer

from cloudflow_cli import render
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument, StreamletArguments
from cloudflow_cli.kube.session import Session
from cloudflow_operator.names import RESTARTED_AT, restart_of


def restart(
    ctx: typer.Context, application: ApplicationArgument, streamlets: StreamletArguments = None
) -> None:
    """Replace the pods of an application, or of some of its streamlets.

    Pods are replaced as in a roll-out: each drains first, and nothing is lost. This is how values
    of Secrets and ConfigMaps that changed are taken up.

    Examples:
        kubectl cloudflow restart sensor-data
        kubectl cloudflow restart sensor-data validation ingress
    """
    names = list(dict.fromkeys(streamlets or ()))

    async def work(session: Session) -> None:
        from cloudflow_cli.kube import applications

        found = await applications.read(session, application)
        applications.check_streamlets(found, names)
        known = [one["name"] for one in found["spec"].get("streamlets", ())]
        keys = [restart_of(name) for name in names] or [RESTARTED_AT]
        now = datetime.now(UTC).isoformat()
        change = {"metadata": {"annotations": dict.fromkeys(keys, now)}}
        await applications.patch(session, found, change)
        if found["spec"].get("state") == "Paused":
            render.note(f"{application} is paused: there are no pods until `resume`.")
        _show(ctx, session, application, names or known)

    session.run(ctx.obj, work)


def _show(ctx: typer.Context, session: Session, application: str, names: list[str]) -> None:
    told: dict[str, Any] = {
        "application": application,
        "namespace": session.namespace,
        "restarted": names,
    }
    text = f"Restarting {', '.join(names)} of {application}.\n"
    render.show(told, ctx.obj.output, text=text)
