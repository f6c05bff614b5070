"""A user's project: its `pyproject.toml`, and where the parts of the application are.

Called by the commands that take PROJECT. Reads `pyproject.toml` alone; the blueprint is read by
`cloudflow_cli.application`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.document import Keys, read_text
from cloudflow_cli.errors import DocumentError, NotFoundError
from cloudflow_cli.problems import (
    InvalidApplicationName,
    MissingFile,
    MissingFolder,
    MissingProjectKey,
    NoCloudflowSection,
    UnknownProjectKey,
    UnreadableProject,
    WrongProjectType,
)
from cloudflow_cli.reading import HOCON, YAML
from cloudflow_cli.toml_lines import lines_of

if TYPE_CHECKING:
    from streamlet_sdk.blueprint.problems.stated import Stated
    from streamlet_sdk.problems import Problem

FILE: Final = "pyproject.toml"
KEYS: Final = ("name", "version", "blueprint", "source", "local-config", "image")
IMAGE: Final = ("tool", "cloudflow", "image")
INDEX: Final = "index"
IMAGE_TEXTS: Final = ("repository", "base", "builder", "wheels")
_NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project that is known to be complete; paths are absolute.

    Attributes:
        root: the folder of `pyproject.toml`.
        name: of the application.
        version: of the application.
        blueprint: an existing file, or the one that the user named.
        source: an existing folder with the packages of the streamlets.
        local_config: configuration for the sandbox; None when there is none.
        image: `[tool.cloudflow.image]`: texts, but for `index`, which is true or false.
    """

    root: Path
    name: str
    version: str
    blueprint: Path
    source: Path
    local_config: Path | None = None
    image: Mapping[str, Any] = field(default_factory=dict)


def load(where: Path) -> Project:
    """The project that `where` is in: a folder, or a blueprint to take instead of the project's.

    `pyproject.toml` is looked for in the folder and in those above it.

    Raises:
        NotFoundError: when there is no such folder or file, or no project around it.
        DocumentError: when `pyproject.toml` has problems, all of them.
    """
    place = where.expanduser().resolve()
    if not place.exists():
        raise NotFoundError(
            f"There is no file or folder {where}.", hint="Name the folder of a project."
        )
    start = place if place.is_dir() else place.parent
    file = next((each / FILE for each in (start, *start.parents) if (each / FILE).exists()), None)
    if file is None:
        raise NotFoundError(
            f"There is no {FILE} in {start} or above it.",
            hint="Name the folder of a project, or make one: kubectl cloudflow init NAME",
        )
    chosen = place if place.is_file() and place.suffix.lower() in YAML | HOCON else None
    reader = _Reader(file, *_content(file))
    project = reader.project(chosen)
    if reader.problems:
        raise DocumentError(file, reader.problems)
    return project


def _content(file: Path) -> tuple[dict[str, Any], Mapping[Keys, int]]:
    text = read_text(file)
    try:
        return tomllib.loads(text), lines_of(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r" \(at line (\d+), column \d+\)$| \(at end of document\)$", str(error))
        line = int(where[1]) if where and where[1] else text.count("\n") + 1
        reason = str(error)[: where.start()] if where else str(error)
        problem = UnreadableProject(path="", line=line, reason=reason)
        raise DocumentError(file, [problem]) from error


class _Reader:
    """Reads one `pyproject.toml` and collects what is wrong with it."""

    def __init__(self, file: Path, content: dict[str, Any], lines: Mapping[Keys, int]) -> None:
        self.root = file.parent
        self.lines = lines
        self.problems: list[Problem] = []
        self.declared = self.table(content, "project")
        tool = self.table(content, "tool")
        self.is_cloudflow = "cloudflow" in tool
        self.cloudflow = self.table(tool, "tool", "cloudflow")

    def project(self, chosen: Path | None) -> Project:
        if not self.is_cloudflow:
            self.problems.append(NoCloudflowSection(path="tool.cloudflow"))
        self.only(KEYS, self.cloudflow, "tool", "cloudflow")
        return Project(
            root=self.root,
            name=self.name(),
            version=self.identity("version"),
            blueprint=chosen or self.file("blueprint", "blueprint.yaml"),
            source=self.folder(),
            local_config=self.file("local-config") if "local-config" in self.cloudflow else None,
            image=self.image(),
        )

    def name(self) -> str:
        name = self.identity("name")
        if "name" not in self.cloudflow:
            # Names of Python projects may be written in several ways; this is one of them.
            name = re.sub(r"[-_.]+", "-", name).lower()
        if name and _NAME.fullmatch(name) is None:
            table = ("tool", "cloudflow") if "name" in self.cloudflow else ("project",)
            self.report(InvalidApplicationName, *table, "name", name=name)
        return name

    def identity(self, key: str) -> str:
        if key in self.cloudflow:
            return self.text(self.cloudflow, "tool", "cloudflow", key)
        if key in self.declared:
            return self.text(self.declared, "project", key)
        if self.is_cloudflow:
            self.report(MissingProjectKey, "project", key, key=key)
        return ""

    def image(self) -> Mapping[str, Any]:
        table = self.table(self.cloudflow, *IMAGE)
        self.only((*IMAGE_TEXTS, INDEX), table, *IMAGE)
        if not isinstance(index := table.get(INDEX, False), bool):
            self.report(WrongProjectType, *IMAGE, INDEX, expected="true or false")
        texts = {key: self.text(table, *IMAGE, key) for key in table if key in IMAGE_TEXTS}
        return {**texts, INDEX: index} if INDEX in table else texts

    def file(self, key: str, default: str = "") -> Path:
        path = self.path(key, default)
        if self.is_cloudflow and not path.is_file():
            known = _names(path.parent, YAML | HOCON)
            self.report(MissingFile, "tool", "cloudflow", key, name=path.name, known=known)
        return path

    def folder(self) -> Path:
        path = self.path("source", "src")
        if self.is_cloudflow and not path.is_dir():
            known = _names(path.parent, {""})
            self.report(MissingFolder, "tool", "cloudflow", "source", name=path.name, known=known)
        return path

    def path(self, key: str, default: str) -> Path:
        if key not in self.cloudflow:
            return self.root / default
        return self.root / self.text(self.cloudflow, "tool", "cloudflow", key)

    def table(self, parent: Mapping[str, Any], *keys: str) -> dict[str, Any]:
        value = parent.get(keys[-1], {})
        if isinstance(value, dict):
            return value
        self.report(WrongProjectType, *keys, expected="a table")
        return {}

    def text(self, table: Mapping[str, Any], *keys: str) -> str:
        value = table[keys[-1]]
        if isinstance(value, str) and value:
            return value
        self.report(WrongProjectType, *keys, expected="a text")
        return ""

    def only(self, known: tuple[str, ...], table: Mapping[str, Any], *keys: str) -> None:
        for key in table:
            if key not in known:
                self.report(UnknownProjectKey, *keys, key, name=key, known=known)

    def report(self, kind: type[Stated], *keys: str, **data: Any) -> None:
        line = next(
            (self.lines[keys[:end]] for end in range(len(keys), 0, -1) if keys[:end] in self.lines),
            None,
        )
        self.problems.append(kind(path=".".join(keys), line=line, **data))


def _names(folder: Path, suffixes: Collection[str]) -> tuple[str, ...]:
    """What is in a folder and could have been meant."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(item.name for item in folder.iterdir() if item.suffix in suffixes))
