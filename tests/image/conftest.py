"""Projects to be made images of, and a registry for them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from support.image_building import example
from support.require import missing
from testbed.registry import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from testbed.registry import Account


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
    return example(tmp_path, "hello", wheelhouse)


@pytest.fixture
def copy(tmp_path: Path, wheelhouse: Path) -> Callable[[str], Path]:
    """Makes such a project of any example."""
    return lambda name: example(tmp_path, name, wheelhouse)
