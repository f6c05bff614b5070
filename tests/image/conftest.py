"""A real builder, a base image and wheels; what is missing skips, or fails where it must be."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.buildah import BASE, Buildah
from support.require import missing
from support.sources import ROOT
from testbed import images
from testbed.packages import NodeUnavailableError
from testbed.registry import registry
from testbed.wheels import WheelsUnavailableError, wheels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.registry import Account


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that an image can need."""
    try:
        return wheels(tmp_path_factory.mktemp("wheels"))
    except WheelsUnavailableError as error:
        missing("registry", str(error))


@pytest.fixture(scope="session")
def base_archive() -> Path:
    """An image with Python."""
    if os.geteuid() != 0:
        missing("node", "only root may make images in a chroot")
    if shutil.which("buildah") is None:
        missing("node", "there is no buildah (apt-get install buildah)")
    try:
        return images.base()
    except (NodeUnavailableError, FileNotFoundError) as error:
        missing("node", str(error))


@pytest.fixture(scope="session")
def buildah(base_archive: Path) -> Iterator[Buildah]:
    """A builder that has the base image."""
    # Not among pytest's own folders: it could not remove the mounts of a run that was killed.
    made = Buildah(Path(tempfile.mkdtemp(prefix="cloudflow-buildah-")))
    made.take(base_archive)
    yield made
    made.remove()


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Who may push to a registry on this machine."""
    if shutil.which("docker-registry") is None or shutil.which("htpasswd") is None:
        missing("node", "there is no registry (apt-get install docker-registry apache2-utils)")
    with registry(tmp_path_factory.mktemp("registry"), "127.0.0.1") as made:
        yield made.account


@pytest.fixture
def hello(tmp_path: Path, wheelhouse: Path) -> Path:
    """The example `hello`, whose image is made of wheels on the base."""
    return a_copy(tmp_path, "hello", wheelhouse)


@pytest.fixture
def copy(tmp_path: Path, wheelhouse: Path) -> Callable[[str], Path]:
    """Makes such a project of any example."""
    return lambda name: a_copy(tmp_path, name, wheelhouse)


def a_copy(folder: Path, name: str, wheelhouse: Path) -> Path:
    project = folder / name
    shutil.copytree(
        ROOT / "examples" / name, project, ignore=shutil.ignore_patterns("target", "__pycache__")
    )
    with (project / "pyproject.toml").open("a") as file:
        file.write(f'\n[tool.cloudflow.image]\nbase = "{BASE}"\nwheels = "{wheelhouse}"\n')
    return project
