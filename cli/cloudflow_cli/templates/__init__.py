"""Templates of projects: each folder is one, and each file in it ends in `.template`.

Called by `init`. `{{name}}` stands for the project's name and `{{package}}` for its package, in
texts; in names of folders `__package__` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

ENDING: Final = ".template"


def names() -> list[str]:
    """The templates that there are."""
    return sorted(
        folder.name
        for folder in files(__name__).iterdir()
        if folder.is_dir() and not folder.name.startswith("_")
    )


def rendered(template: str, *, name: str, package: str) -> dict[PurePosixPath, str]:
    """The files of a new project, by path in it."""
    return {
        PurePosixPath(*(part.replace("__package__", package) for part in path.parts)): (
            text.replace("{{name}}", name).replace("{{package}}", package)
        )
        for path, text in _texts(files(__name__) / template, PurePosixPath())
    }


def _texts(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _texts(item, path / item.name)
        elif item.name.endswith(ENDING):
            yield path / item.name.removesuffix(ENDING), item.read_text("utf-8")
