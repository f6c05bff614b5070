"""`kubectl cloudflow restart`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import typer

from cloudflow_cli import render
from cloudflow_cli.errors import NotFoundError
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument, StreamletArguments
from cloudflow_cli.kube.session import Session
from cloudflow_operator.names import RESTARTED_AT, restart_of
from streamlet_sdk.problems import closest


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
        known = [one["name"] for one in found["spec"].get("streamlets", ())]
        _check(names, known, application)
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


def _check(names: Iterable[str], known: Iterable[str], application: str) -> None:
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    meant = {closest(name, known) for name in unknown} - {None}
    advice = f"Did you mean {', '.join(map(repr, sorted(map(str, meant))))}? " if meant else ""
    raise NotFoundError(
        f"{application} has no streamlet {', '.join(map(repr, unknown))}; nothing was restarted.",
        hint=f"{advice}It has {', '.join(known)}.",
    )
