"""Operators of other versions, as images: one writes pods in another form, one is older."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING, Final

import pytest

from cloudflow_operator.desired.children import RENDERER
from cloudflow_operator.desired.pods import GRACE_SECONDS
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform

MORE_SECONDS: Final = 1
"""How much longer its pods may take to end."""
_CHANGES: Final = {
    "children.py": (
        f'RENDERER: Final = "{RENDERER}"',
        f'RENDERER: Final = "{RENDERER}, and another"',
    ),
    "pods.py": (
        f"GRACE_SECONDS: Final = {GRACE_SECONDS}",
        f"GRACE_SECONDS: Final = {GRACE_SECONDS + MORE_SECONDS}",
    ),
}
# What is compiled is never compared with its source.
_RECIPE: Final = """\
FROM {image}
USER 0
COPY *.py /
RUN cd "$(python -c 'import cloudflow_operator.desired as it; print(*it.__path__)')" \
    && rm __pycache__/children.* __pycache__/pods.* && mv /children.py /pods.py .
USER 10001:10001
"""
_BEFORE: Final = "HEAD~1"
_OLDER: Final = """\
FROM {image}
USER 0
COPY operator/cloudflow_operator /older/cloudflow_operator
COPY streamlet_sdk /older/streamlet_sdk
RUN cd "$(python -c 'import cloudflow_operator as it; print(*it.__path__)')/.." \
    && rm -r cloudflow_operator streamlet_sdk && mv /older/* .
USER 10001:10001
"""


def another_operator(platform: Platform, folder: Path) -> str:
    """Make its image of the one that is installed; the digest in the same repository."""
    context = folder / "another-operator"
    context.mkdir()
    for name, (old, new) in _CHANGES.items():
        text = (ROOT / "operator" / "cloudflow_operator" / "desired" / name).read_text()
        assert text.count(f"{old}\n") == 1, f"{name} is not written as it is here"
        (context / name).write_text(text.replace(old, new))
    return _image(platform, _RECIPE, context, "another")


def operator_before(platform: Platform, folder: Path) -> tuple[Path, str]:
    """The chart of the commit before this one, and the digest of its operator's image.

    It has the packages of the image that is installed.
    """
    there = ("helm", "operator/cloudflow_operator", "streamlet_sdk")
    words = ("git", "-C", str(ROOT), "archive", _BEFORE, *there)
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"nobody knows the commit before this one: {done.stderr.decode().strip()}")
    context = folder / "operator-before"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(context, filter="data")
    return context / "helm" / "cloudflow-operator", _image(platform, _OLDER, context, "before")


def _image(platform: Platform, recipe: str, context: Path, tag: str) -> str:
    repository = platform.values["image.repository"]
    file = context / "Dockerfile"
    file.write_text(recipe.format(image=f"{repository}:tests"))
    name = f"{repository}:{tag}"
    platform.builder("build", "--file", file, "--tag", name, context)
    return platform.pushed(name)
