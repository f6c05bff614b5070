"""`kubectl cloudflow logs`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from cloudflow_cli import render
from cloudflow_cli.command import with_options
from cloudflow_cli.errors import UsageError
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument, StreamletArgument
from cloudflow_cli.kube.session import LogQuery, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `logs`."""

    application: ApplicationArgument
    streamlet: StreamletArgument = None
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")
    ] = False
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DURATION", help="Only what is younger, such as 90s or 5m."
        ),
    ] = None
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail",
            min=0,
            metavar="N",
            help="Only the last lines of each pod; 10 with -f unless --since is given.",
        ),
    ] = None
    previous: Annotated[
        bool,
        typer.Option("--previous", "-p", help="Of the containers before the last restart."),
    ] = False


@with_options(Options)
def logs(ctx: typer.Context, options: Options) -> None:
    """Show what the pods of an application write, all in one.

    Each line has its streamlet and the end of its pod's name before it. Without -f lines are in the
    order of time. With -f pods that come are read too, connections that break are opened again, and
    each line is shown once.

    Examples:
        kubectl cloudflow logs sensor-data
        kubectl cloudflow logs sensor-data validation -f
        kubectl cloudflow logs sensor-data --since 5m -o json
    """
    query = _query(options)

    async def work(session: Session) -> None:
        from cloudflow_cli.kube import applications, pod_logs

        found = await applications.read(session, options.application)
        if options.streamlet is not None:
            applications.check_streamlets(found, [options.streamlet])
        reader = pod_logs.Reader(
            session=session,
            application=options.application,
            streamlet=options.streamlet,
            query=query,
            tell=render.note,
        )
        if not await reader.pods():
            render.note("There are no pods" + (" yet." if options.follow else "."))
        lines = pod_logs.Follower(reader).lines() if options.follow else reader.merged()
        async with contextlib.aclosing(lines):
            async for line in lines:
                text = f"{line.streamlet}/{line.pod.rpartition('-')[2]} {line.text}\n"
                render.item(line._asdict(), ctx.obj.output, text=text)

    with contextlib.suppress(KeyboardInterrupt) if options.follow else contextlib.nullcontext():
        session.run(ctx.obj, work)


def _query(options: Options) -> LogQuery:
    if options.follow and options.previous:
        raise UsageError("Containers that ended write nothing more: give -f or --previous.")
    tail = options.tail
    if tail is None and options.follow and options.since is None:
        tail = 10
    return LogQuery(
        is_followed=options.follow,
        is_previous=options.previous,
        since=None if options.since is None else _duration(options.since),
        tail=tail,
    )


def _duration(text: str) -> timedelta:
    from streamlet_sdk.parameters import parse_duration

    try:
        return parse_duration(text)
    except ValueError:
        raise UsageError(
            f"--since {text!r} is no duration.", hint="Such as 90s, 5m or 2h."
        ) from None
