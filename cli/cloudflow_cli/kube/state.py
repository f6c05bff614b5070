"""Pauses and resumes an application: what `pause` and `resume` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_cli import render
from cloudflow_cli.kube import applications

if TYPE_CHECKING:
    from cloudflow_cli.kube.session import Session
    from cloudflow_cli.options import Output

RUNNING: Final = "Running"
PAUSED: Final = "Paused"


async def put(session: Session, name: str, state: str, output: Output) -> None:
    """Make `state` the application's and show it; nothing is written when it is that already."""
    found = await applications.read(session, name)
    changed = found["spec"].get("state", RUNNING) != state
    if changed:
        # Absent means running, as `build` leaves it.
        wanted = None if state == RUNNING else state
        await applications.patch(session, found, {"spec": {"state": wanted}})
    word = "is now" if changed else "was already"
    told = {"application": name, "namespace": session.namespace, "state": state, "changed": changed}
    render.show(told, output, text=f"{name} {word} {state.lower()}.\n")
