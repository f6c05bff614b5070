"""What is installed in an image: locked where there is a lock, else declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_cli import VERSION
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.image.errors import ImageError
from cloudflow_cli.image.requirements import requirements
from cloudflow_cli.problems import DynamicDependencies, LocalRequirement

if TYPE_CHECKING:
    from pathlib import Path

LOCKED = f"cloudflow-streamlets=={VERSION} \\\n    --hash=sha256:{'a' * 64}\n"


def project(root: Path, section: str) -> Path:
    (root / "pyproject.toml").write_text(f"[project]\n{section}\n")
    return root


def a_program(folder: Path, text: str) -> str:
    folder.mkdir()
    program = folder / "uv"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return str(folder)


def test_declared_dependencies_have_one_order_and_the_sdk_of_this_command_line(
    tmp_path: Path,
) -> None:
    one = 'dependencies = ["numpy>=2", "cloudflow-streamlets[http]"]'
    other = 'dependencies = ["cloudflow-streamlets[http]", "numpy>=2"]'
    found = requirements(project(tmp_path, one))
    assert found.file == "pyproject.toml"
    assert found.text.splitlines() == [
        "cloudflow-streamlets[http]",
        "numpy>=2",
        f"cloudflow-streamlets=={VERSION}",
    ]
    assert requirements(project(tmp_path, other)) == found


def test_a_project_without_dependencies_has_the_sdk(tmp_path: Path) -> None:
    assert requirements(project(tmp_path, "")).text == f"cloudflow-streamlets=={VERSION}\n"


def test_a_requirements_file_is_the_lock_and_taken_as_it_is(tmp_path: Path) -> None:
    project(tmp_path, 'dynamic = ["dependencies"]')
    (tmp_path / "requirements.txt").write_text(LOCKED)
    found = requirements(tmp_path)
    assert (found.file, found.text) == ("requirements.txt", LOCKED)


def test_a_lock_of_uv_is_exported_and_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, "")
    (tmp_path / "uv.lock").touch()
    (tmp_path / "requirements.txt").write_text("other")
    monkeypatch.setenv("PATH", a_program(tmp_path / "bin", 'echo "numpy==2.0 # $*"'))
    found = requirements(tmp_path)
    assert found.file == "uv.lock"
    assert found.text == (
        "numpy==2.0 # export --quiet --frozen --no-dev --no-emit-project --no-header "
        f"--no-annotate --format requirements-txt --directory {tmp_path}\n"
    )


def test_a_lock_of_uv_without_uv_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uv.lock").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="uv is not installed") as caught:
        requirements(tmp_path)
    assert "pip install uv" in str(caught.value.hint)


def test_a_lock_that_uv_cannot_read_is_told_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uv.lock").touch()
    monkeypatch.setenv("PATH", a_program(tmp_path / "bin", "echo 'no such version' >&2; exit 2"))
    with pytest.raises(ImageError, match="no such version"):
        requirements(tmp_path)


def test_dynamic_dependencies_without_a_lock_are_a_problem(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        requirements(project(tmp_path, 'dynamic = ["dependencies"]'))
    assert [type(one) for one in caught.value.problems] == [DynamicDependencies]


def test_every_requirement_that_is_a_file_is_a_problem_with_its_line(tmp_path: Path) -> None:
    project(tmp_path, "")
    lines = [
        "numpy==2.0",
        "-e .",
        "-r other.txt",
        "--constraint limits.txt",
        "../shared",
        "mine @ file:///srv/mine.whl",
        "--find-links wheels",
        "# -e in a comment",
        "fine @ https://example.com/fine.whl",
        "cloudflow-streamlets[http]==0.1.0 ; python_version < '4'",
        ".",
    ]
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    with pytest.raises(DocumentError) as caught:
        requirements(tmp_path)
    problems = caught.value.problems
    assert {type(one) for one in problems} == {LocalRequirement}
    assert [one.line for one in problems] == [2, 3, 4, 5, 6, 7, 11]
