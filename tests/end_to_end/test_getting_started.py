"""A new user who follows the page on, from the sandbox to a cluster, ends with records flowing."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from support import chart
from support.image_building import BASE
from support.installation import RELEASE
from support.node_pods import PULL_SECRET
from support.sources import ROOT
from support.walkthrough import Command, File, Follower, Reader, steps
from testbed.helm import helm
from testbed.kubernetes import kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.installation import Platform

PAGE = ROOT / "docs" / "getting-started.md"
CLUSTER = "On a cluster"
BEFORE = re.compile(r"cd |kubectl-cloudflow init ")
LOOKING = re.compile(r"kubectl cloudflow (doctor|status) ?")
PATIENCE = 300.0  # seconds
NAMESPACE = "demo"


@pytest.fixture
def reader(platform: Platform, tmp_path: Path) -> Iterator[Reader]:
    """Somebody in a folder beside a clone, at a cluster that has no operator yet."""
    folder = tmp_path / "reader"
    folder.mkdir()
    folder.joinpath("cloudflow").symlink_to(ROOT)
    folder.joinpath("dist").symlink_to(platform.wheels)
    folder.joinpath("password").write_text(platform.cluster.registry.password)
    made = Reader(folder, patience=PATIENCE)
    tools = (str(kubectl().parent), str(helm().parent), made.environment["PATH"])
    made.environment |= {
        **platform.shell.variables,
        "KUBECONFIG": str(shutil.copy(platform.cluster.kubeconfig, tmp_path / "kubeconfig")),
        "PATH": os.pathsep.join(tools),
    }
    platform.helm("uninstall", RELEASE, "--wait")
    try:
        yield made
    finally:
        made.failure(f"kubectl delete namespace {NAMESPACE} --ignore-not-found")
        platform.helm("upgrade", "--install", RELEASE, chart.CHART, "--wait", **platform.values)


@pytest.fixture
def names(platform: Platform, tmp_path: Path) -> dict[str, str]:
    """What is called otherwise here than on the page.

    Its registry asks for a password, the base image is there, and no package index is asked.
    """
    registry = platform.cluster.registry
    file = tmp_path / "values.yaml"
    secrets = [{"name": PULL_SECRET}]
    digest = platform.values["image.digest"]
    file.write_text(yaml.safe_dump({"image": {"digest": digest}, "imagePullSecrets": secrets}))
    return {
        "helm install cloudflow ": f"helm install cloudflow --values {file} ",
        "registry.example/cloudflow-operator": platform.values["image.repository"],
        "kafka.example:9092": platform.cluster.kafka,
        "registry.example/hello": f"{registry.address}/tests/getting-started",
        "registry.example": registry.address,
        "--username me": f"--username {registry.user}",
        "index = true": f'base = "{BASE}"',
        "with docker": "with buildah",
        "build --push": "build --builder buildah --push",
    }


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_page_shows_what_a_reader_sees(reader: Reader, names: dict[str, str]) -> None:
    follower = Follower(reader, names, LOOKING)
    made = [step for step in steps(PAGE, before=CLUSTER) if _is_needed(step)]
    follower.follow(made)
    count, differing = follower.follow(steps(PAGE, after=CLUSTER))
    assert count > 14
    assert differing == [], "\n".join(differing)


def _is_needed(step: File | Command) -> bool:
    """Whether the project has it; the rest of the page before the cluster has a test of its own."""
    return isinstance(step, File) or BEFORE.match(step.line) is not None
