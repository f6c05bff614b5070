"""The generated Dockerfile, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_cli.image.dockerfile import dockerfile
from cloudflow_cli.image.settings import BASE

if TYPE_CHECKING:
    from support.golden import Golden


def test_dependencies_come_from_the_index(golden: Golden) -> None:
    golden.check("image.Dockerfile", dockerfile(base=BASE, with_wheels=False, with_index=True))


def test_dependencies_come_from_the_folder_of_wheels_alone(golden: Golden) -> None:
    base = "registry.example.com/python@sha256:1"
    text = dockerfile(base=base, with_wheels=True, with_index=False)
    golden.check("image-wheels.Dockerfile", text)


def test_what_is_no_wheel_of_the_folder_comes_from_the_index_if_that_is_asked_too() -> None:
    text = dockerfile(base=BASE, with_wheels=True, with_index=True)
    assert "    --find-links wheels --requirement requirements.txt\n" in text
    assert "COPY wheels ./wheels\n" in text
    assert "ARG PIP_INDEX_URL\n" in text
