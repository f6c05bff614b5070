"""`kubectl cloudflow deploy`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from cloudflow_cli import render
from cloudflow_cli.command import with_options
from cloudflow_cli.deploying.arguments import Given
from cloudflow_cli.kube import session
from cloudflow_cli.kube.session import Session
from cloudflow_cli.options import Common


class DryRun(StrEnum):
    """Who is asked what would be written."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Given):
    """The options of `deploy`, beside those that say what shall be."""

    dry_run: Annotated[
        DryRun | None,
        typer.Option(
            "--dry-run",
            metavar="client|server",
            help="Write nothing: `client` asks no cluster and shows the resource, `server` shows "
            "what would change.",
        ),
    ] = None
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until all of it runs, and say why if not.")
    ] = False
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="How long to wait.")] = (
        "10m"
    )


@with_options(Options)
def deploy(ctx: typer.Context, given: Options) -> None:
    """Put an application on a cluster, or make the one that is there like this one.

    Everything is checked before anything is written, and all problems are told at once. What
    `scale` and `configure` have set stays, unless `--reset` is given. Shown is what changes, and
    why pods restart or do not. Values of secret parameters go into a Secret of the application;
    one that was given before need not be given again. With problems the exit code is 3.

    Examples:
        kubectl cloudflow deploy target/sensor-data.yaml
        kubectl cloudflow deploy target/sensor-data.yaml --scale validation=3 --wait
        kubectl cloudflow deploy my-project --image registry.example/app@sha256:… --conf prod.yaml
        kubectl cloudflow deploy target/sensor-data.yaml --dry-run server
        kubectl cloudflow deploy cloudflow.streamlets.greeter.config-parameters.greeting=Hi
    """
    from cloudflow_cli.deploying import request, source

    place, asked = request.asked(given)
    found = source.load(place, asked)
    common = request.placed(ctx.obj, found)
    limit = request.timeout(given.timeout)
    if given.dry_run is DryRun.CLIENT:
        _show_resource(found.made(asked, {}).manifest, common)
        return

    async def work(session: Session) -> None:
        from cloudflow_cli.deploying import report, waiting, writing

        prepared = await writing.prepare(session, found, asked, reset=given.reset)
        render.warnings(prepared.warnings, found.path, common)
        data = {**prepared.changes.data(), "dryRun": given.dry_run is not None}
        text = report.changes_text(prepared.changes)
        if given.dry_run is not None:
            render.show(data, common.output, text=f"{text}Nothing was written.\n")
            return
        written = await writing.write(session, prepared, reset=given.reset)
        if given.wait:
            render.note(text)
            await waiting.settled(session, written, limit, render.note)
            text = f"{found.name} is ready.\n"
        render.show(data, common.output, text=text)

    session.run(common, work)


def _show_resource(manifest: dict[str, Any], common: Common) -> None:
    metadata = dict(manifest["metadata"])
    if common.namespace is not None:
        metadata["namespace"] = common.namespace
    spec = manifest["spec"]
    text = (
        f"{metadata['name']} fits together: {render.count(len(spec['streamlets']), 'streamlet')}, "
        f"{render.count(len(spec.get('topics', ())), 'topic')}. No cluster was asked; "
        "-o yaml shows the resource.\n"
    )
    render.show({**manifest, "metadata": metadata}, common.output, text=text)
