"""Programs of nodes and builders that Debian has; `python -m testbed.packages` installs them.

Only what misses is installed: a machine may have its containerd from elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = {
    "buildah": "buildah",
    "catatonit": "catatonit",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "ctr": "containerd",
    "docker-registry": "docker-registry",
    "htpasswd": "apache2-utils",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "nsenter": "util-linux",
    "runc": "runc",
    "skopeo": "skopeo",
    "/usr/lib/cni/host-local": "containernetworking-plugins",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
}
"""The package that has a program, by its name or its path."""

BUILDERS = {"dockerd": "docker.io", "podman": "podman"}
"""The same of builders that tests use and nodes do not need."""

INSTALL_SECONDS = 900


class NodeUnavailableError(Exception):
    """No node can be started here; the message says what is missing."""


def absent(packages: Mapping[str, str] = PACKAGES) -> list[str]:
    """The packages whose programs are not all here."""
    return sorted({package for name, package in packages.items() if not _is_here(name)})


def check() -> None:
    """See that all is here, and that it may be used.

    Raises:
        NodeUnavailableError: when something misses.
    """
    if os.geteuid() != 0:
        raise NodeUnavailableError("only root may make namespaces, mounts and networks")
    if packages := absent():
        raise NodeUnavailableError(
            f"programs are missing (apt-get install --no-install-recommends {' '.join(packages)})"
        )


def install() -> None:
    """Install what misses; says nothing, and asks nothing.

    Raises:
        CalledProcessError: when apt-get cannot; its own words went to standard error.
    """
    packages = absent(PACKAGES | BUILDERS)
    if not packages:
        return
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    wanted = ("install", "--yes", "--no-install-recommends", *packages)
    for words in (("update",), wanted):
        subprocess.run(
            ["apt-get", "-qq", *words],
            env=quiet,
            stdout=sys.stderr,
            timeout=INSTALL_SECONDS,
            check=True,
        )


def _is_here(name: str) -> bool:
    return Path(name).exists() if name.startswith("/") else shutil.which(name) is not None


if __name__ == "__main__":
    install()
