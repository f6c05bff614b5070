"""`verify` and `graph`: the classes are imported in a process of their own, as for users."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.exits import Exit
from support.cli import a_project

if TYPE_CHECKING:
    from pathlib import Path

    from support.cli import CommandLine
    from support.golden import Golden

SOURCE = """\
from pydantic import BaseModel
from streamlet_sdk import Emission, Inlet, Outlet, Streamlet, source


class Metric(BaseModel):
    value: float


class Meter(Streamlet):
    out = Outlet(Metric)

    @source
    def read(self):
        yield self.out(Metric(value=1.0))


class Logger(Streamlet):
    in_ = Inlet(Metric)

    @in_.each
    def log(self, metric: Metric) -> None:
        pass
"""
GOOD = """\
blueprint:
  streamlets:
    meter: plant.Meter
    logger: plant.Logger
  topics:
    metrics:
      producers: [meter.out]
      consumers: [logger.in]
"""
BAD = """\
blueprint:
  streamlets:
    meter: plant.Metre
    logger: plant.Logger
    logger: plant.Logger
  topics:
    metrics:
      producer: [meter.out]
      consumers: [loger.in]
      partitions: many
"""
HOCON = """\
blueprint {
  streamlets { meter = plant.Meter, logger = plant.Logger }
  topics {
    metrics { producers = [meter.out], consumers = [logger.inn] }
  }
}
"""


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    root = a_project(tmp_path, blueprint=GOOD)
    (root / "src" / "plant.py").write_text(SOURCE, "utf-8")
    return root


@pytest.mark.usefixtures("plant")
def test_a_blueprint_that_fits_is_told_in_one_line(cli: CommandLine) -> None:
    outcome = cli("verify")
    assert outcome.out == "plant 1.4.0 fits together: 2 streamlets, 1 topic.\n"
    assert (outcome.status, outcome.err) == (Exit.DONE, "")


@pytest.mark.usefixtures("plant")
def test_a_blueprint_that_fits_is_told_as_data(cli: CommandLine) -> None:
    assert cli("verify", "-o", "json").data == {
        "application": "plant",
        "version": "1.4.0",
        "blueprint": "blueprint.yaml",
        "streamlets": ["meter", "logger"],
        "topics": ["metrics"],
        "warnings": [],
        "problems": [],
    }


def test_all_problems_are_told_to_people_on_stderr(
    cli: CommandLine, plant: Path, golden: Golden
) -> None:
    (plant / "blueprint.yaml").write_text(BAD, "utf-8")
    outcome = cli("verify")
    assert (outcome.status, outcome.out) == (Exit.PROBLEMS, "")
    golden.check("verify-problems.txt", outcome.err)


def test_all_problems_are_told_to_scripts_on_stdout(
    cli: CommandLine, plant: Path, golden: Golden
) -> None:
    (plant / "blueprint.yaml").write_text(BAD, "utf-8")
    outcome = cli("verify", "-o", "json")
    assert outcome.status == Exit.PROBLEMS
    golden.check("verify-problems.json", json.dumps(outcome.data, indent=2) + "\n")


def test_a_blueprint_in_hocon_has_lines_too(cli: CommandLine, plant: Path) -> None:
    (plant / "blueprint.conf").write_text(HOCON, "utf-8")
    outcome = cli("verify", "blueprint.conf", "-o", "json")
    lines = [(problem["type"], problem["line"]) for problem in outcome.data["problems"]]
    assert lines
    assert all(line in {2, 4} for _, line in lines)
    assert 4 in {line for _, line in lines}


def test_the_traceback_of_a_failed_import_is_shown_with_v(cli: CommandLine, plant: Path) -> None:
    (plant / "src" / "plant.py").write_text("import nothing_of_that_name\n", "utf-8")
    brief, full = cli("verify"), cli("verify", "-v")
    assert brief.status == full.status == Exit.PROBLEMS
    assert "  | ModuleNotFoundError" not in brief.err
    assert "With -v" in brief.err
    assert "  | ModuleNotFoundError" in full.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nowhere"], Exit.NOT_FOUND, "There is no file or folder nowhere."),
        (["/"], Exit.NOT_FOUND, "There is no pyproject.toml in / or above it."),
        (["notes.yaml"], Exit.PROBLEMS, "notes.yaml:2: the line is indented with a tab"),
    ],
)
@pytest.mark.usefixtures("plant")
def test_what_cannot_be_verified_is_said(
    cli: CommandLine, tmp_path: Path, words: list[str], status: Exit, said: str
) -> None:
    (tmp_path / "notes.yaml").write_text("blueprint:\n\tstreamlets: {}\n", "utf-8")
    outcome = cli("verify", *words)
    assert outcome.status == status
    assert said in outcome.err


def test_a_missing_blueprint_is_a_problem_of_the_project(cli: CommandLine, plant: Path) -> None:
    (plant / "blueprint.yaml").rename(plant / "blueprint.conf")
    outcome = cli("verify")
    assert outcome.status == Exit.PROBLEMS
    assert outcome.err.startswith("pyproject.toml:5: tool.cloudflow.blueprint: there is no file ")
    assert "Did you mean 'blueprint.conf'?" in outcome.err


@pytest.mark.parametrize(
    ("form", "begins"),
    [("text", ""), ("mermaid", "flowchart"), ("dot", "digraph"), ("svg", "<svg")],
)
@pytest.mark.usefixtures("plant")
def test_a_graph_is_drawn_in_every_form(cli: CommandLine, form: str, begins: str) -> None:
    outcome = cli("graph", "-f", form)
    assert (outcome.status, outcome.err) == (Exit.DONE, "")
    assert outcome.out.startswith(begins)
    assert "meter" in outcome.out
    assert "metrics" in outcome.out


@pytest.mark.usefixtures("plant")
def test_a_graph_is_text_unless_said_otherwise(cli: CommandLine) -> None:
    assert cli("graph").out == cli("graph", "-f", "text").out


@pytest.mark.usefixtures("plant")
def test_a_graph_is_given_as_data(cli: CommandLine) -> None:
    data = cli("graph", "-o", "json").data
    assert data["streamlets"][0] == {
        "name": "meter",
        "class": "plant:Meter",
        "inlets": [],
        "outlets": ["out"],
    }
    assert data["topics"][0] == {
        "name": "metrics",
        "producers": ["meter.out"],
        "consumers": ["logger.in"],
        "deadLetters": False,
    }


@pytest.mark.usefixtures("plant")
def test_a_picture_and_data_at_once_are_refused(cli: CommandLine) -> None:
    outcome = cli("graph", "-f", "dot", "-o", "json")
    assert (outcome.status, outcome.out) == (Exit.USAGE, "")
