"""What has to be installed in a project's image, as the text of a `requirements.txt`.

Called by `building`. A lock file decides where there is one: `uv.lock`, then `requirements.txt`;
otherwise the dependencies of `pyproject.toml`, with the SDK of this command line.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cloudflow_cli import VERSION
from cloudflow_cli.document import read_text
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.image.errors import ImageError
from cloudflow_cli.problems import DynamicDependencies, LocalRequirement
from cloudflow_cli.project import FILE

DISTRIBUTION: Final = "cloudflow-streamlets"
UV_LOCK: Final = "uv.lock"
REQUIREMENTS: Final = "requirements.txt"
UV_EXPORT: Final = (
    *("uv", "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project"),
    *("--no-header", "--no-annotate", "--format", "requirements-txt", "--directory"),
)
# Options that name files, paths, and addresses of files: none of them is in the image.
_LOCAL: Final = re.compile(
    r"\s*(?:-[ercf]\b|--(?:editable|requirement|constraint|find-links)\b|\.{0,2}/|\.{1,2}\s*$)"
    r"|.*(?:@\s*|^)file:"
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What has to be installed.

    Attributes:
        text: of a `requirements.txt`.
        file: the name of the project's file that says so.
    """

    text: str
    file: str


def requirements(root: Path) -> Requirements:
    """The requirements of the project in `root`.

    Raises:
        DocumentError: when its files name what an image cannot have.
        ImageError: when `uv.lock` cannot be read.
    """
    if (root / UV_LOCK).is_file():
        text = _exported(root)
        _require_no_files(root / UV_LOCK, text, has_lines=False)
        return Requirements(text, UV_LOCK)
    if (root / REQUIREMENTS).is_file():
        text = read_text(root / REQUIREMENTS)
        _require_no_files(root / REQUIREMENTS, text, has_lines=True)
        return Requirements(text, REQUIREMENTS)
    return Requirements(_declared(root / FILE), FILE)


def _declared(file: Path) -> str:
    declared: dict[str, Any] = tomllib.loads(read_text(file)).get("project", {})
    if "dependencies" in declared.get("dynamic", ()):
        raise DocumentError(file, [DynamicDependencies(path="project.dynamic")])
    # In one order, whichever they are written in; the SDK's version is one more condition on it.
    lines = [*sorted(map(str, declared.get("dependencies", ()))), f"{DISTRIBUTION}=={VERSION}"]
    text = "".join(f"{line}\n" for line in lines)
    _require_no_files(file, text, has_lines=False)
    return text


def _exported(root: Path) -> str:
    try:
        done = subprocess.run(
            [*UV_EXPORT, str(root)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise ImageError(
            f"{root / UV_LOCK} cannot be read: uv is not installed.",
            hint="Install uv (pip install uv), or lock with a requirements.txt instead.",
        ) from None
    if done.returncode != 0:
        raise ImageError(
            f"uv cannot read {root / UV_LOCK}:\n{done.stderr.strip()}",
            hint="Make it anew: uv lock",
        )
    return done.stdout


def _require_no_files(file: Path, text: str, *, has_lines: bool) -> None:
    problems = [
        LocalRequirement(path=line.strip(), line=number if has_lines else None)
        for number, line in enumerate(text.splitlines(), 1)
        if _LOCAL.match(line)
    ]
    if problems:
        raise DocumentError(file, problems)
