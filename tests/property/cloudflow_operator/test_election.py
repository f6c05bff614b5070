"""Whatever happens to network, Lease and replicas: never two leaders, and one when it is over.

But for a Lease that somebody deletes: who has never seen it cannot know that it was there, so two
may lead until the renew deadline of the first.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from support.leases import Replica, Server, now
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable

PODS = "abc"
DEADLINE = 10.1  # seconds, of a leader that cannot renew
SETTLED = 40  # seconds: a leader without a way ends, and another one waits for the Lease

Step = tuple[str, str, float]
"""What happens, to which pod, and the seconds until the next step."""

NETWORK = ("hole", "lossy", "slow", "mend")
PROCESS = ("crash", "stop", "start")
STEPS = st.lists(
    st.tuples(
        st.sampled_from((*NETWORK, *PROCESS, "delete", "refuse", "serve")),
        st.sampled_from(PODS),
        st.floats(0.1, 20),
    ),
    max_size=30,
)


class Scene:
    """Pods whose containers start again when they end, and who of them leads."""

    def __init__(self) -> None:
        self.server = Server()
        self.running = {pod: Replica(self.server, pod) for pod in PODS}
        self.deleted_at = -math.inf

    async def happen(self, what: str, pod: str) -> None:
        server = self.server
        events: dict[str, Callable[[], object]] = {
            "hole": lambda: server.holed.add(pod),
            "lossy": lambda: server.lossy.add(pod),
            "slow": lambda: server.slow.add(pod),
            "mend": lambda: [each.discard(pod) for each in self.ways()],
            "refuse": lambda: setattr(server, "refusal", 503),
            "serve": lambda: setattr(server, "refusal", None),
            "delete": self.delete,
            "crash": self.running[pod].crash,
            "start": lambda: None,
        }
        if what == "stop":
            await self.running[pod].stop()
            self.running[pod].crash()
        else:
            events[what]()
        if what == "start" or what in PROCESS:
            self.restart(pod)

    def ways(self) -> tuple[set[str], ...]:
        return self.server.holed, self.server.lossy, self.server.slow

    def delete(self) -> None:
        self.server.lease = None
        self.deleted_at = now()

    def restart(self, pod: str) -> None:
        if self.running[pod].ended_at is not None:
            self.running[pod] = Replica(self.server, pod)

    def leaders(self) -> list[str]:
        return [pod for pod, one in self.running.items() if one.leads]

    async def pass_by(self, seconds: float) -> None:
        until = now() + seconds
        while now() < until:
            await asyncio.sleep(0.1)
            if now() > self.deleted_at + DEADLINE:
                assert len(self.leaders()) <= 1
            for pod in PODS:
                self.restart(pod)

    def close(self) -> None:
        for one in self.running.values():
            one.crash()


@given(STEPS)
def test_there_are_never_two_leaders_and_at_the_end_there_is_one(steps: list[Step]) -> None:
    @virtual_time
    async def run() -> None:
        scene = Scene()
        try:
            for what, pod, seconds in steps:
                await scene.happen(what, pod)
                await scene.pass_by(seconds)
            for pod in PODS:
                await scene.happen("mend", pod)
            await scene.happen("serve", "a")
            await scene.pass_by(SETTLED)
            assert len(scene.leaders()) == 1
        finally:
            scene.close()

    run()
