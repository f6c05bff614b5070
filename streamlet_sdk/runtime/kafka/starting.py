"""Where reading of a partition begins: decided here and not by aiokafka, and never in silence.

Used by the consumer. A committed offset wins while the broker still has it. Without one the inlet's
start decides, but for a partition that was added after the group began: what it holds is new.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from streamlet_sdk.runtime.kafka.offsets import EARLIEST, LATEST, Committed, committed, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.kafka.offsets import Place
    from streamlet_sdk.runtime.transport import Start

logger = logging.getLogger(__name__)

_NOTE: Final = "partitions="


class Starting:
    """Finds where to begin, for one consumer.

    The number of partitions that a topic had when its group began is kept as a note beside every
    committed offset; it tells added partitions from those in which nothing was read yet.
    """

    def __init__(self, client: Client, group: str | None, partitions: int, *, stable: bool) -> None:
        """Know that the topic had `partitions` when this consumer started."""
        self._client = client
        self._group = group
        self._partitions = partitions
        self._stable = stable

    @property
    def note(self) -> str:
        """What is to be written beside committed offsets."""
        return f"{_NOTE}{self._partitions}"

    async def place(self, place: Place, start: Start) -> tuple[int, bool]:
        """The offset to begin at, and whether it is to be committed so that it stays.

        Raises:
            TransportError: when the broker does not say.
        """
        kept = await self._kept(place)
        mine = kept.get(place)
        if mine is None:
            if place.partition >= self._partitions:
                return await self._offset(place, EARLIEST), False
            # A start at the end is a choice of this moment: it must not be made again later.
            return await self.of(place, start), self._keeps(start)
        first, last = await self._bounds(place)
        if first <= mine.offset <= last:
            return mine.offset, False
        # What was committed may become an offset of the topic later, and a wrong one.
        return await self.instead(place, mine.offset, start), self._group is not None

    async def instead(self, place: Place, gone: int, start: Start) -> int:
        """Where to go on, by `start`, when the offset `gone` does not exist; says so in a warning.

        Raises:
            TransportError: when the broker does not say.
        """
        first, last = await self._bounds(place)
        begin = await self.of(place, start)
        # Behind the end nothing is known to be missing: the topic was made again, or cut short.
        skipped = begin - min(gone, first)
        logger.warning(
            "There is no offset %d of %s/%d, which has offsets %d to %d: "
            "reading goes on from %s, %d: %d offsets are skipped",
            gone,
            place.topic,
            place.partition,
            first,
            last,
            start,
            begin,
            skipped,
        )
        return begin

    async def of(self, place: Place, start: Start) -> int:
        """The offset that `start` means now."""
        return await self._offset(place, EARLIEST if start == "earliest" else LATEST)

    def _keeps(self, start: Start) -> bool:
        return start == "latest" and self._group is not None

    async def _bounds(self, place: Place) -> tuple[int, int]:
        """The first offset of a place, and the one that will be written next."""
        (last,) = (await listed(self._client, [place], LATEST, stable=False)).values()
        return await self._offset(place, EARLIEST), last

    async def _kept(self, place: Place) -> Mapping[Place, Committed]:
        if self._group is None:
            return {}
        count = await self._client.partitions(place.topic)
        numbers = range(max(count, place.partition + 1))
        kept = await committed(self._client, self._group, [(place.topic, numbers)])
        notes = [each.metadata for each in kept.values() if each.metadata.startswith(_NOTE)]
        known = [int(note.removeprefix(_NOTE)) for note in notes if note[len(_NOTE) :].isdecimal()]
        self._partitions = min([self._partitions, *known])
        return kept

    async def _offset(self, place: Place, moment: int) -> int:
        return (await listed(self._client, [place], moment, stable=self._stable))[place]
