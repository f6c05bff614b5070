"""etcd, Kubernetes and kubectl, built from Go modules, for `testbed.kubernetes`, `testbed.node`.

They are kept outside of the clone, by the module's files, Go's version and Kubernetes' version.
`CLOUDFLOW_TEST_KUBERNETES_VERSION=1.33.13` builds another version than that of `go.mod`;
`KUBEBUILDER_ASSETS` names a folder with programs that are used instead.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from testbed.keeping import cache, making

VERSION = "CLOUDFLOW_TEST_KUBERNETES_VERSION"
ASSETS = "KUBEBUILDER_ASSETS"
MODULE = Path(__file__).with_name("control-plane")
FILES = ("main.go", "go.mod", "go.sum")
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
)
BUILD_SECONDS = 3600
KUBERNETES = "k8s.io/kubernetes"
REQUIRED = re.compile(rf"{re.escape(KUBERNETES)} v([0-9.]+)")


class KubernetesUnavailableError(Exception):
    """Nothing of Kubernetes can be started here; the message says what is missing."""


def program(name: str) -> Path:
    """The executable `name`, one of `PROGRAMS`; builds all of them when it has to.

    Raises:
        KubernetesUnavailableError: when it is not among the given ones, or cannot be built.
    """
    given = os.environ.get(ASSETS)
    if given is None:
        return built() / name
    path = Path(given, name)
    if not path.is_file():
        raise KubernetesUnavailableError(f"there is no {name} in {given}, which {ASSETS} names")
    return path


def version() -> str:
    """The version of Kubernetes that is built, like `1.34.4`."""
    found = REQUIRED.search(MODULE.joinpath("go.mod").read_text())
    assert found is not None
    return os.environ.get(VERSION, found[1]).removeprefix("v")


def built() -> Path:
    """The folder with all programs; builds them once, which takes minutes.

    Raises:
        KubernetesUnavailableError: when there is no Go, or it cannot build them.
    """
    if shutil.which("go") is None:
        raise KubernetesUnavailableError("there is no go, 1.24 or later, to build it with")
    parts = [MODULE.joinpath(file).read_bytes() for file in FILES]
    parts += [_go_version().encode(), version().encode()]
    folder = cache() / f"kubernetes-{version()}-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}"
    with making(folder) as is_missing:
        if is_missing:
            _make(folder)
    return folder


def _make(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as work:
        made = Path(work, "made")
        made.mkdir()
        _build(Path(work), made / "control-plane")
        for name in PROGRAMS:
            made.joinpath(name).symlink_to("control-plane")
        made.rename(folder)


def _build(work: Path, target: Path) -> None:
    for file in FILES:
        shutil.copy(MODULE / file, work)
    if f"{KUBERNETES} v{version()}\n" not in work.joinpath("go.mod").read_text():
        _turn_to(work, version())
    major, minor, _ = version().split(".")
    facts = {"gitVersion": f"v{version()}", "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [f"-X {each}.{name}={fact}" for each in packages for name, fact in facts.items()]
    _go(
        work, "build", "-trimpath", "-ldflags", " ".join(("-s", "-w", *settings)), "-o", str(target)
    )


def _turn_to(work: Path, wanted: str) -> None:
    """Make the module one of another version; its checksums are then those that Go is told."""
    fetched: dict[str, Any] = json.loads(
        _go(work, "mod", "download", "-json", f"{KUBERNETES}@v{wanted}")
    )
    theirs = work / "theirs.mod"
    shutil.copy(fetched["GoMod"], theirs)
    described: dict[str, Any] = json.loads(_go(work, "mod", "edit", "-json", str(theirs)))
    # Modules that Kubernetes takes from its own tree are published as 0.x of the same version.
    staged = [each["Old"]["Path"] for each in described["Replace"]]
    lines = [
        "module controlplane",
        f"go {described['Go']}",
        *(f"godebug {each['Key']}={each['Value']}" for each in described.get("Godebug") or ()),
        f"require {KUBERNETES} v{wanted}",
        *(f"replace {path} => {path} v0{wanted[1:]}" for path in staged),
    ]
    work.joinpath("go.mod").write_text("\n".join(lines) + "\n")
    work.joinpath("go.sum").unlink()
    _go(work, "list", "-mod=mod", "-deps", ".")


@functools.cache
def _go_version() -> str:
    return _go(MODULE, "env", "GOVERSION")


def _go(folder: Path, *words: str) -> str:
    """What Go writes; it gives way to everybody else on the machine."""
    done = subprocess.run(
        ["nice", "-n", "15", "go", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"[-500:]
        raise KubernetesUnavailableError(f"go {words[0]} could not make Kubernetes: {said}")
    return done.stdout.strip()
