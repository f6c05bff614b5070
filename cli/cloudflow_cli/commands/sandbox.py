"""`kubectl cloudflow sandbox`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cloudflow_cli import render
from cloudflow_cli.command import with_options
from cloudflow_cli.exits import Exit
from cloudflow_cli.options import Common
from cloudflow_cli.sandbox import request as asked
from cloudflow_cli.sandbox.request import Request
from cloudflow_cli.sandbox.run import run
from cloudflow_cli.words import place_and_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The words and options of the command, as they were written."""

    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROJECT] [KEY=VALUE]",
            help="Folder of a project, or one of its blueprint files; then its configuration.",
            show_default=False,
        ),
    ] = None
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", metavar="FILE", help="Configuration; a later file wins."),
    ] = None
    feed: Annotated[
        list[str] | None,
        typer.Option(
            "--feed",
            metavar="TOPIC=FILE",
            help="Write the records of a JSON file into a topic (`-` is stdin); "
            "TOPIC=@FILE has lines of {key, headers, timestamp, value}.",
        ),
    ] = None
    tap: Annotated[
        list[str] | None,
        typer.Option(
            "--tap",
            metavar="TOPIC[=FILE]",
            help="Write every value of a topic as a line of JSON, to stdout or a file.",
        ),
    ] = None
    tap_envelope: Annotated[
        bool,
        typer.Option("--tap-envelope", help="Write key, headers, timestamp and offset too."),
    ] = False
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="idle|TIME", help="Stop when all is done, or after TIME."),
    ] = None
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="Fail if `--until idle` takes longer."),
    ] = None
    replicas: Annotated[
        list[str] | None,
        typer.Option("--replicas", metavar="STREAMLET=N", help="Run several in one group."),
    ] = None
    partitions: Annotated[
        list[str] | None,
        typer.Option("--partitions", metavar="TOPIC=N", help="Partitions of a topic."),
    ] = None
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="STREAMLET,...", help="Run these streamlets alone."),
    ] = None
    volume_mount: Annotated[
        list[str] | None,
        typer.Option(
            "--volume-mount",
            metavar="STREAMLET.MOUNT=FOLDER",
            help="Where a volume mount is here; a temporary folder if absent.",
        ),
    ] = None
    kafka: Annotated[
        str | None,
        typer.Option(
            "--kafka", metavar="HOST:PORT", help="Run on a real Kafka, which keeps its records."
        ),
    ] = None
    port_base: Annotated[
        int,
        typer.Option("--port-base", metavar="PORT", help="First port of servers; 0: free ones."),
    ] = 3000

    def request(self, common: Common) -> Request:
        """What was asked for.

        Raises:
            UsageError: when something is not of its form.
        """
        place, settings = place_and_words(self.words or ())
        feeds = asked.feeds(self.feed or ())
        taps = asked.taps(self.tap or (), feeds)
        asked.require_own_stdout(taps, common.output)
        return Request(
            where=place,
            namespace=common.namespace or "default",
            config=self.config or (),
            settings=asked.settings(
                settings,
                replicas=self.replicas or (),
                partitions=self.partitions or (),
                mounts=self.volume_mount or (),
            ),
            feeds=feeds,
            taps=taps,
            is_tap_enveloped=self.tap_envelope,
            only=asked.names(self.only),
            until=asked.until(self.until),
            timeout=asked.timeout(self.timeout, self.until),
            kafka=asked.kafka(self.kafka),
            port_base=asked.port(self.port_base),
        )


@with_options(Given)
def sandbox(ctx: typer.Context, given: Given) -> None:
    """Run the whole application here, on a broker of its own.

    Streamlets run with the engine that runs them on a cluster. Ctrl-C drains and stops, a second
    one stops at once. Tapped records go to stdout, everything else to stderr. The exit code is 1
    if something failed; `-o json` says at the end what each streamlet has done.

    Examples:
        kubectl cloudflow sandbox
        kubectl cloudflow sandbox examples/hello --until 30s -o json
        kubectl cloudflow sandbox --only greeter --feed people=- --tap greetings --until idle
        kubectl cloudflow sandbox --partitions people=4 --replicas greeter=2
        kubectl cloudflow sandbox cloudflow.streamlets.greeter.config-parameters.greeting=Hi
    """
    summary = run(given.request(ctx.obj), ctx.obj)
    render.note(f"\n{summary.text()}")
    render.show(summary.data(), ctx.obj.output, text="")
    if summary.has_failed:
        raise typer.Exit(Exit.FAILED)
