"""buildah with a store of its own, and the command line that uses it."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.image_building import Ended, Workplace, storage, unmounted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# As a pod has it: nothing to write to but /tmp, any user, no rights. What is given is the root.
AS_A_POD = """\
set -e
mount --bind "$1" "$1"
mount -t tmpfs tmpfs "$1/tmp"
mount -o remount,bind,ro "$1"
cd "$1"
shift
exec chroot --userspec=10001:10001 . /usr/bin/env -i HOME=/ PATH=/app/python/bin:/usr/bin:/bin \
    PYTHONPATH=/app/source "$@"
"""


class Buildah(Workplace):
    """Images and containers below `folder`, which nobody else has."""

    def __init__(self, folder: Path) -> None:
        """Write where everything is; no user's settings count."""
        for driver in ("overlay", "vfs"):  # a machine that is itself a container has no overlay
            super().__init__(folder, "buildah", storage(folder, driver))
            if self.ended("buildah", "info").status == 0:
                return

    def config(self, image: str) -> Mapping[str, Any]:
        """An image's configuration and layers, as OCI has them."""
        found: dict[str, Any] = json.loads(self("inspect", "--type", "image", image))["OCIv1"]
        return found

    def layers(self, image: str) -> list[str]:
        """The digests of an image's layers, that of the base first."""
        return list(self.config(image)["rootfs"]["diff_ids"])

    @contextlib.contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """The files of a container of `image`."""
        container = self("from", image).strip()
        try:
            yield Path(self("mount", container).strip())
        finally:
            self("rm", container)

    def in_a_pod(self, root: Path, *words: str) -> Ended:
        """A command in mounted files, run as the restricted profile of Kubernetes wants it."""
        return self.ended("unshare", "--mount", "sh", "-c", AS_A_POD, "sh", root, *words)

    def forget(self) -> None:
        """Remove all images and what was kept of builds."""
        self("rm", "--all")
        self("rmi", "--all", "--force")

    def remove(self) -> None:
        """Leave no mounts and no files."""
        self("rm", "--all")
        unmounted(self.folder)
        shutil.rmtree(self.folder)
