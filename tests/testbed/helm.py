"""Helm, built from its Go module, for tests of the chart.

It is kept outside of the clone, by version. It is as good as Helm's own but for one thing: it does
not know which version of Kubernetes it was made for, so whoever renders without a cluster says it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from testbed.keeping import cache, making

VERSION = "3.22.0"
MODULE = f"helm.sh/helm/v3/cmd/helm@v{VERSION}"
BUILD_SECONDS = 3600


class HelmUnavailableError(Exception):
    """There is no Helm here; the message says what is missing."""


def helm() -> Path:
    """The command; builds it once, which takes minutes.

    Raises:
        HelmUnavailableError: when there is no Go, or it cannot build it.
    """
    if shutil.which("go") is None:
        raise HelmUnavailableError("there is no go, 1.24 or later, to build Helm with")
    folder = cache() / f"helm-{VERSION}"
    with making(folder) as is_missing:
        if is_missing:
            with tempfile.TemporaryDirectory(dir=cache(), prefix="building-") as work:
                _build(Path(work, "made"))
                Path(work, "made").rename(folder)
    return folder / "helm"


def _build(folder: Path) -> None:
    # It gives way to everybody else on the machine.
    done = subprocess.run(
        ["nice", "-n", "10", "go", "install", MODULE],
        env={**os.environ, "GOBIN": str(folder)},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        raise HelmUnavailableError(f"go could not build Helm: {done.stderr[-500:]}")
