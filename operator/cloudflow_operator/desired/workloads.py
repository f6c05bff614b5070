"""Deployment and ConfigMap of one streamlet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_operator.desired.children import child, stamped
from cloudflow_operator.interfaces import CONFIG_MAP, DEPLOYMENT

if TYPE_CHECKING:
    from cloudflow_operator.desired.children import Workload
    from cloudflow_operator.interfaces import Manifest

# A ReplicaSet that is kept keeps its ConfigMap; the resource's history is where roll-backs are.
_HISTORY: Final = 2
# A new pod works before an old one goes. Of many consumers some go at once: the others have their
# partitions, and each who comes or goes stops them all for a moment.
_SERVERS: Final = {"maxSurge": 1, "maxUnavailable": 0}
_CONSUMERS: Final = {"maxSurge": "25%", "maxUnavailable": "25%"}


def configuration(workload: Workload) -> Manifest:
    """The immutable ConfigMap with what the streamlet is told; other data, another name."""
    made = child(
        CONFIG_MAP,
        workload.application,
        workload.configuration,
        workload.labels,
        immutable=True,
        data=workload.data,
    )
    return stamped(made)


def deployment(workload: Workload, template: Manifest) -> Manifest:
    """The Deployment that runs a streamlet in pods of `template`.

    A selector cannot be changed once it is there, so it holds identity alone. Without a count the
    number of replicas belongs to others.
    """
    replicas = {} if workload.replicas is None else {"replicas": workload.replicas}
    made = child(
        DEPLOYMENT,
        workload.application,
        workload.object_name,
        workload.labels,
        spec={
            **replicas,
            "revisionHistoryLimit": _HISTORY,
            "selector": {"matchLabels": workload.identity},
            "strategy": strategy(workload),
            "template": template,
        },
    )
    return stamped(made, workload.inputs)


def strategy(workload: Workload) -> Manifest:
    """How pods are replaced, always in full.

    A change to Recreate is refused while somebody else's `rollingUpdate`, such as a default, is
    there. Written by the operator each time, it goes when the operator stops writing it.
    """
    descriptor = workload.descriptor
    has_one_writer = any(one.access == "ReadWriteOnce" for one in descriptor.volume_mounts)
    if has_one_writer or not all(one.replicated for one in descriptor.sources):
        return {"type": "Recreate"}
    rolling = _SERVERS if descriptor.server is not None else _CONSUMERS
    return {"type": "RollingUpdate", "rollingUpdate": {**rolling}}
