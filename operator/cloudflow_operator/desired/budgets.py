"""PodDisruptionBudgets: a node that is drained takes one replica of a streamlet at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_operator.desired.children import child, stamped
from cloudflow_operator.interfaces import DISRUPTION_BUDGET

if TYPE_CHECKING:
    from cloudflow_operator.desired.children import Workload
    from cloudflow_operator.interfaces import Manifest

_FROM_REPLICAS: Final = 2


def budget(workload: Workload) -> Manifest | None:
    """The budget; None for one replica, which a budget could only keep from moving.

    A pause keeps it, and a count that belongs to others needs one of theirs.
    """
    if (workload.asked_replicas or 0) < _FROM_REPLICAS:
        return None
    made = child(
        DISRUPTION_BUDGET,
        workload.application,
        workload.object_name,
        workload.labels,
        spec={"maxUnavailable": 1, "selector": {"matchLabels": workload.identity}},
    )
    return stamped(made)
