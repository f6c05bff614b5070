"""Places where `kubectl cloudflow build` makes images, each with a builder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.sources import ROOT
from testbed.docker import docker
from testbed.machine import run
from testbed.packages import NodeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BASE = "localhost/cloudflow-test-python:3"
PROGRAM = "from cloudflow_cli.main import main; main()"
SECONDS = 900
HERE = "127.0.0.1"
# What root may do in a container that is itself one.
PODMAN = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str


class Workplace:
    """A folder with a builder.

    Attributes:
        folder: nobody else has it.
        builder: its name for `--builder`.
        environment: with which commands find the builder, and nothing of a user.
        host: an address of this machine that the builder reaches.
    """

    def __init__(
        self, folder: Path, builder: str, environment: Mapping[str, str], host: str = HERE
    ) -> None:
        """Start nothing."""
        own = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
        self.folder = folder
        self.builder = builder
        self.environment = {**os.environ, **own, **environment}
        self.host = host
        for name in ("home", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)

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
        """What the builder says; it must not fail."""
        done = self.ended(self.builder, *words)
        assert done.status == 0, done.err
        return done.out

    def take(self, archive: Path) -> None:
        """Have the image of an archive in OCI's layout as `BASE`; docker cannot."""
        self("tag", self("pull", "--quiet", f"oci-archive:{archive}").strip(), BASE)

    def build(self, project: Path, *words: str, stdin: str = "", **variables: str) -> Ended:
        """Run `kubectl cloudflow build` for a project."""
        python = (sys.executable, "-c", PROGRAM)
        options = ("--builder", self.builder, *words)
        return self.ended(*python, "build", project, *options, stdin=stdin, **variables)

    def built(self, project: Path) -> str:
        """The name of the image of a project, which must not fail."""
        done = self.build(project, "-o", "json")
        assert done.status == 0, done.err
        name: str = json.loads(done.out)["image"]
        return name


def example(folder: Path, name: str, wheels: Path) -> Path:
    """A copy of an example, in `folder`, whose image is made of `wheels` on `BASE`."""
    project = folder / name
    ignored = shutil.ignore_patterns("target", "__pycache__", ".pytest_cache")
    shutil.copytree(ROOT / "examples" / name, project, ignore=ignored)
    with (project / "pyproject.toml").open("a") as file:
        file.write(f'\n[tool.cloudflow.image]\nbase = "{BASE}"\nwheels = "{wheels}"\n')
    return project


def storage(folder: Path, driver: str) -> dict[str, str]:
    """Variables that let podman and buildah keep what they have below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "storage.conf"
    file.write_text(
        f'[storage]\ndriver = "{driver}"\ngraphroot = "{folder}/{driver}"\n'
        f'runroot = "{folder}/run"\n'
    )
    return {"BUILDAH_ISOLATION": "chroot", "CONTAINERS_STORAGE_CONF": str(file)}


@contextlib.contextmanager
def docker_workplace(folder: Path, base: Path) -> Iterator[Workplace]:
    """One with a daemon of its own and BuildKit; it has the image `BASE` of an archive.

    Raises:
        NodeUnavailableError: when there is no docker.
    """
    with docker() as daemon:
        # The package's own client, which needs no plug-in for BuildKit.
        path = os.pathsep.join(("/usr/bin", os.environ["PATH"]))
        environment = {"DOCKER_HOST": daemon.address, "DOCKER_BUILDKIT": "1", "PATH": path}
        made = Workplace(folder, "docker", environment, daemon.machine.host)
        archive = folder / "base.tar"
        run("skopeo", "copy", "--quiet", f"oci-archive:{base}", f"docker-archive:{archive}:{BASE}")
        made("load", "--quiet", "--input", archive)
        yield made


@contextlib.contextmanager
def podman_workplace(folder: Path, base: Path) -> Iterator[Workplace]:
    """One with podman; it has the image `BASE` of an archive.

    Raises:
        NodeUnavailableError: when there is no podman.
    """
    if shutil.which("podman") is None:
        raise NodeUnavailableError("there is no podman (apt-get install podman)")
    conf = folder / "containers.conf"
    conf.write_text(PODMAN)
    environment = {"CONTAINERS_CONF": str(conf), **storage(folder, "overlay")}
    made = Workplace(folder, "podman", environment)
    try:
        made.take(base)
        yield made
    finally:
        unmounted(folder)


def unmounted(folder: Path) -> None:
    """Leave no mounts below a folder."""
    for mount in reversed(mounts(folder)):
        subprocess.run(["umount", mount], check=True)


def mounts(folder: Path) -> list[str]:
    """What is mounted below a folder."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [point for line in lines if (point := line.split()[1]).startswith(f"{folder}/")]
