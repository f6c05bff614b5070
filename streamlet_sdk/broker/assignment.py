"""Who reads which partition: even, sticky and the same for the same input. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def assignment(count: int, held: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Share the partitions below `count` among the members that are the keys of `held`.

    Shares differ by one at most, each partition has one owner, and a member keeps as many of
    the partitions that it `held` as its share allows.
    """
    if not held:
        return {}
    share, larger = divmod(count, len(held))
    by_need = sorted(held, key=lambda member: (-len(held[member]), member))
    shares = {member: share + (place < larger) for place, member in enumerate(by_need)}
    free = dict.fromkeys(range(count))
    owned: dict[str, list[int]] = {}
    for member in by_need:
        kept = [partition for partition in sorted(held[member]) if partition in free]
        owned[member] = kept[: shares[member]]
        for partition in owned[member]:
            del free[partition]
    for member in sorted(by_need):
        missing = shares[member] - len(owned[member])
        owned[member] = sorted([*owned[member], *list(free)[:missing]])
        for partition in owned[member]:
            free.pop(partition, None)
    return owned
