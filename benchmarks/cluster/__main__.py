"""The operator's figures beside their targets, on a real API server and a real Kafka, in one run.

    make bench-operator [ARGS="--quick | --applications N | --minutes M"]

First a bare loop of the same applies runs on a control plane of its own, then the operator on
another one. There are no nodes, so pods stay pending. Everybody who is measured is a process of its
own.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import commands
import latency
from applications import STREAMLETS, application, namespaces
from seen import percentile, settled, since, templates, until_count, until_looked, used, versions

from support.kube import Kube, a_kube, document
from support.operator_process import OperatorProcess, an_operator, kafka_cluster, until_leading
from support.report import Finding, Report, Target, printed, tell
from support.resources import install
from testbed.kafka import running
from testbed.kubernetes import control_plane

if TYPE_CHECKING:
    from testbed.kubernetes import ControlPlane

OWN = "cloudflow"
CREATORS = 8
HERE = Path(__file__).parent
MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How much is measured."""

    applications: int
    tries: int
    steady_seconds: float


@dataclass
class Bench:
    """One run on a control plane of its own, part after part, each on what the last has left."""

    plane: ControlPlane
    kube: Kube
    operator: OperatorProcess
    asked: Asked
    report: Report

    async def bulk(self, bare: float) -> None:
        """All applications at once."""
        total = self.asked.applications
        began = time.monotonic()
        await self._create_all()
        await until_count(self.kube, "apps/v1", "Deployment", total * STREAMLETS)
        took = since(began)
        self._add(
            f"{total} applications until all Deployments exist",
            f"{took:.1f} s",
            against=f"the bare loop, {bare:.1f} s",
            value=took / bare,
            target=Target(sense="at most", value=4, unit="×"),
        )

    async def fill(self) -> None:
        """Let controllers make Pods, which stay pending, until nothing moves any more."""
        self.plane.start_controllers()
        await until_count(self.kube, "v1", "Pod", self.asked.applications * STREAMLETS)
        await settled(self.kube)

    async def latencies(self) -> None:
        """One application among all."""
        async with latency.followed(self.plane.kubeconfig) as seen:
            made = await latency.creates(self.kube, seen, self.asked.tries)
            changed = await latency.configures(self.kube, seen, -(-self.asked.tries // 5))
        for what, values, share, limit in (
            ("a create to its Deployments, p99", made, 0.99, 0.5),
            ("a configure to its Deployment, p99", changed, 0.99, 0.3),
        ):
            self._add(
                f"{what} of {len(values)}",
                f"median {median(values) * 1000:.0f} ms",
                value=percentile(values, share),
                target=Target(sense="at most", value=limit, unit="s"),
            )

    async def restart(self, before_bytes: int) -> None:
        """A new process in the full cluster."""
        generations = await templates(self.kube)
        await self.operator.stop()
        began = time.monotonic()
        await self.operator.start()
        await until_looked(self.operator, self.asked.applications)
        took = since(began)
        changed = await templates(self.kube)
        touched = sum(generations.get(uid) != one for uid, one in changed.items())
        self._add(
            "restart until every application was looked at",
            f"{took:.1f} s",
            value=took,
            target=Target(sense="at most", value=60, unit="s"),
        )
        self._add(
            "pod templates that it changed",
            str(touched),
            value=touched,
            target=Target(sense="at most", value=0, unit=""),
        )
        resident = used(self.operator.process.pid).resident_bytes
        each = (resident - before_bytes) / self.asked.applications
        self._add(
            "resident memory after the restart",
            f"{each / 1024:.0f} KiB for each application",
            value=resident / MEBIBYTE,
            target=Target(sense="at most", value=300, unit="MiB"),
        )

    async def steady(self) -> None:
        """Nothing happens."""
        await settled(self.kube)
        seconds = self.asked.steady_seconds
        before, began = await versions(self.kube), used(self.operator.process.pid).processor_seconds
        await asyncio.sleep(seconds)
        share = 100 * (used(self.operator.process.pid).processor_seconds - began) / seconds
        after = await versions(self.kube)
        moved = sum(after.get(uid) != one for uid, one in before.items())
        moved += len(after.keys() - before.keys())
        self._add(
            f"objects that changed in {seconds / 60:g} min but Leases",
            str(moved),
            value=moved,
            target=Target(sense="at most", value=0, unit=""),
        )
        self._add(
            "processor in steady state",
            f"of {self.asked.applications} applications",
            value=share,
            target=Target(sense="at most", value=2, unit="% of a core"),
        )

    def commands(self) -> None:
        """What people wait for."""
        for name, seconds in commands.usual(self.plane.kubeconfig).items():
            self._add(
                f"`{name}`, whole process, median",
                f"{seconds:.2f} s",
                value=seconds,
                target=Target(sense="at most", value=1.5, unit="s"),
            )
        seconds = commands.plan_of_many(self.plane.kubeconfig)
        self._add(
            "`plan` of 200 streamlets",
            f"{seconds:.2f} s",
            value=seconds,
            target=Target(sense="at most", value=3, unit="s"),
        )

    async def _create_all(self) -> None:
        todo = list(reversed(range(self.asked.applications)))

        async def create() -> None:
            while todo:
                await self.kube.create(application(todo.pop()))

        async with asyncio.TaskGroup() as group:
            for _ in range(CREATORS):
                group.create_task(create())

    def _add(
        self, what: str, figure: str, *, value: float, target: Target, against: str = ""
    ) -> None:
        finding = Finding(
            what=what,
            figure=figure,
            against=against,
            value=value,
            unit=target.unit,
            target=target,
        )
        self.report.add(finding)
        tell(" | ".join(filter(None, finding.cells())))


def main() -> None:
    """Measure, and print the table."""
    asked = _arguments()
    size = Asked(
        applications=asked.applications, tries=asked.tries, steady_seconds=asked.minutes * 60
    )
    with printed("times will say little.") as report:
        bare = _bare(size.applications)
        with running() as kafka:
            asyncio.run(_measure(kafka, size, bare, report))


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="make bench-operator", description="Measure the operator.")
    say = parser.add_argument
    say("--quick", action="store_true", help="a few applications: does it work?")
    say("--applications", type=int, default=1000, help="in the full cluster (%(default)s)")
    say("--tries", type=int, default=1000, help="creates; a fifth as many configures (%(default)s)")
    say("--minutes", type=float, default=5.0, help="of steady state (%(default)s)")
    asked = parser.parse_args()
    if asked.quick:
        asked.applications, asked.tries, asked.minutes = 20, 10, 0.25
    return asked


def _bare(count: int) -> float:
    """Seconds of the bare loop, on a control plane of its own."""
    tell(f"the bare loop of {count} applications ...")
    with control_plane(controllers=False) as plane:
        asyncio.run(_namespaces(plane.kubeconfig, count))
        printed = subprocess.run(
            [sys.executable, HERE / "bare.py", plane.kubeconfig, str(count)],
            env=os.environ,
            stdout=subprocess.PIPE,
            check=True,
        )
    return float(printed.stdout)


async def _measure(kafka: str, size: Asked, bare: float, report: Report) -> None:
    with control_plane(controllers=False) as plane, tempfile.TemporaryDirectory() as folder:
        async with a_kube(plane.kubeconfig) as kube:
            await install(kube)
            for name in (*namespaces(size.applications), latency.PROBE, OWN):
                await kube.create(document("v1", "Namespace", name))
            await kube.create(kafka_cluster(OWN, kafka))
            starting = an_operator(plane.kubeconfig, Path(folder), namespace=OWN)
            async with starting as operator:
                await until_leading(operator)
                empty = used(operator.process.pid).resident_bytes
                bench = Bench(plane, kube, operator, size, report)
                tell(f"{size.applications} applications ...")
                await bench.bulk(bare)
                await bench.fill()
                bench.commands()
                await bench.latencies()
                await bench.restart(empty)
                await bench.steady()


async def _namespaces(kubeconfig: Path, applications: int) -> None:
    async with a_kube(kubeconfig) as kube:
        for name in namespaces(applications):
            await kube.create(document("v1", "Namespace", name))


if __name__ == "__main__":
    main()
