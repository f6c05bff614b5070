"""The wheel without extras is enough to run a streamlet, as in a user's image."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from support.documents import code_blocks
from support.require import missing
from support.sources import PACKAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Said by pip when no package index answers; any other failure is a defect of ours.
NO_REGISTRY = "connection broken"
RUN_THE_TESTS = (
    "\nfor name in [name for name in vars() if name.startswith('test_')]: vars()[name]()"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, built as it would be published."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)])
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that knows the wheel and its base dependencies, nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    run([sys.executable, "-m", "venv", str(folder)])
    python = folder / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--retries", "1", wheel],
        capture_output=True,
        text=True,
        check=False,
    )
    if NO_REGISTRY in done.stderr:
        missing("registry", f"pip found no package index: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return python


def run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_holds_the_packages_whole(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        folder = (ROOT / package).parent
        sources = {
            file.relative_to(folder).as_posix()
            for file in (ROOT / package).rglob("*")
            if file.is_file() and file.suffix != ".pyc"
        }
        assert sources - names == set()
    assert not [name for name in names if name.startswith(("tests/", "examples/", "docs/"))]


def test_a_streamlet_runs_without_extras(clean_python: Path) -> None:
    program = "\n".join(code_blocks(ROOT / "README.md", "python"))
    run([str(clean_python), "-I", "-c", program + RUN_THE_TESTS])


def test_an_example_runs_on_the_engine_without_extras(clean_python: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(ROOT / "examples" / "hello" / "src")!r})
from hello.records import Greeting, Person
from hello.streamlets import Greeter
from streamlet_sdk.testing import StreamletKit

with StreamletKit(Greeter, greeting="Ahoy") as kit:
    kit.feed("in", Person(name="Ada"))
    kit.run()
    assert kit.values("out") == [Greeting(text="Ahoy, Ada!")]
"""
    run([str(clean_python), "-I", "-c", program])


def test_no_extra_came_along(clean_python: Path) -> None:
    heavy = ("typer", "rich", "yaml", "kopf", "kubernetes", "starlette", "uvicorn", "httpx")
    program = f"from importlib.util import find_spec; print([n for n in {heavy!r} if find_spec(n)])"
    assert run([str(clean_python), "-I", "-c", program]).strip() == "[]"
