"""`kubectl cloudflow version`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloudflow_cli import VERSION, render

if TYPE_CHECKING:
    from cloudflow_cli.kube.session import Session
    from cloudflow_cli.options import Common


def version(
    ctx: typer.Context,
    client: Annotated[bool, typer.Option("--client", help="Ask no cluster.")] = False,
) -> None:
    """Show the versions of this command line and of the operator, and whether they fit.

    They fit when one operator acts on the namespace and knows what applications that are built now
    need. When the cluster does not answer, the own version is shown all the same.

    Examples:
        kubectl cloudflow version
        kubectl cloudflow version --client -o json
    """
    told: dict[str, Any] = {"client": VERSION}
    if client:
        render.show(told, ctx.obj.output, text=_text(told))
        return
    try:
        told |= _asked(ctx.obj)
    finally:
        render.show(told, ctx.obj.output, text=_text(told))


def _asked(common: Common) -> dict[str, Any]:
    # Not above: with --client nothing of this is loaded, and the answer is there at once.
    from cloudflow_cli.kube import session

    return session.run(common, _cluster)


async def _cluster(session: Session) -> dict[str, Any]:
    from cloudflow_cli.kube import operators
    from streamlet_sdk.contract import CONTRACT
    from streamlet_sdk.errors import CloudflowError

    seen = await operators.seen(session)
    problem: CloudflowError | None = None
    try:
        operators.fitting(operators.only(seen, session.namespace), CONTRACT)
    except CloudflowError as error:
        problem = error
    return {
        "operators": [
            {
                "namespace": one.namespace,
                "version": one.version,
                "contracts": [*one.contracts],
                "watches": [*one.watches],
            }
            for one in seen.seen
        ],
        "contract": CONTRACT,
        "fits": problem is None,
        "problem": "" if problem is None else f"{problem} {problem.hint or ''}".strip(),
    }


def _text(told: dict[str, Any]) -> str:
    operators = [
        f"operator {one['version']} in namespace {one['namespace']}"
        for one in told.get("operators", ())
    ]
    lines = [f"kubectl-cloudflow {told['client']}", *operators]
    if "fits" in told:
        lines.append("They fit." if told["fits"] else told["problem"])
    return "\n".join(lines) + "\n"
