"""The programs that make images: which there are, and which of them works here.

Called by `settings` and `building`. How they are called is in `command_lines`.
"""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from enum import StrEnum
from typing import Final

from cloudflow_cli.image.errors import ImageError

ANSWER_TIMEOUT: Final = timedelta(seconds=20)


class Builder(StrEnum):
    """A program that builds, runs and pushes images, in the order in which they are tried."""

    DOCKER = "docker"
    PODMAN = "podman"
    BUILDAH = "buildah"


def usable(named: Builder | None) -> Builder:
    """The named builder, or the first one that works here.

    Raises:
        ImageError: when it does not work, or none does; with the reason of each.
    """
    tried = (named,) if named is not None else tuple(Builder)
    reasons: list[str] = []
    for builder in tried:
        reason = _why_not(builder)
        if reason is None:
            return builder
        reasons.append(f"{builder} {reason}")
    raise ImageError(
        f"No image can be built here: {'; '.join(reasons)}.",
        hint="Install or start docker, podman or buildah. Where images are built by somebody "
        "else: --no-image --image REF writes the application resource alone.",
    )


def _why_not(builder: Builder) -> str | None:
    if shutil.which(builder) is None:
        return "is not installed"
    # Only docker has a daemon, which may be away; asking the others would cost time.
    return _why_no_daemon() if builder is Builder.DOCKER else None


def _why_no_daemon() -> str | None:
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_TIMEOUT.total_seconds(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"does not answer within {ANSWER_TIMEOUT.total_seconds():.0f} seconds"
    except OSError as error:
        return f"cannot be started: {error.strerror or error}"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or ["it does not say why"]
    return f"has no daemon that answers: {lines[-1].partition('. ')[0].rstrip('.')}"
