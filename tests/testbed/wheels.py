"""Wheels that an image is made of where no package index answers: this project's, and its needs.

What others have published is kept outside of the clone, by what is asked for; this project's own
wheel is built anew each time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from testbed.keeping import cache, making

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "3.11"  # of the base image of `testbed.images`
EXTRAS = ("http", "operator")
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_5", "manylinux1")
SECONDS = 600


class WheelsUnavailableError(Exception):
    """No package index answers; the message says what pip said."""


def wheels(folder: Path) -> Path:
    """Fill `folder` with the project's wheel and everything that it and two of its extras need.

    Raises:
        WheelsUnavailableError: when they are not here yet, and no package index answers.
    """
    shutil.copytree(_dependencies(), folder, dirs_exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
    )
    return folder


def _dependencies() -> Path:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = sorted({*project["dependencies"], *(one for name in EXTRAS for one in extras[name])})
    platforms = [f"{each}_{os.uname().machine}" for each in PLATFORMS]
    recipe = repr((wanted, PYTHON, platforms)).encode()
    folder = cache() / f"wheels-{hashlib.sha256(recipe).hexdigest()[:12]}"
    with making(folder) as is_missing:
        if is_missing:
            with tempfile.TemporaryDirectory(dir=cache(), prefix="fetching-") as work:
                _download(Path(work, "wheels"), wanted, platforms)
                Path(work, "wheels").rename(folder)
    return folder


def _download(folder: Path, wanted: list[str], platforms: list[str]) -> None:
    options = [word for each in platforms for word in ("--platform", each)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--retries", "1"),
            *("--only-binary", ":all:", "--python-version", PYTHON, "--implementation", "cp"),
            *(*options, "--dest", str(folder), *wanted),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise WheelsUnavailableError(f"pip found no wheels: {done.stderr.strip()[-500:]}")
