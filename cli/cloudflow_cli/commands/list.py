"""`kubectl cloudflow list`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from cloudflow_cli import render
from cloudflow_cli.kube import session
from cloudflow_cli.kube.session import Row, Session

_LONGEST_MESSAGE: Final = 100


def list_(
    ctx: typer.Context,
    everywhere: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="List those of all namespaces.")
    ] = False,
) -> None:
    """List the applications of a namespace, or of all.

    READY counts pods that are ready, of those that shall be there. The message is the most
    important of what is wrong; `status` tells all of it.

    Examples:
        kubectl cloudflow list
        kubectl cloudflow list -n plant -o json
        kubectl cloudflow list -A
    """

    async def work(session: Session) -> None:
        from cloudflow_cli.kube import applications

        found = await applications.listed(session, everywhere=everywhere)
        if not found:
            place = "any namespace" if everywhere else f"namespace {session.namespace!r}"
            render.note(f"There are no applications in {place}.")
        data = {"applications": [_data(row) for row in found]}
        render.show(data, ctx.obj.output, text=_text(found, everywhere=everywhere))

    session.run(ctx.obj, work)


def _data(row: Row) -> dict[str, Any]:
    return {
        "name": row.metadata["name"],
        "namespace": row.metadata["namespace"],
        "phase": row.cells.get("Phase") or None,
        "ready": row.cells.get("Ready") or None,
        "version": row.cells.get("Version") or None,
        "created": row.metadata["creationTimestamp"],
        "message": row.cells.get("Message") or "",
    }


def _text(rows: Sequence[Row], *, everywhere: bool) -> str:
    if not rows:
        return ""
    header = ["namespace"] * everywhere + ["name", "phase", "ready", "version", "age", "message"]
    return render.table(header, [_cells(row, everywhere=everywhere) for row in rows])


def _cells(row: Row, *, everywhere: bool) -> list[str]:
    columns = [str(row.cells.get(name) or "-") for name in ("Phase", "Ready", "Version", "Age")]
    names = [row.metadata["namespace"]] * everywhere + [row.metadata["name"]]
    return [*names, *columns, render.brief(row.cells.get("Message") or "", _LONGEST_MESSAGE)]
