"""What one inlet reads, and how: made by the assembly, followed by the inlet's runner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streamlet_sdk.contract import Settings
    from streamlet_sdk.runtime.transport import ConsumerSpec, Start
    from streamlet_sdk.runtime.work import Stage


@dataclass(slots=True, kw_only=True)
class InletPlan:
    """What one inlet reads and how.

    Attributes:
        lane: client properties of the producer in whose transactions exactly-once inlets write.
        start: where a claim without a committed offset begins.
        assigned: the user's hook, called before a partition is read.
        revoked: the user's hook, called when everything of a partition is committed or lost.
    """

    name: str
    spec: ConsumerSpec
    lane: Mapping[str, str]
    start: Start
    settings: Settings
    stage: Stage
    assigned: Callable[[str, Sequence[int]], Awaitable[None]]
    revoked: Callable[[str, Sequence[int]], Awaitable[None]]

    @property
    def guarantee(self) -> str:
        """The delivery guarantee."""
        return self.stage.policy.delivery.guarantee

    @property
    def reader(self) -> str:
        """Who shares the partitions: the group, or this replica alone."""
        return self.spec.group or f"{self.spec.member} alone"
