"""A new operator of clusters who follows the page word for word sees what the page says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import events
from cloudflow_operator.conditions import Aspect, Reason
from support.kube import a_kube
from support.played_node import a_node
from support.sources import ROOT
from support.walkthrough import Follower, Reader, steps
from testbed import kafka
from testbed.kubernetes import control_plane, kubectl
from testbed.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "operations.md"
PATIENCE = 180.0  # seconds
LOOKING = re.compile(r"kubectl (cloudflow (doctor|list|status|logs|version)|events|get)\b|curl ")
LINE = (
    '2026-01-01T00:00:0{0}.000000000Z {{"time": "2026-01-01T00:00:0{0}.000Z", "level": "info", '
    '"logger": "hello.printer", "message": "Welcome, {1}!", "streamlet": "printer"}}\n'
)
LOGS = {"printer": LINE.format(1, "Ada") + LINE.format(2, "Grace")}


@dataclass(frozen=True)
class Place:
    """Where a reader is, and how an administrator reaches the cluster there."""

    follower: Follower
    kubeconfig: Path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A folder beside a clone, with a cluster and a Kafka where there is nothing yet."""
    with control_plane() as cluster, kafka.cluster() as brokers:
        folder = tmp_path / "reader"
        folder.mkdir()
        folder.joinpath("cloudflow").symlink_to(ROOT)
        theirs = shutil.copy(cluster.kubeconfig, tmp_path / "kubeconfig")
        [port] = free_ports(1)
        reader = Reader(folder, patience=PATIENCE)
        reader.environment |= {
            "KUBECONFIG": str(theirs),
            "CLOUDFLOW_OPERATOR_PORT": str(port),
            "PATH": os.pathsep.join((str(kubectl().parent), reader.environment["PATH"])),
        }
        names = {"localhost:8080": f"localhost:{port}", "kafka.example:9092": brokers.bootstrap}
        try:
            yield Place(Follower(reader, names, LOOKING), cluster.kubeconfig)
        finally:
            _end(folder / "operator.pid")


def _end(file: Path) -> None:
    """End the operator that the page started, if it is still there."""
    with contextlib.suppress(OSError):
        number = file.read_text().strip()
        if b"cloudflow_operator" in Path("/proc", number, "cmdline").read_bytes():
            os.kill(int(number), signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_the_page_shows_what_a_reader_sees(place: Place, tmp_path: Path) -> None:
    async with a_kube(place.kubeconfig) as kube, a_node(kube, tmp_path, LOGS):
        count, differing = await asyncio.to_thread(place.follower.follow, steps(PAGE))
    assert count > 45
    assert differing == []


def test_every_reason_of_a_condition_is_explained() -> None:
    rows = {
        (columns[1].strip("` "), columns[2].strip("` "))
        for line in _section("What each condition means").splitlines()
        if line.startswith("|") and (columns := line.split("|"))
    }
    reasons = {reason for _, reason in rows}
    assert set(Reason) - reasons <= {Reason.ERROR}  # a phase alone, which the text above has
    assert {aspect for aspect, _ in rows} >= set(Aspect)
    assert "`Error`" in _section("What each condition means")


def test_every_event_is_explained() -> None:
    source = Path(events.__file__).read_text("utf-8")
    emitted = set(re.findall(r'reason="(\w+)"', source))
    assert emitted
    section = _section("Events")
    assert {one for one in emitted if f"| `{one}` |" not in section} == set()
    warnings = {str(reason) for _, reason in events._WARNINGS}
    assert {one for one in warnings if f"`{one}`" not in section} == set()


def _section(title: str) -> str:
    found = re.search(
        rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[1]
