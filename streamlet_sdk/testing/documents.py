"""Documents for the application kit: blueprints and configurations as mappings, of files or given.

Only here does the SDK read YAML, and only when a test names a file. It reads what the command
line reads; that one knows the lines of problems, too.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.errors import CloudflowError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECT: Final = "pyproject.toml"
# As in YAML 1.2: `on` and `no` are texts, and there are no dates and no numbers to the base of 60.
_SCALARS: Final = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": (r"[-+]?[0-9]+", "-+0123456789"),
    "float": (r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", "-+.0123456789"),
}


@dataclass(frozen=True, slots=True)
class Project:
    """Where a project is, its blueprint, and the packages of its streamlets."""

    root: Path
    blueprint: Path
    source: Path


def project(start: Path) -> Project | None:
    """The project that a file or folder is in; None when it is in none."""
    for folder in (start, *start.parents):
        file = folder / PROJECT
        if file.is_file():
            tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
            if "cloudflow" in tool:
                told: Mapping[str, str] = tool["cloudflow"]
                return Project(
                    root=folder,
                    blueprint=folder / told.get("blueprint", "blueprint.yaml"),
                    source=folder / told.get("source", "src"),
                )
    return None


def read(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        CloudflowError: when there is no such file, or it is not YAML.
        MissingExtraError: when PyYAML is not installed.
    """
    if path.suffix not in {".yaml", ".yml"}:
        raise CloudflowError(
            f"the kit reads YAML, not {path.name}", hint="Give it the document as a mapping."
        )
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading a blueprint from a file", "cli") from error
    try:
        loader = _kind(yaml.SafeLoader)(path.read_text(encoding="utf-8"))
        return loader.get_single_data()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CloudflowError(f"{path} cannot be read: {error}") from error


def _kind(safe: type[Any]) -> Any:
    """A loader that knows no type but those of JSON."""
    loader: Any = type("Loader", (safe,), {"yaml_implicit_resolvers": {}})
    for name, (pattern, first) in _SCALARS.items():
        loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{name}", re.compile(rf"^(?:{pattern})$"), list(first)
        )
    return loader
