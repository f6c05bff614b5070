"""The bare loop: the same applies as the operator's, by the same client, and nothing else.

    python benchmarks/cluster/bare.py KUBECONFIG APPLICATIONS

Prints the seconds that it took. A process of its own, as the operator is one.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from applications import application, children

from cloudflow_operator.cluster import ApiServer
from cloudflow_operator.names import FIELD_MANAGER
from cloudflow_operator.requests import connected

WORKERS = 16


class Clock:
    """The real time."""

    def now(self) -> datetime:
        """Now."""
        return datetime.now(UTC)


async def bare_loop(kubeconfig: Path, count: int) -> float:
    """Apply what belongs to `count` applications; the seconds that it took."""
    todo = [list(children(application(number))) for number in range(count)]
    async with connected(kubeconfig) as requests:
        server = ApiServer(requests, Clock(), "bench")

        async def work() -> None:
            while todo:
                for manifest in todo.pop():
                    await server.apply(manifest, manager=FIELD_MANAGER)

        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(work())
        return time.monotonic() - began


if __name__ == "__main__":
    print(asyncio.run(bare_loop(Path(sys.argv[1]), int(sys.argv[2]))))
