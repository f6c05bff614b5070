"""The command as people have it: a process, with and without what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cloudflow_cli import VERSION, templates
from cloudflow_cli.app import COMMANDS

ROOT = Path(__file__).parents[3]


def run(*words: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line in an interpreter of its own, after `code`."""
    start = f"import sys; sys.argv = {['kubectl-cloudflow', *words]!r}; {code}\n"
    return subprocess.run(
        [sys.executable, "-c", start + "from cloudflow_cli.main import main; main()"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "80"},
    )


def test_the_version_is_that_of_the_distribution() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert declared == VERSION


def test_the_template_hello_is_the_example_hello() -> None:
    made = templates.rendered("hello", name="hello", package="hello")
    example = ROOT / "examples" / "hello"
    tracked = subprocess.run(
        ["git", "-C", example, "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert sorted(map(str, made)) == sorted(tracked)
    for path, text in made.items():
        assert text.encode() == (example / path).read_bytes(), path


@pytest.mark.parametrize("missing", ["typer", "yaml", "hocon"])
def test_without_the_extra_the_command_says_what_to_install(missing: str, tmp_path: Path) -> None:
    for name in ("blueprint.yaml", "blueprint.conf"):
        (tmp_path / name).write_text("blueprint = {}" if name.endswith("conf") else "")
    (tmp_path / "src").mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "a"\nversion = "1"\n[tool.cloudflow]\n'
    )
    blueprint = tmp_path / ("blueprint.conf" if missing == "hocon" else "blueprint.yaml")
    outcome = run("verify", str(blueprint), code=f"sys.modules[{missing!r}] = None")
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    assert "pip install 'cloudflow-streamlets[cli]'" in outcome.stderr


def test_a_missing_module_of_ours_is_a_defect_and_is_shown() -> None:
    outcome = run("version", code="sys.modules['cloudflow_cli.app'] = None")
    assert "Traceback" in outcome.stderr


@pytest.mark.parametrize("words", [["--help"], ["version", "--client"]])
def test_a_quick_answer_loads_nothing_heavy(words: list[str]) -> None:
    heavy = ("pydantic", "streamlet_sdk", "rich", "yaml", "kubernetes", "hocon", "asyncio")
    code = (
        "import atexit; atexit.register(lambda: print('loaded:', "
        f"[name for name in {heavy} if name in sys.modules]))"
    )
    assert run(*words, code=code).stdout.endswith("loaded: []\n")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "sandbox"])
def test_help_loads_no_client_of_a_cluster(name: str) -> None:
    code = (
        "import atexit; atexit.register(lambda: print('loaded:', "
        "[name for name in ('aiohttp', 'kubernetes', 'kopf') if name in sys.modules]))"
    )
    assert run(name, "--help", code=code).stdout.endswith("loaded: []\n")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    script = tmp_path / "pipe.sh"
    script.write_text(f"{sys.executable} -m cloudflow_cli.main --help | true\n")
    outcome = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert outcome.stderr == ""
