"""The pytest plug-in as a user's project has it: found by pytest, cheap, and tidy."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

STREAMLETS = """
from streamlet_sdk import Inlet, Outlet, Streamlet

class Shout(Streamlet):
    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    def shout(self, data):
        if data == b"bad":
            raise ValueError("bad")
        return self.out(data.upper())

    async def stop(self):
        print("stopped")
"""

BLUEPRINT = """
blueprint:
  streamlets:
    shout: shouting.Shout
  topics:
    quiet: {consumers: [shout.in]}
    loud: {producers: [shout.out]}
"""

TESTS = """
def test_one_streamlet(streamlet_kit):
    from shouting import Shout
    kit = streamlet_kit(Shout)
    kit.feed("in", b"a")
    kit.run()
    assert kit.values("out") == [b"A"]

def test_the_application_of_this_project(application_kit):
    kit = application_kit()
    kit.feed("quiet", b"a")
    kit.run()
    assert kit.values("loud") == [b"A"]

def test_a_file_of_this_project(application_kit):
    kit = application_kit("blueprint.yaml", only=["shout"])
    kit.feed("quiet", b"bad")
    kit.run()
    assert [one.message for one in kit.dead_letters("shout", "in")] == ["bad"]
"""

IDLE = """
import sys

ENGINE = ("streamlet_sdk.runtime", "streamlet_sdk.broker", "streamlet_sdk.blueprint", "yaml")

def test_nothing_is_imported_for_tests_that_use_no_kit():
    assert [name for name in ENGINE if name in sys.modules] == []
"""


# Plug-ins that this environment happens to have and a user's may not.
QUIET = [f"-pno:{name}" for name in ("asyncio", "cacheprovider", "hypothesispytest", "timeout")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "shouting.py").write_text(STREAMLETS)
    (tmp_path / "blueprint.yaml").write_text(BLUEPRINT)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.cloudflow]\n[tool.pytest.ini_options]\npythonpath = ["src"]\n'
    )
    return tmp_path


def run(project: Path, tests: str, *options: str) -> str:
    """The output of pytest, which must succeed."""
    (project / "tests" / "test_shouting.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", *QUIET, "-W", "error", *options]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_users_tests_find_the_fixtures(project: Path) -> None:
    output = run(project, TESTS, "-q", "-s")
    assert "3 passed" in output
    assert output.count("stopped") == 3


def test_the_fixtures_introduce_themselves(project: Path) -> None:
    output = run(project, TESTS, "--fixtures")
    assert "Makes a `StreamletKit` for a class" in output
    assert "Makes an `ApplicationKit`" in output


def test_the_plug_in_loads_nothing_of_the_engine(project: Path) -> None:
    assert "1 passed" in run(project, IDLE, "-q")
