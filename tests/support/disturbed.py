"""The application `accounting` at work on a node while something is broken, and what came of it.

`disturbances` breaks things on a `Stage`; records flow all the time, and each of them is accounted
for after each disturbance.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from chaos import traffic
from cloudflow_operator import names
from support import repeats
from support.flow import Flow, Way
from support.image_building import BASE
from support.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from support.installation import Platform
    from support.installed_application import Installed
    from support.kube import Document
    from support.ledger import Piece
    from support.space import Space
    from testbed.cluster import Parts
    from testbed.kafka import KafkaCluster

APPLICATION: Final = "accounting"
WAYS: Final = {
    "at-least-once": ("forward", "relay", "mark"),
    "exactly-once": ("forward-once", "relay-once", "mark-once"),
}
"""The streamlets of each way, by what is promised there."""
STREAMLETS: Final = tuple(name for way in WAYS.values() for name in way)
RELAYS: Final = tuple(way[1] for way in WAYS.values())
TOPICS: Final = ("numbers", "noted", "output", "numbers-once", "noted-once", "output-once")
"""What they write, in their order."""
WINDOW: Final = 2000
SETTINGS: Final = f"cloudflow.runtimes.python.config.window-records={WINDOW}"
PATIENCE_SECONDS: Final = 240.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one disturbance did to one way.

    Attributes:
        promise: what holds for this way.
        allowed: how many duplicates are within it.
        broken: what of it was not kept.
    """

    disturbance: str
    promise: Literal["at-least-once", "exactly-once"]
    piece: Piece
    allowed: int
    seconds: float
    broken: list[str]


@dataclass(kw_only=True)
class Stage:
    """Everything that can be broken, and the records that flow.

    Attributes:
        editions: resources of the application, one for each image.
        parts: of the cluster.
        brokers: that its topics are on.
        deaths: how many replicas of each way ended, or lost their brokers, with work in hand.
    """

    space: Space
    parts: Parts
    brokers: KafkaCluster
    editions: list[Path]
    application: Installed
    flow: Flow
    deaths: int = field(default=0, init=False)

    async def disturb(
        self, name: str, disturbance: Callable[[Stage], Awaitable[None]]
    ) -> list[Row]:
        """Break something, wait until all is as it shall be again, and account for every way."""
        since, self.deaths = time.time(), 0
        await disturbance(self)
        await self.settled()
        pieces = self.flow.close(await self.flow.through(), since)
        seconds = time.time() - since
        return [
            self._row(name, promise, pieces[promise], seconds)
            for promise in ("at-least-once", "exactly-once")
        ]

    async def run(self, words: str) -> None:
        """A command of `kubectl cloudflow`, which has to succeed."""
        await self.space.done(words)

    async def until(self, look: Callable[[], Awaitable[object]], what: str) -> None:
        """Ask until that is so; as patient as a busy machine needs."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await look():
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}") from None

    async def settled(self) -> None:
        """Wait until the operator has done all that is asked, and all pods are ready."""
        await self.until(self._is_settled, f"{APPLICATION} to be ready")

    async def pods(self, *streamlets: str) -> list[Document]:
        """Those that nobody has asked to end, of some streamlets; of all when none is named."""
        return [pod for one in streamlets or STREAMLETS for pod in await self.space.pods(one)]

    async def replaced(self, before: list[Document]) -> None:
        """Wait until pods are gone, so that others have their places."""
        gone = {pod["metadata"]["uid"] for pod in before}

        async def are_gone() -> bool:
            found = await self.space.kube.listed("v1", "Pod", self.space.namespace)
            return gone.isdisjoint(pod["metadata"]["uid"] for pod in found)

        await self.until(are_gone, "pods to be replaced")

    async def repeats(self) -> str:
        """Which streamlet wrote what more than once, since the beginning."""
        lines = []
        for topic in TOPICS:
            found = await traffic.read(self.brokers.bootstrap, [_topic(self.space, topic)])
            lines += [f"{topic}: {line}" for line in repeats.told(found)]
        return "\n".join(lines)

    async def _is_settled(self) -> bool:
        found = await self.application.read()
        status = found.get("status", {})
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            return False
        deployments = await self.space.kube.listed("apps/v1", "Deployment", self.space.namespace)
        return len(deployments) == len(STREAMLETS) and all(map(_is_complete, deployments))

    def _row(
        self,
        name: str,
        promise: Literal["at-least-once", "exactly-once"],
        piece: Piece,
        seconds: float,
    ) -> Row:
        allowed = WINDOW * self.deaths if promise == "at-least-once" else 0
        broken = piece.account.broken(promise, bound=allowed, is_ordered=True)
        if not piece.account.records:
            broken.append("nothing flowed")
        return Row(
            disturbance=name,
            promise=promise,
            piece=piece,
            allowed=allowed,
            seconds=seconds,
            broken=broken,
        )


@contextlib.asynccontextmanager
async def a_stage(
    space: Space, parts: Parts, brokers: KafkaCluster, folder: Path
) -> AsyncIterator[Stage]:
    """The application, deployed in its first edition; nothing flows yet."""
    editions = await _editions(space.platform, folder)
    application = await space.deploy(editions[0], SETTINGS)
    ways = {
        promise: Way(
            output=_topic(space, "output" if promise == "at-least-once" else "output-once"),
            dead_letters=[_topic(space, f"{name}-in-dead-letters") for name in streamlets],
        )
        for promise, streamlets in WAYS.items()
    }
    async with Flow(brokers.bootstrap, _topic(space, "input"), ways) as flow:
        yield Stage(
            space=space,
            parts=parts,
            brokers=brokers,
            editions=editions,
            application=application,
            flow=flow,
        )


async def _editions(platform: Platform, folder: Path) -> list[Path]:
    """Resources of the same application whose images differ by one line."""
    project = folder / APPLICATION
    shutil.copytree(ROOT / "tests" / "end_to_end" / APPLICATION, project)
    shutil.copy(ROOT / "tests" / "chaos" / "pipeline" / "chaos_pipeline.py", project / "src")
    settings = {
        "base": BASE,
        "wheels": platform.wheels,
        "repository": f"{platform.cluster.registry.address}/tests/{APPLICATION}",
    }
    with (project / "pyproject.toml").open("a") as file:
        rows = "".join(f'{key} = "{value}"\n' for key, value in settings.items())
        file.write(f"\n[tool.cloudflow.image]\n{rows}")
    made = []
    for edition in ("first", "second"):
        code = project / "src" / "relaying.py"
        code.write_text(code.read_text().replace('EDITION = "first"', f'EDITION = "{edition}"'))
        resource = folder / f"{edition}.yaml"
        shutil.copy(await platform.build(project), resource)
        made.append(resource)
    return made


def _topic(space: Space, name: str) -> str:
    return names.topic(space.namespace, APPLICATION, name)


def _is_complete(deployment: Document) -> bool:
    """Whether all pods are there, of the newest form and ready, and no others."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    is_seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return is_seen and all(status.get(count, 0) == wanted for count in counts)
