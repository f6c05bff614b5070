"""Editions of the application `metering`, whose readings get further fields, as resources."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final

import yaml

from support.image_building import BASE
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform

APPLICATION: Final = "metering"
_FIELDS: Final = "    number: int\n    writer: str\n"
_MORE: Final = {
    "second": '    unit: str = "W"\n',
    "third": '    unit: str = "W"\n    place: str\n',
}
"""Fields that readings have in other editions than the first; one of them has no default."""


def project(platform: Platform, folder: Path) -> Path:
    """Its first edition, whose image goes to the cluster's registry."""
    made = folder / APPLICATION
    shutil.copytree(ROOT / "tests" / "end_to_end" / APPLICATION, made)
    settings = {
        "base": BASE,
        "wheels": platform.wheels,
        "repository": f"{platform.cluster.registry.address}/tests/{APPLICATION}",
    }
    rows = "".join(f'{key} = "{value}"\n' for key, value in settings.items())
    with (made / "pyproject.toml").open("a") as file:
        file.write(f"\n[tool.cloudflow.image]\n{rows}")
    return made


def become(project: Path, edition: str) -> None:
    """Make another edition of the first."""
    source = ROOT / "tests" / "end_to_end" / APPLICATION / "src" / "metering.py"
    text = source.read_text().replace('EDITION = "first"', f'EDITION = "{edition}"')
    changed = text.replace(_FIELDS, _FIELDS + _MORE[edition], 1)
    (project / "src" / "metering.py").write_text(changed)


def kept(resource: Path, edition: str) -> Path:
    """A copy beside it, which the next edition does not replace."""
    copy = resource.with_name(f"{edition}.yaml")
    shutil.copy(resource, copy)
    return copy


def mixed(base: Path, other: Path, streamlet: str) -> Path:
    """The resource `base` where one streamlet is already that of another edition."""
    made, found = (yaml.safe_load(one.read_text()) for one in (base, other))
    [one] = [each for each in made["spec"]["streamlets"] if each["name"] == streamlet]
    one["image"] = found["spec"]["image"]
    described = _descriptors(made) | {one["class"]: _descriptors(found)[one["class"]]}
    made["spec"]["descriptors"] = [*described.values()]
    schemas = {
        each["fingerprint"]: each for two in (made, found) for each in two["spec"]["schemas"]
    }
    made["spec"]["schemas"] = [*schemas.values()]
    file = base.with_name(f"{streamlet}-first.yaml")
    file.write_text(yaml.safe_dump(made))
    return file


def _descriptors(resource: dict[str, Any]) -> dict[str, Any]:
    return {each["className"]: each for each in resource["spec"]["descriptors"]}
