"""`kubectl cloudflow graph`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cloudflow_cli import project, render
from cloudflow_cli.application import verified
from cloudflow_cli.errors import UsageError
from cloudflow_cli.options import Output, ProjectArgument
from cloudflow_cli.project import Project
from streamlet_sdk.blueprint.graph import FORMATS
from streamlet_sdk.blueprint.verified import VerifiedBlueprint


class Format(StrEnum):
    """How the picture is written."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


def graph(
    ctx: typer.Context,
    where: ProjectArgument = Path(),
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", "-f", metavar="|".join(Format), help="Form of the picture; text if absent."
        ),
    ] = None,
) -> None:
    """Draw how the streamlets of a project are connected.

    The picture goes to stdout: text for people, Mermaid for Markdown, DOT for Graphviz, or SVG.
    `-o json` gives the same as data. The blueprint is verified first, as by `verify`.

    Examples:
        kubectl cloudflow graph
        kubectl cloudflow graph examples/sensor-data -f mermaid
        kubectl cloudflow graph examples/sensor-data -f svg > graph.svg
    """
    output: Output = ctx.obj.output
    if output is not Output.TABLE and format_ is not None:
        raise UsageError(
            f"`-f {format_}` draws a picture and `-o {output}` shows data.",
            hint="Give one of the two.",
        )
    found = project.load(where)
    application = verified(found)
    text = FORMATS[format_ or Format.TEXT](application)
    render.show(_data(found, application), output, text=text)


def _data(found: Project, application: VerifiedBlueprint) -> dict[str, Any]:
    streamlets = [
        {
            "name": streamlet.name,
            "class": streamlet.descriptor.class_name,
            "inlets": [port.name for port in streamlet.descriptor.inlets],
            "outlets": [port.name for port in streamlet.descriptor.outlets],
        }
        for streamlet in application.streamlets.values()
    ]
    topics = [
        {
            "name": topic.id,
            "producers": [str(port) for port in topic.producers],
            "consumers": [str(port) for port in topic.consumers],
            "deadLetters": topic.implicit,
        }
        for topic in application.topics.values()
    ]
    return {"application": found.name, "streamlets": streamlets, "topics": topics}
