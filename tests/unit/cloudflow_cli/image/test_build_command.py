"""`build`: from a project to an image and its resource, with a stand-in for docker."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cloudflow_cli import VERSION
from cloudflow_cli.exits import Exit
from support.builders import DIGEST, IMAGE_ID, StandInDocker
from support.cli import CommandLine, a_project

if TYPE_CHECKING:
    from pathlib import Path

# Classes are imported in processes of their own, twice in most of these tests.
pytestmark = pytest.mark.timeout(60)

SOURCE = """\
from streamlet_sdk import Outlet, Streamlet, source


class Meter(Streamlet):
    out = Outlet(bytes)

    @source
    def read(self):
        yield self.out(b"1")
"""
BLUEPRINT = """\
blueprint:
  streamlets:
    meter: plant.Meter
  topics:
    metrics:
      producers: [meter.out]
"""
PYPROJECT = """\
[project]
name = "plant"
version = "1.4.0"

[tool.cloudflow]

[tool.cloudflow.image]
"""
REPOSITORY = "registry.example.com/team/plant"
TAG = "1.4.0-0123456789ab"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInDocker:
    """The only builder that there is."""
    made = StandInDocker(tmp_path / "bin")
    made.install()
    monkeypatch.setenv("PATH", str(made.folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DOCKER_CONFIG", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    return made


def plant(root: Path, *settings: str) -> Path:
    """A project; its image has `settings`."""
    text = PYPROJECT + "".join(f"{line}\n" for line in settings)
    project = a_project(root / "plant", pyproject=text, blueprint=BLUEPRINT)
    (project / "src" / "plant.py").write_text(SOURCE)
    return project


def resource(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((project / "target" / "plant.yaml").read_text())
    return found


def test_an_image_is_built_verified_and_named_by_its_content(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path)
    outcome = cli("build", str(project), "-o", "json")
    assert outcome.status == 0, outcome.err
    assert outcome.data == {
        "application": "plant",
        "version": "1.4.0",
        "image": f"localhost/plant:{TAG}",
        "digest": None,
        "builder": "docker",
        "sdk": VERSION,
        "resource": "plant/target/plant.yaml",
    }
    assert docker.commands() == ["version", "build", "run", "tag"]
    assert docker.calls()[-1]["words"] == ["tag", IMAGE_ID, f"localhost/plant:{TAG}"]
    spec = resource(project)["spec"]
    assert spec["image"] == f"localhost/plant:{TAG}"
    assert [one["name"] for one in spec["streamlets"]] == ["meter"]
    assert spec["sdk"]["version"] == VERSION


def test_a_pushed_image_is_named_by_its_digest(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path, f'repository = "{REPOSITORY}"')
    outcome = cli("build", str(project), "--push", "-o", "json")
    assert outcome.data["image"] == f"{REPOSITORY}@{DIGEST}"
    assert outcome.data["digest"] == DIGEST
    assert resource(project)["spec"]["image"] == f"{REPOSITORY}@{DIGEST}"
    assert docker.calls()[-1] == {"words": ["push", f"{REPOSITORY}:{TAG}"], "login": None}


def test_a_password_reaches_the_registry_and_nothing_else(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = plant(tmp_path, f'repository = "{REPOSITORY}"')
    monkeypatch.setattr("sys.stdin", io.StringIO("dragon-7\n"))
    outcome = cli("build", str(project), "--push", "--username", "ci", "--password-stdin", "-v")
    assert outcome.status == 0
    *before, push = docker.calls()
    auth = base64.b64encode(b"ci:dragon-7").decode()
    assert push["login"] == {"auths": {"registry.example.com": {"auth": auth}}}
    assert [call["login"] for call in before] == [None] * len(before)
    everything = outcome.out + outcome.err + str([call["words"] for call in docker.calls()])
    everything += "".join(
        path.read_text() for path in (project / "target").rglob("*") if path.is_file()
    )
    assert "dragon-7" not in everything
    assert auth not in everything


def test_without_an_image_the_resource_alone_is_written(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path)
    reference = f"registry.example.com/plant@{DIGEST}"
    outcome = cli("-n", "east", "build", str(project), "--no-image", "--image", reference)
    assert outcome.status == 0
    assert outcome.out.startswith(f"Took {reference}\nWrote plant/target/plant.yaml")
    assert docker.commands() == []
    assert resource(project)["spec"]["image"] == reference
    assert resource(project)["metadata"] == {"name": "plant", "namespace": "east"}


def test_the_text_says_how_to_go_on(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    del docker
    outcome = cli("build", str(plant(tmp_path)))
    assert outcome.out == (
        f"Built localhost/plant:{TAG}\n"
        "Wrote plant/target/plant.yaml for plant 1.4.0. Go on with:\n"
        "  kubectl cloudflow deploy plant/target/plant.yaml\n"
    )
    assert outcome.err == (
        "Building the image with docker from plant/target/image.\n"
        "Verifying the streamlets in the image.\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["--no-image"],
        ["--image", "x"],
        ["--no-image", "--image", "x", "--push"],
        ["--no-image", "--image", "x", "--builder", "podman"],
        ["--username", "ci"],
        ["--password-stdin"],
        ["--push", "--username", "ci"],
        ["--push"],  # no repository
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path, words: list[str]
) -> None:
    outcome = cli("build", str(plant(tmp_path)), *words)
    assert outcome.status == Exit.USAGE
    assert docker.commands() == []


def test_every_wrong_setting_of_the_image_is_a_problem_with_its_line(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    settings = ('repository = "Plant:1"', 'builder = "dockr"', 'wheels = "wheelz"')
    outcome = cli("build", str(plant(tmp_path, *settings)), "-o", "json")
    assert outcome.status == Exit.PROBLEMS
    found = [(one["type"], one["line"], one["suggestion"]) for one in outcome.data["problems"]]
    assert found == [
        ("InvalidRepository", 8, None),
        ("UnknownBuilder", 9, "docker"),
        ("MissingFolder", 10, None),
    ]
    assert docker.commands() == []


def test_a_project_with_problems_is_not_built(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path)
    (project / "src" / "plant.py").write_text("")
    assert cli("build", str(project)).status == Exit.PROBLEMS
    assert "build" not in docker.commands()


def test_a_problem_in_the_image_alone_is_told_and_nothing_is_pushed_or_written(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path, f'repository = "{REPOSITORY}"')
    fields = {"path": "plant:Meter", "line": None, "class_name": "plant:Meter", "detail": ""}
    fields |= {"location": "plant.py:1", "package": "numpy"}
    docker.report(descriptors={}, problems=[{"type": "PackageMissing", "fields": fields}])
    outcome = cli("build", str(project), "--push", "-o", "json")
    assert outcome.status == Exit.PROBLEMS
    assert [one["type"] for one in outcome.data["problems"]] == ["PackageMissing"]
    assert docker.commands() == ["version", "build", "run"]
    assert not (project / "target" / "plant.yaml").exists()


def test_what_the_image_has_is_deployed_and_a_difference_is_told(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path)
    head = "class Meter(Streamlet):\n"
    docker.source("plant.py", SOURCE.replace(head, f'{head}    """There."""\n'))
    docker.report(sdk="0.0.9")
    outcome = cli("build", str(project))
    assert "the image has the SDK 0.0.9, this command line is " in outcome.err
    assert "Warning: meter is not the same in the image as here" in outcome.err
    spec = resource(project)["spec"]
    assert spec["sdk"]["version"] == "0.0.9"
    assert [one["description"] for one in spec["descriptors"]] == ["There."]


def test_an_sdk_of_another_contract_is_refused(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    docker.report(contract=99, sdk="9.0.0")
    outcome = cli("build", str(plant(tmp_path)))
    assert outcome.status == Exit.FAILED
    assert "The SDK in the image, 9.0.0, has contract 99" in outcome.err


def test_a_build_that_fails_is_explained_and_writes_nothing(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path)
    docker.fail("build", "ERROR: No matching distribution found for numpy>=99")
    outcome = cli("build", str(project))
    assert outcome.status == Exit.FAILED
    assert "Error: The dependency numpy>=99 was not found." in outcome.err
    assert not (project / "target" / "plant.yaml").exists()


def test_a_push_that_fails_leaves_the_resource_as_it_was(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path, f'repository = "{REPOSITORY}"')
    cli("build", str(project))
    before = resource(project)
    docker.fail("push", "denied: requested access to the resource is denied")
    outcome = cli("build", str(project), "--push")
    assert outcome.status == Exit.FAILED
    assert f"The registry refuses {REPOSITORY}:{TAG}" in outcome.err
    assert resource(project) == before


def test_everything_that_the_builder_says_is_shown_on_demand(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path, f'repository = "{REPOSITORY}"')
    assert "digest:" in cli("build", str(project), "--push", "-v").err
    assert "digest:" not in cli("build", str(project), "--push").err
    assert docker.commands().count("push") == 2


def test_without_a_builder_every_reason_is_told(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    docker.fail("version", "Cannot connect to the Docker daemon. Is the docker daemon running?")
    outcome = cli("build", str(plant(tmp_path)))
    assert outcome.status == Exit.FAILED
    assert (
        "No image can be built here: docker has no daemon that answers: Cannot connect to the "
        "Docker daemon; podman is not installed; buildah is not installed." in outcome.err
    )


def test_a_named_builder_is_the_only_one_that_is_tried(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    outcome = cli("build", str(plant(tmp_path)), "--builder", "podman")
    assert "No image can be built here: podman is not installed." in outcome.err
    outcome = cli("build", str(plant(tmp_path, 'builder = "buildah"')))
    assert "No image can be built here: buildah is not installed." in outcome.err
    assert docker.commands() == []


def test_the_package_index_of_the_environment_is_named_and_not_told(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://ci:dragon-7@packages.example.com/simple")
    assert cli("build", str(plant(tmp_path))).status == 0
    (words,) = (call["words"] for call in docker.calls() if call["words"][0] == "build")
    assert words[words.index("PIP_INDEX_URL") - 1] == "--build-arg"
    assert "dragon-7" not in str(words)


@pytest.mark.parametrize("settings", [(), ("index = true",)])
def test_an_index_is_asked_beside_wheels_only_if_the_project_says_so(
    cli: CommandLine,
    docker: StandInDocker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: tuple[str, ...],
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example.com/simple")
    project = plant(tmp_path, 'wheels = "src"', *settings)
    assert cli("build", str(project)).status == 0
    (words,) = (call["words"] for call in docker.calls() if call["words"][0] == "build")
    assert ("PIP_INDEX_URL" in words) == bool(settings)
    text = (project / "target" / "image" / "Dockerfile").read_text()
    assert ("--no-index" in text) == (not settings)


def test_the_dockerfile_can_be_taken_over(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path)
    outcome = cli("build", str(project), "--emit-dockerfile")
    assert outcome.out == "Wrote plant/Dockerfile; `build` uses it from now on.\n"
    assert docker.commands() == []
    own = project / "Dockerfile"
    own.write_text(own.read_text() + "LABEL mine=yes\n")
    (project / "model.bin").write_text("weights")
    outcome = cli("build", str(project))
    assert "Using the project's own Dockerfile." in outcome.err
    context = project / "target" / "image"
    assert (context / "Dockerfile").read_text().endswith("LABEL mine=yes\n")
    assert (context / "project" / "model.bin").read_text() == "weights"
    assert (context / "source" / "plant.py").is_file()


def test_a_dockerfile_that_is_there_is_not_overwritten(cli: CommandLine, tmp_path: Path) -> None:
    project = plant(tmp_path)
    (project / "Dockerfile").write_text("FROM mine\n")
    outcome = cli("build", str(project), "--emit-dockerfile")
    assert outcome.status == Exit.USAGE
    assert (project / "Dockerfile").read_text() == "FROM mine\n"


def test_wheels_of_the_project_are_in_the_context(
    cli: CommandLine, docker: StandInDocker, tmp_path: Path
) -> None:
    project = plant(tmp_path, 'wheels = "wheels"', 'base = "registry.example.com/python:3"')
    (project / "wheels").mkdir()
    (project / "wheels" / "numpy-2.0-py3-none-any.whl").touch()
    assert cli("build", str(project)).status == 0
    context = project / "target" / "image"
    assert [path.name for path in (context / "wheels").iterdir()] == ["numpy-2.0-py3-none-any.whl"]
    text = (context / "Dockerfile").read_text()
    assert "ARG BASE=registry.example.com/python:3\n" in text
    assert "--no-index --find-links wheels" in text
    assert docker.commands() == ["version", "build", "run", "tag"]
