"""`kubectl cloudflow verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cloudflow_cli import project, render
from cloudflow_cli.application import verified
from cloudflow_cli.options import ProjectArgument
from cloudflow_cli.project import Project
from streamlet_sdk.blueprint.verified import VerifiedBlueprint


def verify(ctx: typer.Context, where: ProjectArgument = Path()) -> None:
    """Check a project's blueprint and report every problem in it.

    Streamlet classes are imported in a process of their own; nothing is started and no cluster is
    asked. With problems the exit code is 3, and `-o json` lists each with its type, file, line,
    path, sentence, remedy and suggestion.

    Examples:
        kubectl cloudflow verify
        kubectl cloudflow verify examples/sensor-data -o json
        kubectl cloudflow verify examples/sensor-data/blueprint-large.yaml
    """
    found = project.load(where)
    application = verified(found)
    render.warnings(application.warnings, found.blueprint, ctx.obj)
    render.show(_data(found, application), ctx.obj.output, text=_text(found, application))


def _data(found: Project, application: VerifiedBlueprint) -> dict[str, Any]:
    file = render.short(found.blueprint)
    return {
        "application": found.name,
        "version": found.version,
        "blueprint": file,
        "streamlets": list(application.streamlets),
        "topics": [topic.id for topic in application.topics.values() if not topic.implicit],
        "warnings": [render.problem_data(problem, file) for problem in application.warnings],
        "problems": [],
    }


def _text(found: Project, application: VerifiedBlueprint) -> str:
    streamlets = render.count(len(application.streamlets), "streamlet")
    topics = sum(not topic.implicit for topic in application.topics.values())
    return (
        f"{found.name} {found.version} fits together: "
        f"{streamlets}, {render.count(topics, 'topic')}.\n"
    )
