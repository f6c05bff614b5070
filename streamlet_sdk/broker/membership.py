"""What the embedded consumer may ask of its place among the readers of a topic.

`groups.Member` shares partitions with others, `solo.Solo` has all of them to itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from streamlet_sdk.broker.claims import Holder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.runtime.transport import Claim


class Membership(Holder, ABC):
    """A reader as the broker sees it."""

    @abstractmethod
    def join(self) -> None:
        """Enter, and be given claims."""

    @abstractmethod
    async def leave(self, *, announced: bool, deadline: float) -> None:
        """Give the claims back before `deadline`, then go; the others wait if not `announced`."""

    @abstractmethod
    def die(self) -> None:
        """Stop without a word, as a killed process does."""

    @abstractmethod
    def expire(self) -> None:
        """Be taken for dead now; a member that lives joins again."""

    @abstractmethod
    def commit(self, offsets: Mapping[Claim, int]) -> set[Claim]:
        """Store the next offsets of own claims; whose were stored."""

    @abstractmethod
    def committed(self, claim: Claim) -> int | None:
        """The committed next offset of a claim's partition."""

    @abstractmethod
    def is_added(self, claim: Claim) -> bool:
        """Whether the claim's partition came into being while there were readers."""
