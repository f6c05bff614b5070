"""How builders are called, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudflow_cli.image import command_lines
from cloudflow_cli.image.builders import Builder

CONTEXT = Path("/p/target/image")
FILE = Path("/t/file")
DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("builder", "words"),
    [
        (
            Builder.DOCKER,
            (
                "docker build --build-arg SOURCE_DATE_EPOCH=315532800 --build-arg PIP_INDEX_URL "
                "--iidfile /t/file /p/target/image"
            ),
        ),
        (
            Builder.PODMAN,
            (
                "podman build --layers --force-rm --timestamp 315532800 --build-arg PIP_INDEX_URL "
                "--iidfile /t/file /p/target/image"
            ),
        ),
        (
            Builder.BUILDAH,
            (
                "buildah build --layers --force-rm --timestamp 315532800 --build-arg PIP_INDEX_URL "
                "--iidfile /t/file /p/target/image"
            ),
        ),
    ],
)
def test_a_build_has_one_time_and_takes_where_packages_come_from(
    builder: Builder, words: str
) -> None:
    assert command_lines.build(builder, CONTEXT, FILE, ["PIP_INDEX_URL"]) == words.split()


@pytest.mark.parametrize("builder", [Builder.DOCKER, Builder.PODMAN])
def test_classes_are_described_in_a_container_that_can_neither_write_nor_call(
    builder: Builder,
) -> None:
    words = command_lines.report(builder, DIGEST, ["plant.Meter", "plant.Logger"])
    assert words == [
        *(builder, "run", "--rm", "--network", "none", "--read-only", "--tmpfs=/tmp"),
        *("--entrypoint", "python", DIGEST),
        *("-m", "streamlet_sdk.blueprint", "plant.Meter", "plant.Logger"),
    ]


def test_buildah_describes_in_a_container_of_its_own() -> None:
    words = command_lines.report(Builder.BUILDAH, "made", ["plant.Meter"])
    assert " ".join(words) == "buildah run made -- python -m streamlet_sdk.blueprint plant.Meter"
    assert command_lines.from_image(DIGEST) == ["buildah", "from", DIGEST]
    assert command_lines.removed("made") == ["buildah", "rm", "made"]


@pytest.mark.parametrize("builder", [Builder.PODMAN, Builder.BUILDAH])
def test_the_digest_of_a_push_is_written_to_a_file(builder: Builder) -> None:
    words = command_lines.push(builder, "r/hello:1", FILE)
    assert words == [builder, "push", "--digestfile", "/t/file", "r/hello:1"]


def test_docker_tells_the_digest_of_a_push() -> None:
    assert command_lines.push(Builder.DOCKER, "r/hello:1", FILE) == ["docker", "push", "r/hello:1"]
    said = f"1.4.0-aa: Pushed\n1.4.0-aa: digest: {DIGEST} size: 1994\n"
    assert command_lines.pushed_digest(said) == DIGEST


def test_output_without_a_digest_has_none() -> None:
    assert command_lines.pushed_digest("digest: sha256:short size: 1") is None
