"""`kubectl cloudflow undeploy`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cloudflow_cli import render
from cloudflow_cli.command import with_options
from cloudflow_cli.deploying import request
from cloudflow_cli.errors import UsageError
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument
from cloudflow_cli.kube.session import Session
from streamlet_sdk.contract import groups_of

if TYPE_CHECKING:
    from cloudflow_cli.kube.removal import Going
    from cloudflow_operator.interfaces import Manifest

_UNCERTAIN: Final = (
    "You may not list the applications of all namespaces. "
    "A topic that one of them names stays, whatever is told here."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `undeploy`."""

    application: ApplicationArgument
    delete_topics: Annotated[
        bool,
        typer.Option("--delete-topics", help="Delete the topics that the operator made, too."),
    ] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before.")] = False
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the application and its pods are gone.")
    ] = False
    force: Annotated[
        bool,
        typer.Option("--force", help="Do not wait for an operator that is gone; topics stay."),
    ] = False
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="How long to wait.")] = (
        "2m"
    )


@with_options(Options)
def undeploy(ctx: typer.Context, options: Options) -> None:
    """Remove an application; its topics stay unless they are asked for.

    Pods, Services and configuration go with it. Topics and their records stay, unless
    --delete-topics is given or the resource says `deletionPolicy: Delete`; then the operator
    deletes those that it made for this application.

    Examples:
        kubectl cloudflow undeploy sensor-data --wait
        kubectl cloudflow undeploy sensor-data --delete-topics --yes
        kubectl cloudflow undeploy sensor-data --force
    """
    if options.force and options.delete_topics:
        raise UsageError(
            "--force leaves the topics and --delete-topics deletes them.", hint="Give one of both."
        )
    patience = request.timeout(options.timeout)

    async def work(session: Session) -> None:
        from cloudflow_cli.kube import applications, removal

        found = await applications.read(session, options.application)
        asked = options.delete_topics or found["spec"].get("deletionPolicy") == "Delete"
        with_topics = asked and not options.force
        topics = await removal.going(session, found) if with_topics else None
        if topics is not None and not topics.is_certain:
            render.note(_UNCERTAIN)
        if options.delete_topics and not options.yes:
            _confirm(options.application, () if topics is None else topics.alone)
        removing = removal.Removal(
            session=session,
            is_forced=options.force,
            patience=patience,
            tell=render.note,
        )
        await removing.remove(found, with_topics=with_topics)
        if options.wait:
            await removing.finish(found)
        told = _data(found, topics, gone=options.wait)
        render.show(told, ctx.obj.output, text=_text(told))

    session.run(ctx.obj, work)


def _confirm(application: str, topics: Sequence[str]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("--delete-topics deletes records for good.", hint="Add --yes if so.")
    listed = "".join(f"  {name}\n" for name in topics)
    render.note(f"These topics of {application} will be deleted with all records:\n{listed}")
    typer.confirm("Go on?", abort=True, err=True)


def _data(application: Manifest, topics: Going | None, *, gone: bool) -> dict[str, Any]:
    metadata, status = application["metadata"], application.get("status", {})
    deleted, shared = ((), ()) if topics is None else (topics.alone, topics.shared)
    known = [one["kafkaName"] for one in status.get("topics", ())]
    return {
        "application": metadata["name"],
        "namespace": metadata["namespace"],
        "gone": gone,
        "deletedTopics": [*deleted],
        "keptTopics": [name for name in known if name not in deleted],
        "sharedTopics": [*shared],
        "keptGroups": [f"{beginning}*" for beginning in _groups(application)],
    }


def _groups(application: Manifest) -> Sequence[str]:
    """What the names of its consumer groups begin with, on all of its Kafka clusters."""
    metadata, topics = application["metadata"], application.get("status", {}).get("topics", ())
    plain = groups_of(metadata["namespace"], metadata["name"])
    # Behind the prefix of its Kafka cluster, which stands before names of topics too.
    prefixes = {
        one["kafkaName"].removesuffix(f"{plain}{one['name']}")
        for one in topics
        if one["kafkaName"].endswith(f"{plain}{one['name']}")
    }
    return [f"{prefix}{plain}" for prefix in sorted(prefixes or {""})]


def _text(told: dict[str, Any]) -> str:
    name, namespace, gone = told["application"], told["namespace"], told["gone"]
    lines = [f"{name} {'is gone from' if gone else 'is being removed from'} {namespace}."]
    if told["deletedTopics"]:
        verb = "Deleted" if gone else "To be deleted"
        lines.append(f"{verb}: the topics {', '.join(told['deletedTopics'])}.")
    if told["sharedTopics"]:
        lines.append(f"Kept for other applications: the topics {', '.join(told['sharedTopics'])}.")
    if kept := [one for one in told["keptTopics"] if one not in told["sharedTopics"]]:
        lines.append(f"Kept: the topics {', '.join(kept)}.")
    lines.append(f"Kept: the consumer groups {', '.join(told['keptGroups'])} with their offsets.")
    lines.append("Kept: volume claims, Secrets that you made.")
    return "\n".join(lines) + "\n"
