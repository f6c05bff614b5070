"""Whether an application has nothing left to do: exact, on any transport.

Ends of topics are read, then everything is looked at in one go without waiting, then the ends
are read again. If they are the same, no record came between, and since nothing was in flight,
none can come any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.local.application import LocalApplication
    from streamlet_sdk.runtime.inlet import InletRunner
    from streamlet_sdk.runtime.transport import Claim

Ends = dict["InletRunner", "Mapping[Claim, int]"]


class Quiet:
    """Looks at one application."""

    def __init__(self, application: LocalApplication) -> None:
        """Look at nothing yet."""
        self._application = application

    async def check(self) -> bool:
        """Whether every record is processed and no more can come, but from outside."""
        if not self._still():
            return False
        before = await self._ends()
        partitions = await self._application.partitions()
        if not (self._still() and self._read(before, partitions)):
            return False
        return await self._ends() == before and self._still()

    def _still(self) -> bool:
        """Whether nothing is in flight; a streamlet that restarts is never still."""
        application = self._application
        return application.active == 0 and all(s.idle for s in application.supervisors)

    async def _ends(self) -> Ends:
        return {inlet: await inlet.ends() for inlet in self._application.inlets}

    def _read(self, ends: Ends, partitions: Mapping[str, int]) -> bool:
        """Whether all partitions are claimed, by each group, and read to their ends."""
        claimed: dict[tuple[str, str], set[int]] = {}
        for inlet, by_claim in ends.items():
            for claim, end in by_claim.items():
                if not claim.alive or inlet.position(claim) < end:
                    return False
                claimed.setdefault((inlet.plan.reader, claim.topic), set()).add(claim.partition)
        wanted = {(inlet.plan.reader, inlet.plan.spec.topic) for inlet in ends}
        return all(len(claimed.get(key, ())) == partitions.get(key[1], 0) for key in wanted)
