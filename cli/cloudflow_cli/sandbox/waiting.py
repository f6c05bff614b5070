"""What an application waits for: readers before it is fed, and what is left when time is over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.local.application import LocalApplication
    from streamlet_sdk.runtime.inlet import InletRunner

LOOK_AGAIN_SECONDS: Final = 0.01


async def claimed(application: LocalApplication) -> None:
    """Wait until every partition has its reader, in each group that runs.

    A reader that starts at the latest record would otherwise miss what is fed first.
    """
    while True:
        if await _is_claimed(application):
            return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _is_claimed(application: LocalApplication) -> bool:
    counts = await application.partitions()
    claimed_: dict[tuple[str, str], set[int]] = {}
    for inlet in _inlets(application):
        partitions = claimed_.setdefault((inlet.plan.reader, inlet.plan.spec.topic), set())
        partitions.update(claim.partition for claim in inlet.claims)
    return all(
        len(partitions) == counts.get(topic, len(partitions))
        for (_, topic), partitions in claimed_.items()
    )


def unfinished(application: LocalApplication) -> list[str]:
    """What keeps the application from being idle, besides records that are not read, for people."""
    found = ["a feed goes on"] if application.active else []
    for supervisor in application.supervisors:
        if supervisor.state != "running":
            found.append(f"{supervisor.config.streamlet} is {supervisor.state}")
        elif not supervisor.idle:
            found.append(f"{supervisor.config.streamlet} has something in flight")
    return found


def _inlets(application: LocalApplication) -> Iterator[InletRunner]:
    for supervisor in application.supervisors:
        if supervisor.state == "running" and supervisor.runner is not None:
            yield from supervisor.runner.inlets
