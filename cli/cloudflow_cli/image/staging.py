"""Puts everything that an image is made of into one folder, `target/image`.

Called by `building`. Times and permissions of files are always the same, so that the image depends
on their content alone, whoever builds it and wherever.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudflow_cli.image.dockerfile import NAME
from cloudflow_cli.image.errors import ImageError
from cloudflow_cli.image.requirements import REQUIREMENTS
from cloudflow_cli.project import FILE as PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TARGET: Final = "target"
FOLDER: Final = "image"
# 1980-01-01T00:00:00Z: the first time that a ZIP file can hold, and surely before any other.
EPOCH: Final = 315_532_800
_PROGRAM: Final = 0o755
_FILE: Final = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into the context of a build.

    Attributes:
        folders: by their names in the context.
        texts: files by their names.
    """

    folders: Mapping[str, Path]
    texts: Mapping[str, str]


def contents(dockerfile: str, requirements: str, folders: Mapping[str, Path]) -> Contents:
    """A Dockerfile, requirements and folders as a context."""
    return Contents(folders=folders, texts={NAME: dockerfile, REQUIREMENTS: requirements})


def target(root: Path) -> Path:
    """The folder of everything that is made of the project in `root`."""
    return root / TARGET


def stage(root: Path, wanted: Contents) -> Path:
    """Make the context of a build anew; the folder.

    Raises:
        ImageError: when a file cannot be read or written.
    """
    context = target(root) / FOLDER
    try:
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir(parents=True, exist_ok=True)
        for name, folder in wanted.folders.items():
            shutil.copytree(folder, context / name, ignore=_left_out, copy_function=shutil.copyfile)
            _copy_permissions(folder, context / name)
        for name, text in wanted.texts.items():
            (context / name).write_text(text, "utf-8", newline="\n")
        _normalize(context)
    except (OSError, shutil.Error) as error:
        raise ImageError(
            f"{context} cannot be made: {_reason(error)}.",
            hint="Look at the permissions of the project's files, and at the disk.",
        ) from error
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, shutil.Error):
        # One entry for each file: source, destination, reason.
        entries: Iterable[tuple[str, str, str]] = error.args[0]
        return "; ".join(f"{source}: {reason}" for source, _, reason in entries)
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _left_out(folder: str, names: list[str]) -> list[str]:
    """What is no part of a project, or not everybody's business: hidden files may hold secrets."""
    return [name for name in names if _is_left_out(Path(folder, name))]


def _is_left_out(path: Path) -> bool:
    name = path.name
    return (
        name.startswith(".")
        or name.endswith((".pyc", ".pyo", ".egg-info"))
        or name == "__pycache__"
        or (name == TARGET and path.with_name(PROJECT).is_file())
        or (path / "pyvenv.cfg").is_file()
    )


def _copy_permissions(source: Path, copy: Path) -> None:
    """Of all permissions only that to be run is kept."""
    for path in copy.rglob("*"):
        if path.is_file():
            mode = (source / path.relative_to(copy)).stat().st_mode
            path.chmod(_PROGRAM if mode & 0o100 else _FILE)


def _normalize(context: Path) -> None:
    for path in (context, *context.rglob("*")):
        if path.is_dir():
            path.chmod(_PROGRAM)
        elif path.parent == context:
            path.chmod(_FILE)
        os.utime(path, (EPOCH, EPOCH))
