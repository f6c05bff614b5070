from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_cli import project
from cloudflow_cli.errors import DocumentError, NotFoundError
from cloudflow_cli.toml_lines import lines_of
from support.cli import PYPROJECT, a_project

if TYPE_CHECKING:
    from pathlib import Path


def problems(root: Path, pyproject: str) -> list[tuple[str, str, int | None]]:
    a_project(root, pyproject=pyproject)
    with pytest.raises(DocumentError) as caught:
        project.load(root)
    assert caught.value.path == root / "pyproject.toml"
    return [(type(item).__name__, item.path, item.line) for item in caught.value.problems]


def test_an_empty_section_is_enough(tmp_path: Path) -> None:
    found = project.load(a_project(tmp_path))
    assert (found.name, found.version) == ("plant", "1.4.0")
    assert found.blueprint == tmp_path / "blueprint.yaml"
    assert found.source == tmp_path / "src"
    assert found.local_config is None


def test_every_key_is_read(tmp_path: Path) -> None:
    pyproject = """\
[project]
name = "ignored"
dynamic = ["version"]
[tool.cloudflow]
name = "sensor-data"
version = "2.0"
blueprint = "wiring/blueprint.conf"
source = "code"
local-config = "local.yaml"
[tool.cloudflow.image]
repository = "registry.example/sensor-data"
"""
    for name in ("wiring", "code"):
        (tmp_path / name).mkdir()
    for name in ("wiring/blueprint.conf", "local.yaml"):
        (tmp_path / name).touch()
    found = project.load(a_project(tmp_path, pyproject=pyproject))
    assert (found.name, found.version) == ("sensor-data", "2.0")
    assert found.blueprint == tmp_path / "wiring" / "blueprint.conf"
    assert found.source == tmp_path / "code"
    assert found.local_config == tmp_path / "local.yaml"
    assert found.image == {"repository": "registry.example/sensor-data"}


def test_the_project_of_a_folder_deep_in_it_is_found(tmp_path: Path) -> None:
    a_project(tmp_path)
    (tmp_path / "src" / "plant").mkdir()
    assert project.load(tmp_path / "src" / "plant").root == tmp_path


def test_a_blueprint_is_taken_instead_of_the_projects(tmp_path: Path) -> None:
    a_project(tmp_path)
    (tmp_path / "blueprint-large.yaml").touch()
    assert project.load(tmp_path / "blueprint-large.yaml").blueprint.name == "blueprint-large.yaml"


def test_pyproject_may_be_named_itself(tmp_path: Path) -> None:
    a_project(tmp_path)
    assert project.load(tmp_path / "pyproject.toml").blueprint.name == "blueprint.yaml"


@pytest.mark.parametrize(
    ("declared", "name"),
    [("Sensor_Data", "sensor-data"), ("a.b", "a-b"), ("plant", "plant")],
)
def test_the_name_of_a_python_project_becomes_one_of_an_application(
    tmp_path: Path, declared: str, name: str
) -> None:
    pyproject = PYPROJECT.replace('"plant"', f'"{declared}"')
    assert project.load(a_project(tmp_path, pyproject=pyproject)).name == name


def test_all_problems_are_found_at_once_with_their_lines(tmp_path: Path) -> None:
    pyproject = """\
[project]
name = "plant"

[tool.cloudflow]
name = "Plant"
blueprint = "blueprnt.yaml"
source = 3
local-conf = "local.yaml"

[tool.cloudflow.image]
repo = "x"
"""
    assert problems(tmp_path, pyproject) == [
        ("UnknownProjectKey", "tool.cloudflow.local-conf", 8),
        ("InvalidApplicationName", "tool.cloudflow.name", 5),
        ("MissingProjectKey", "project.version", 1),
        ("MissingFile", "tool.cloudflow.blueprint", 6),
        ("WrongProjectType", "tool.cloudflow.source", 7),
        ("UnknownProjectKey", "tool.cloudflow.image.repo", 11),
    ]


def test_a_slip_in_the_name_of_a_file_has_a_suggestion(tmp_path: Path) -> None:
    a_project(tmp_path, pyproject=PYPROJECT + 'blueprint = "blueprnt.yaml"\n')
    with pytest.raises(DocumentError) as caught:
        project.load(tmp_path)
    assert [problem.suggestion for problem in caught.value.problems] == ["blueprint.yaml"]


@pytest.mark.parametrize(
    ("pyproject", "expected"),
    [
        ("[project]\nname = 'a'\n", ("NoCloudflowSection", "tool.cloudflow", None)),
        ("", ("NoCloudflowSection", "tool.cloudflow", None)),
        ("[project\nname = 'a'\n", ("UnreadableProject", "", 1)),
        ("a = 1\nb = \n", ("UnreadableProject", "", 2)),
        ("a = 1\nb = '''x\n\n", ("UnreadableProject", "", 4)),
        (PYPROJECT + "image = 3\n", ("WrongProjectType", "tool.cloudflow.image", 6)),
        (
            PYPROJECT + "[tool.cloudflow.image]\nindex = 'yes'\n",
            ("WrongProjectType", "tool.cloudflow.image.index", 7),
        ),
        ("tool = 3\n", ("WrongProjectType", "tool", 1)),
    ],
)
def test_what_is_no_project_of_cloudflow_is_said(
    tmp_path: Path, pyproject: str, expected: tuple[str, str, int | None]
) -> None:
    assert problems(tmp_path, pyproject)[0] == expected


def test_a_project_without_source_says_which_folder_is_missing(tmp_path: Path) -> None:
    (a_project(tmp_path) / "src").rmdir()
    with pytest.raises(DocumentError, match="there is no folder src"):
        project.load(tmp_path)


def test_a_folder_instead_of_pyproject_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(DocumentError, match="this is a folder"):
        project.load(tmp_path)


def test_what_does_not_exist_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        project.load(tmp_path / "nowhere")


def test_a_folder_without_a_project_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no pyproject\.toml"):
        project.load(tmp_path)


def test_toml_lines_ignore_what_stands_in_long_texts() -> None:
    text = 'a = """\n[b]\nc = 1\n"""\n[d."e.f"]\ng.h = 1 # i = 2\n'
    assert lines_of(text) == {
        ("a",): 1,
        ("d",): 5,
        ("d", "e.f"): 5,
        ("d", "e.f", "g"): 6,
        ("d", "e.f", "g", "h"): 6,
    }
