"""Consumer groups that streamlets left behind: Kafka keeps them with their offsets.

`reconcile` asks for groups and writes into the status what is told here. Nothing deletes one: who
brings a streamlet back goes on where it stopped. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_operator.api.v1alpha1 import LeftGroup, LeftGroups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import Status, TopicStatus
    from cloudflow_operator.desired.application import Desired

SHOWN: Final = 20
"""How many the status names; the others are only counted."""
_NEW: Final = 1
"""The generation of a resource that was never changed."""


def may_be_others(before: Status, generation: int, topics: Iterable[TopicStatus]) -> bool:
    """Whether groups may be left now that the status does not tell of, or gone that it tells of.

    Of a resource that was never changed nothing was removed; but its name may be that of an earlier
    one, whose topics would have been there before it. `topics` are as they are found now.
    """
    known = before.left_groups
    if known is None and generation == _NEW:
        # Those of the platform have an @ in their name, and no inlet reads them.
        return any(not one.created for one in topics if "@" not in one.name)
    return known is None or known.observed_generation != generation or known.count > 0


def places(wanted: Desired, before: Status, clusters: Collection[str]) -> Sequence[str]:
    """The clusters among `clusters` on which the application reads, or has done so."""
    used = {one.cluster for one in wanted.topics} | {one.cluster for one in before.topics}
    if before.left_groups is not None:
        used |= {one.cluster for one in before.left_groups.groups}
    return sorted(used & set(clusters))


def left_groups(
    found: Mapping[str, Sequence[str] | None],
    wanted: Desired,
    before: LeftGroups | None,
    generation: int,
) -> LeftGroups:
    """The groups that no inlet has.

    Args:
        found: the application's groups by cluster; None of a cluster that did not tell, which
            leaves what was known of it, and the answer one of an earlier generation.
        wanted: the application as it shall be.
        before: what was told last.
        generation: which one `wanted` is of.
    """
    used = {group for one in wanted.streamlets.values() for group in one.groups}
    left = [one for one in _known(found, before) if one.name not in used]
    left.sort(key=lambda one: (one.name, one.cluster))
    if None not in found.values():
        observed: int | None = generation
    else:
        observed = before.observed_generation if before is not None else None
    return LeftGroups(observed_generation=observed, count=len(left), groups=tuple(left[:SHOWN]))


def _known(
    found: Mapping[str, Sequence[str] | None], before: LeftGroups | None
) -> Iterator[LeftGroup]:
    for cluster, names in found.items():
        if names is not None:
            yield from (LeftGroup(name=name, cluster=cluster) for name in names)
        elif before is not None:
            yield from (one for one in before.groups if one.cluster == cluster)
