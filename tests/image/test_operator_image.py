"""The operator's image, as `operator/Dockerfile` makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.image_building import BASE
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from support.buildah import Buildah

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_operator_starts_from_its_image_as_anybody_on_a_root_that_nobody_can_write(
    buildah: Buildah, wheelhouse: Path
) -> None:
    settings = ("--build-arg", f"BASE={BASE}", "--build-arg", "PIP_NO_INDEX=1")
    file = ROOT / "operator" / "Dockerfile"
    image = "localhost/cloudflow-operator:test"
    buildah("build", "--layers", *settings, "--file", file, "--tag", image, wheelhouse)
    config = buildah.config(image)["config"]
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["python", "-m", "cloudflow_operator"]
    with buildah.mounted(image) as root:
        done = buildah.in_a_pod(root, *config["Cmd"])
        assert not (root / "opt" / "pip").exists()
    # There is no cluster, which it finds out after everything that it needs was imported.
    assert done.status == 1
    assert "Traceback" not in done.err, done.err
