"""Which records a topic has more than once, to find out which streamlet repeated them, and when.

Pure.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chaos.account import Found

PAUSE_MS: Final = 2000
"""What went in closer together than that was repeated for the same reason."""


def told(found: Iterable[Found]) -> list[str]:
    """One line for each burst of repeated records, in the order in which they first went in."""
    return [_line(burst) for burst in _bursts(_repeated(found))]


def _repeated(found: Iterable[Found]) -> list[Found]:
    seen: set[int] = set()
    again = []
    for one in found:
        if one.number in seen:
            again.append(one)
        seen.add(one.number)
    return sorted(again, key=lambda one: one.timestamp_ms)


def _bursts(repeated: Iterable[Found]) -> Iterator[list[Found]]:
    burst: list[Found] = []
    for one in repeated:
        if burst and one.timestamp_ms - burst[-1].timestamp_ms > PAUSE_MS:
            yield burst
            burst = []
        burst.append(one)
    if burst:
        yield burst


def _line(burst: list[Found]) -> str:
    often = Counter(Counter(one.number for one in burst).values())
    began, ended = (_clock(one.timestamp_ms) for one in (burst[0], burst[-1]))
    places = sorted({one.partition for one in burst})
    where = (
        f"partition {place} at {min(offsets)} to {max(offsets)}"
        for place in places
        for offsets in [[one.offset for one in burst if one.partition == place]]
    )
    return (
        f"{len(burst)} records again that went in from {began} to {ended} "
        f"({', '.join(f'{count} of them {times} x' for times, count in sorted(often.items()))}; "
        f"{', '.join(where)})"
    )


def _clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
