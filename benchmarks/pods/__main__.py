"""What people wait for on a cluster, and what its pods take, beside the targets, in one run.

    make bench-pods [ARGS="--quick | --tries N"]

It starts a whole cluster on this machine, as root, and installs the operator there by the chart.
"""

from __future__ import annotations

import asyncio
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from figures import Bench

from support.buildah import Buildah
from support.installation import Platform, installed
from support.kube import a_kube
from support.report import Finding, Report, printed, tell
from testbed import images
from testbed.cluster import running
from testbed.wheels import wheels


def main() -> None:
    """Measure, and print the table."""
    asked = _arguments()
    with (
        printed("times will say little.") as report,
        tempfile.TemporaryDirectory(prefix="cloudflow-bench-") as name,
        running() as cluster,
    ):
        folder = Path(name)
        builder = Buildah(folder / "images")
        try:
            builder.take(images.base())
            tell("installing the operator ...")
            made = installed(cluster, folder, builder, wheels(folder / "wheels"))
            asyncio.run(_measure(made, folder / "changed", asked.tries, report))
        finally:
            builder.remove()


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="make bench-pods", description="Measure what a node runs.")
    say = parser.add_argument
    say("--quick", action="store_true", help="everything once: does it work?")
    say("--tries", type=int, default=5, help="of each figure (%(default)s)")
    asked = parser.parse_args()
    if asked.quick:
        asked.tries = 1
    return asked


async def _measure(made: Platform, folder: Path, tries: int, report: Report) -> None:
    async with a_kube(made.cluster.kubeconfig) as kube:
        await Bench(made, kube, folder, tries, report, _show).all()


def _show(found: Finding) -> None:
    tell(" | ".join(filter(None, found.cells())))


if __name__ == "__main__":
    main()
