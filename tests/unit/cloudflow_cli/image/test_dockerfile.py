"""The generated Dockerfile, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_cli.image.dockerfile import dockerfile
from cloudflow_cli.image.settings import BASE

if TYPE_CHECKING:
    from support.golden import Golden


def test_dependencies_come_from_the_index(golden: Golden) -> None:
    golden.check("image.Dockerfile", dockerfile(base=BASE, with_wheels=False))


def test_dependencies_come_from_the_folder_of_wheels_alone(golden: Golden) -> None:
    text = dockerfile(base="registry.example.com/python@sha256:1", with_wheels=True)
    golden.check("image-wheels.Dockerfile", text)
