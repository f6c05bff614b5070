"""Names of images: `repository:tag` and `repository@sha256:...`.

Pure. A tag says what is in the image, so that no tag is ever moved to another one.
"""

from __future__ import annotations

import re
from typing import Final

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_DOMAIN: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?"
_PART: Final = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*")
_LONGEST_TAG: Final = 128
_OF_THE_ID: Final = 12
DOCKER_HUB: Final = "docker.io"


def is_repository(text: str) -> bool:
    """Whether a text names a repository, without tag and digest."""
    return _REPOSITORY.fullmatch(text) is not None


def tagged(repository: str, version: str, image_id: str) -> str:
    """The image by its tag: the application's version and the beginning of the image's id.

    The same version with other code gets another tag, so pods that are told of it are replaced,
    and a registry that refuses to move tags has nothing to refuse.
    """
    of_the_id = image_id.removeprefix("sha256:")[:_OF_THE_ID]
    words = re.sub(r"[^A-Za-z0-9_.-]", "-", version)[: _LONGEST_TAG - _OF_THE_ID - 1]
    return f"{repository}:{words}-{of_the_id}"


def pinned(repository: str, digest: str) -> str:
    """The image by its content."""
    return f"{repository}@{digest}"


def registry(repository: str) -> str:
    """The registry that a repository is in, as host or host:port."""
    first, slash, _ = repository.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return first if is_host else DOCKER_HUB
