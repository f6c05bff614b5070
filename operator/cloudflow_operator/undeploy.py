"""The end of an application whose topics go with it: pods first, then topics, then the resource.

`reconcile` calls it. The finalizer is there only while `deletionPolicy` is Delete: any other
application goes without the operator. Whoever does not want to wait sets the policy to Retain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_operator import names
from cloudflow_operator.api.v1alpha1 import Metadata
from cloudflow_operator.conditions import some_of
from cloudflow_operator.interfaces import DEPLOYMENT, POD, REPLICA_SET, Key
from cloudflow_operator.observed import observe
from cloudflow_operator.status import Findings
from cloudflow_operator.topic_states import is_deletable, named_by_others, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflow_operator.api.v1alpha1 import Status
    from cloudflow_operator.interfaces import Cluster, Manifest, Topics
    from cloudflow_operator.observed import Observed

_RUNNING: Final = (DEPLOYMENT, REPLICA_SET, POD)
_ENDED: Final = frozenset({"Succeeded", "Failed"})


async def follow_policy(document: Manifest, cluster: Cluster) -> None:
    """Have the finalizer exactly while topics are to go with an application that stays.

    Raises:
        ClusterError: when it could not be written.
    """
    there = _finalizers(document)
    has, wants = names.FINALIZER in there, _deletes_topics(document)
    if wants and not has:
        await cluster.set_finalizers(document, (*there, names.FINALIZER))
    elif has and not wants:
        await _released(document, cluster)


async def leave(
    document: Manifest, before: Status, cluster: Cluster, topics: Topics
) -> Findings | None:
    """Go on with the end of an application; None when nothing is left to do for it.

    Raises:
        ClusterError: when the API server did not do something.
    """
    if names.FINALIZER not in _finalizers(document):
        return None
    if not _deletes_topics(document):
        await _released(document, cluster)
        return None
    metadata = Metadata.model_validate(document["metadata"])
    observed = await observe(cluster, metadata)
    running = await _stopped(observed, metadata.namespace, cluster)
    if running:
        waits = f"waits for the end of {some_of(running)}"
        return _findings(before, metadata.generation, observed, waits)
    used = named_by_others(metadata.uid, await cluster.applications())
    own = [one for one in before.topics if is_deletable(one) and place(one) not in used]
    left = {one.name: one for one in await topics.delete(own)}
    if left:
        waits = f"waits until these topics can be deleted: {some_of(sorted(left))}"
        there = [left.get(one.name, one) for one in before.topics]
        now = before.model_copy(update={"topics": tuple(there)})
        return _findings(now, metadata.generation, observed, waits)
    await _released(document, cluster)
    return None


def _finalizers(document: Manifest) -> tuple[str, ...]:
    return tuple(document["metadata"].get("finalizers") or ())


def _deletes_topics(document: Manifest) -> bool:
    return (document.get("spec") or {}).get("deletionPolicy") == "Delete"


async def _released(document: Manifest, cluster: Cluster) -> None:
    kept = tuple(one for one in _finalizers(document) if one != names.FINALIZER)
    await cluster.set_finalizers(document, kept)


async def _stopped(observed: Observed, namespace: str, cluster: Cluster) -> Sequence[str]:
    """Delete the Deployments; what still runs, in words."""
    for deployment in observed.deployments.values():
        if "deletionTimestamp" not in deployment["metadata"]:
            metadata = deployment["metadata"]
            key = Key(DEPLOYMENT, metadata["name"])
            await cluster.delete(key, namespace, uid=metadata["uid"])
    return [
        f"{key.kind.name} {key.name}"
        for key, one in observed.objects.items()
        if key.kind in _RUNNING and one.get("status", {}).get("phase") not in _ENDED
    ]


def _findings(now: Status, generation: int, observed: Observed, waits: str) -> Findings:
    return Findings(
        generation=generation,
        observed=observed,
        asked={one.name: 0 for one in now.streamlets},
        topics=now.topics,
        leaving=waits,
    )
