"""How docker, podman and buildah are called. Pure: from what is wanted to the words of a command.

podman and buildah give all layers one time; docker takes it for the image and, where its own
settings say so, for layers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudflow_cli.image.builders import Builder
from cloudflow_cli.image.references import DIGEST
from cloudflow_cli.image.staging import EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Variables that say where packages come from; builders take their values from the environment, so
# that a password in them stands in no list of processes.
INDEX_VARIABLES: Final = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
REPORT: Final = ("-m", "streamlet_sdk.blueprint")
_PUSHED: Final = re.compile(rf"\bdigest: ({DIGEST.pattern})")


def build(
    builder: Builder, context: Path, id_file: Path, variables: Sequence[str] = ()
) -> list[str]:
    """Build `context`; the id of the image is written to `id_file`.

    Args:
        builder: who builds.
        context: a folder with a Dockerfile.
        id_file: is written.
        variables: names of environment variables that the Dockerfile takes as arguments.
    """
    arguments = [word for name in variables for word in ("--build-arg", name)]
    match builder:
        case Builder.DOCKER:
            options = ["--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"]
        case Builder.PODMAN | Builder.BUILDAH:
            # What a failed build leaves behind would hold mounts.
            options = ["--layers", "--force-rm", "--timestamp", str(EPOCH)]
    return [builder, "build", *options, *arguments, "--iidfile", str(id_file), str(context)]


def report(builder: Builder, image: str, classes: Sequence[str]) -> list[str]:
    """Describe classes in a container of an image, as a pod would have it: nothing to write to.

    buildah runs what was made `from_image`; its containers are no images.
    """
    if builder is Builder.BUILDAH:
        return [builder, "run", image, "--", "python", *REPORT, *classes]
    hardened = ["--rm", "--network", "none", "--read-only", "--tmpfs=/tmp"]
    return [builder, "run", *hardened, "--entrypoint", "python", image, *REPORT, *classes]


def from_image(image: str) -> list[str]:
    """Make a container of buildah; its name is written to standard output."""
    return [Builder.BUILDAH, "from", image]


def removed(container: str) -> list[str]:
    """Remove a container of buildah."""
    return [Builder.BUILDAH, "rm", container]


def tag(builder: Builder, image: str, reference: str) -> list[str]:
    """Give an image a name."""
    return [builder, "tag", image, reference]


def push(builder: Builder, reference: str, digest_file: Path) -> list[str]:
    """Push an image; podman and buildah write its digest to `digest_file`."""
    if builder is Builder.DOCKER:
        return [builder, "push", reference]
    return [builder, "push", "--digestfile", str(digest_file), reference]


def pushed_digest(output: str) -> str | None:
    """The digest that docker tells when it has pushed an image."""
    found = _PUSHED.search(output)
    return found[1] if found else None
