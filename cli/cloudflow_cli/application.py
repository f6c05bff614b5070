"""A project's blueprint, read and verified against its streamlet classes.

Called by every command that needs the application. User code is imported in a sub-process only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from cloudflow_cli import reading
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.project import Project
from streamlet_sdk.blueprint.describe import describe_classes
from streamlet_sdk.blueprint.descriptor import Descriptor
from streamlet_sdk.blueprint.document import parse
from streamlet_sdk.blueprint.verified import VerifiedBlueprint
from streamlet_sdk.blueprint.verify import verify
from streamlet_sdk.errors import BlueprintError
from streamlet_sdk.problems import Problem

Describe: TypeAlias = Callable[
    [Iterable[str], Path], tuple[dict[str, Descriptor], tuple[Problem, ...]]
]


def verified(project: Project, describe: Describe = describe_classes) -> VerifiedBlueprint:
    """The application of a project.

    Args:
        project: says where its blueprint and its classes are.
        describe: what knows the classes; those of an image are not those of this machine.

    Raises:
        DocumentError: with every problem of the blueprint and of the classes that it names.
    """
    document = reading.read(project.blueprint)
    blueprint = parse(document.content, document.lines, document.problems)
    classes = {
        streamlet.class_name: None
        for streamlet in blueprint.streamlets.values()
        if streamlet.class_name is not None
    }
    descriptors, problems = describe(classes, project.source)
    try:
        return verify(blueprint, descriptors, problems)
    except BlueprintError as error:
        raise DocumentError(project.blueprint, error.problems) from error
