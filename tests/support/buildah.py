"""buildah with a store of its own, and the command line that uses it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BASE = "localhost/cloudflow-test-python:3"
PROGRAM = "from cloudflow_cli.main import main; main()"
SECONDS = 900
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


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Buildah:
    """Images and containers below `folder`, which nobody else has."""

    folder: Path
    environment: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Write where everything is; no user's settings count."""
        conf = self.folder / "storage.conf"
        own = {
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_STORAGE_CONF": str(conf),
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
        }
        object.__setattr__(self, "environment", os.environ | own)
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for driver in ("overlay", "vfs"):  # a machine that is itself a container has no overlay
            conf.write_text(
                f'[storage]\ndriver = "{driver}"\ngraphroot = "{self.folder}/{driver}"\n'
                f'runroot = "{self.folder}/run"\n'
            )
            if self.ended("buildah", "info").status == 0:
                return

    def ended(self, *words: str | Path, stdin: str = "", **variables: str) -> Ended:
        """A command, run to its end."""
        done = subprocess.run(
            [str(word) for word in words],
            input=stdin,
            env=self.environment | variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def __call__(self, *words: str | Path) -> str:
        """What buildah says; it must not fail."""
        done = self.ended("buildah", *words)
        assert done.status == 0, done.err
        return done.out

    def build(self, project: Path, *words: str, stdin: str = "", **variables: str) -> Ended:
        """Run `kubectl cloudflow build` for a project."""
        python = (sys.executable, "-c", PROGRAM)
        options = ("--builder", "buildah", *words)
        return self.ended(*python, "build", project, *options, stdin=stdin, **variables)

    def built(self, project: Path) -> str:
        """The name of the image of a project, which must not fail."""
        done = self.build(project, "-o", "json")
        assert done.status == 0, done.err
        name: str = json.loads(done.out)["image"]
        return name

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

    def take(self, archive: Path) -> None:
        """Have the image of an archive in OCI's layout as `BASE`."""
        self("tag", self("pull", "--quiet", f"oci-archive:{archive}").strip(), BASE)

    def forget(self) -> None:
        """Remove all images and what was kept of builds."""
        self("rm", "--all")
        self("rmi", "--all", "--force")

    def remove(self) -> None:
        """Leave no mounts and no files."""
        self("rm", "--all")
        for mount in reversed(mounts(self.folder)):
            subprocess.run(["umount", mount], check=True)
        shutil.rmtree(self.folder)


def example(folder: Path, name: str, wheels: Path) -> Path:
    """A copy of an example, in `folder`, whose image is made of `wheels` on `BASE`."""
    project = folder / name
    ignored = shutil.ignore_patterns("target", "__pycache__", ".pytest_cache")
    shutil.copytree(ROOT / "examples" / name, project, ignore=ignored)
    with (project / "pyproject.toml").open("a") as file:
        file.write(f'\n[tool.cloudflow.image]\nbase = "{BASE}"\nwheels = "{wheels}"\n')
    return project


def mounts(folder: Path) -> list[str]:
    """What is mounted below a folder."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [point for line in lines if (point := line.split()[1]).startswith(f"{folder}/")]
