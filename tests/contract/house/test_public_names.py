"""What `streamlet_sdk` promises: its `__all__`, sorted, small, and nothing beside it."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import streamlet_sdk
from support.sources import PACKAGES, ROOT

MOST_NAMES = 25  # what a newcomer can read in one sitting

# All that a streamlet without extras must not pay for, at the latest when its pod starts.
HEAVY = (
    "aiokafka",
    "google.protobuf",
    "hocon",
    "httpx",
    "kopf",
    "kubernetes",
    "pydantic_settings",
    "rich",
    "starlette",
    "typer",
    "uvicorn",
    "yaml",
)


def test_the_public_names_are_sorted_and_few() -> None:
    assert streamlet_sdk.__all__ == sorted(streamlet_sdk.__all__)
    assert len(streamlet_sdk.__all__) <= MOST_NAMES


def test_what_the_package_shows_is_what_it_promises() -> None:
    shown = {
        name
        for name, value in vars(streamlet_sdk).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert shown == set(streamlet_sdk.__all__)


@pytest.mark.parametrize("name", streamlet_sdk.__all__)
def test_a_public_name_is_documented(name: str) -> None:
    value = getattr(streamlet_sdk, name)
    assert value.__doc__, f"{name} has no docstring"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_ships_its_types(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_importing_the_sdk_loads_nothing_heavy() -> None:
    program = (
        "import streamlet_sdk, sys\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
