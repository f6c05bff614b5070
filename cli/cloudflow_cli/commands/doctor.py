"""`kubectl cloudflow doctor`."""

from __future__ import annotations

from typing import Any

import typer

from cloudflow_cli import render
from cloudflow_cli.exits import Exit
from cloudflow_cli.kube import session
from cloudflow_cli.kube.session import Session
from cloudflow_cli.options import Output


def doctor(ctx: typer.Context) -> None:
    """Look whether a cluster has all that applications need, and tell what to do.

    The resource's definition, the operator, its leader and its rights, your own rights, and the
    Kafka clusters. Nothing is changed. With a fault the exit code is 1; what you may not look at
    is unknown, and no fault.

    Examples:
        kubectl cloudflow doctor
        kubectl cloudflow doctor -n plant -o json
    """
    output: Output = ctx.obj.output

    async def work(session: Session) -> list[dict[str, Any]]:
        from cloudflow_cli.kube.checkup import checkup

        found: list[dict[str, Any]] = []
        async for one in checkup(session):
            found.append(
                {
                    "what": one.what,
                    "verdict": str(one.verdict),
                    "told": one.told,
                    "remedy": one.remedy,
                }
            )
            if output is Output.TABLE:
                render.item(found[-1], output, text=_text(found[-1]))
        return found

    found = session.run(ctx.obj, work)
    render.show({"findings": found}, output, text="")
    if any(one["verdict"] == "fault" for one in found):
        raise typer.Exit(Exit.FAILED)


def _text(finding: dict[str, Any]) -> str:
    line = f"{finding['verdict']:<9}{finding['what'] + ':':<19}{finding['told']}\n"
    return line + (f"{'':<28}{finding['remedy']}\n" if finding["remedy"] else "")
