"""A consumer without a group: every partition is its own, and it commits nothing.

The counterpart of `groups.Member` for taps, for the topic of schemas and for broadcast inlets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from streamlet_sdk.broker.membership import Membership
from streamlet_sdk.runtime.transport import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamlet_sdk.runtime.transport import Listener


class Solo(Membership):
    """Claims every partition of `topic`, also those that come later."""

    def __init__(self, topic: str, partitions: Callable[[str], int], listener: Listener) -> None:
        super().__init__(listener)
        self._topic = topic
        self._partitions = partitions
        self._epoch = 0
        self._added: set[int] = set()

    @override
    def join(self) -> None:
        self._claim(0, self._partitions(self._topic))

    @override
    async def leave(self, *, announced: bool, deadline: float) -> None:
        await self.ask_back(deadline)
        self.vanish()

    @override
    def die(self) -> None:
        self.vanish()
        self.drop()

    @override
    def expire(self) -> None:
        """Nothing: without a group there is no session."""

    @override
    def commit(self, offsets: Mapping[Claim, int]) -> set[Claim]:
        """Refuse: there is no group to commit for."""
        return set()

    @override
    def committed(self, claim: Claim) -> None:
        """Nothing is."""

    @override
    def is_added(self, claim: Claim) -> bool:
        return claim.partition in self._added

    def partitions_changed(self, topic: str, before: int, now: int) -> None:
        """Claim what was added to `topic`, or lose everything with it."""
        if topic != self._topic:
            return
        if now < before:
            self._added.clear()
            self.lose()
        else:
            if before:
                self._added |= set(range(before, now))
            self._claim(before, now)

    def _claim(self, first: int, end: int) -> None:
        self._epoch += 1
        self.give([Claim(self._topic, partition, self._epoch) for partition in range(first, end)])
