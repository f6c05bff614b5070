from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from cloudflow_cli import project, templates
from cloudflow_cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from support.cli import CommandLine


def test_a_new_project_is_complete_and_named(cli: CommandLine, tmp_path: Path) -> None:
    outcome = cli("init", "wind-farm")
    assert outcome.status == 0
    assert "kubectl cloudflow sandbox" in outcome.out
    made = project.load(tmp_path / "wind-farm")
    assert made.name == "wind-farm"
    assert (made.source / "wind_farm" / "streamlets.py").is_file()
    assert made.local_config is not None


def test_no_placeholder_is_left_in_a_new_project(cli: CommandLine, tmp_path: Path) -> None:
    cli("init", "wind-farm")
    files = [file for file in (tmp_path / "wind-farm").rglob("*") if file.is_file()]
    assert files
    for file in files:
        assert "{{" not in file.read_text("utf-8")
        assert "__package__" not in str(file)
        assert not file.name.endswith(".template")


def test_a_path_ends_in_the_name(cli: CommandLine, tmp_path: Path) -> None:
    assert cli("init", "services/wind-farm").status == 0
    text = (tmp_path / "services" / "wind-farm" / "pyproject.toml").read_text("utf-8")
    assert tomllib.loads(text)["project"]["name"] == "wind-farm"


def test_json_lists_the_files_and_nothing_else(cli: CommandLine) -> None:
    made = cli("init", "farm", "-o", "json").data
    assert made["project"] == "farm"
    assert "src/farm/streamlets.py" in made["files"]


def test_nothing_that_exists_is_overwritten(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "farm").mkdir()
    (tmp_path / "farm" / "mine.txt").write_text("mine")
    outcome = cli("init", "farm")
    assert outcome.status == Exit.FAILED
    assert "exists and is not an empty folder" in outcome.err
    assert [file.name for file in (tmp_path / "farm").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "farm").mkdir()
    assert cli("init", "farm").status == 0


def test_a_file_of_the_name_is_not_overwritten(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "farm").write_text("mine")
    assert cli("init", "farm").status == Exit.FAILED
    assert (tmp_path / "farm").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_an_error(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = cli("init", "file/farm")
    assert outcome.status == Exit.FAILED
    assert "cannot be written" in outcome.err


@pytest.mark.parametrize("name", ["Farm", "1farm", "wind_farm", "farm-", "a" * 64, "wind farm"])
def test_a_name_that_kubernetes_refuses_is_refused_here(cli: CommandLine, name: str) -> None:
    outcome = cli("init", name)
    assert outcome.status == Exit.USAGE
    assert "lower-case" in outcome.err


@pytest.mark.parametrize("name", ["json", "class", "match", "test", "streamlet-sdk"])
def test_a_name_that_python_has_is_refused(cli: CommandLine, name: str) -> None:
    outcome = cli("init", name)
    assert outcome.status == Exit.USAGE
    assert "Python has something called" in outcome.err


def test_an_unknown_template_has_a_suggestion(cli: CommandLine) -> None:
    outcome = cli("init", "farm", "--template", "helo")
    assert outcome.status == Exit.USAGE
    assert "Did you mean 'hello'?" in outcome.err


def test_there_is_the_template_that_is_the_default() -> None:
    assert "hello" in templates.names()
