"""Reads `[tool.cloudflow.image]`: what the image of a project is called and made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudflow_cli.document import read_text
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.image.builders import Builder
from cloudflow_cli.image.references import is_repository
from cloudflow_cli.problems import InvalidRepository, MissingFolder, UnknownBuilder
from cloudflow_cli.project import FILE, IMAGE, INDEX, Project
from cloudflow_cli.toml_lines import lines_of

if TYPE_CHECKING:
    from streamlet_sdk.problems import Problem

BASE: Final = "docker.io/library/python:3.13-slim"
LOCAL: Final = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """What a project says of its image.

    Attributes:
        repository: where images are pushed to; `localhost/<application>` when the project has none.
        is_pushable: whether the project names a repository.
        base: the image that it is made on.
        builder: None: one that works here.
        wheels: a folder that is installed from; None: everything comes from the package index.
        asks_index: whether the package index has what is not in `wheels`.
    """

    repository: str
    is_pushable: bool
    base: str = BASE
    builder: Builder | None = None
    wheels: Path | None = None
    asks_index: bool = True


def image_settings(project: Project) -> ImageSettings:
    """The settings of a project's image.

    Raises:
        DocumentError: with every value that cannot be used.
    """
    given = project.image
    repository = given.get("repository")
    wheels = project.root / given["wheels"] if "wheels" in given else None
    if problems := _problems(project, wheels):
        raise DocumentError(project.root / FILE, problems)
    return ImageSettings(
        repository=repository or f"{LOCAL}/{project.name}",
        is_pushable=repository is not None,
        base=given.get("base", BASE),
        builder=Builder(given["builder"]) if "builder" in given else None,
        wheels=wheels,
        asks_index=wheels is None or given.get(INDEX, False),
    )


def _problems(project: Project, wheels: Path | None) -> list[Problem]:
    lines = lines_of(read_text(project.root / FILE))
    path = ".".join(IMAGE)
    problems: list[Problem] = []
    repository, builder = (project.image.get(key) for key in ("repository", "builder"))
    if repository is not None and not is_repository(repository):
        line = lines.get((*IMAGE, "repository"))
        problems.append(InvalidRepository(path=f"{path}.repository", line=line, name=repository))
    if builder is not None and builder not in [*Builder]:
        line, known = lines.get((*IMAGE, "builder")), tuple(map(str, Builder))
        problems.append(
            UnknownBuilder(path=f"{path}.builder", line=line, name=builder, known=known)
        )
    if wheels is not None and not wheels.is_dir():
        line, name = lines.get((*IMAGE, "wheels")), project.image["wheels"]
        problems.append(MissingFolder(path=f"{path}.wheels", line=line, name=name))
    return problems
