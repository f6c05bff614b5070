"""Makes one application what its resource says: look, decide, act, tell.

The queue calls it for every reason there is, one call per application at a time. It asks what is,
never what happened, and may be stopped anywhere: the next call goes on from there. It does no I/O
but through `interfaces`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from cloudflow_operator import left_groups
from cloudflow_operator.acting import Acting
from cloudflow_operator.api.v1alpha1 import Application, Metadata, Status
from cloudflow_operator.desired.application import desired
from cloudflow_operator.desired.problems import UnreadableResource
from cloudflow_operator.errors import ClusterError
from cloudflow_operator.events import events
from cloudflow_operator.observed import key_of, observe
from cloudflow_operator.plan import plan
from cloudflow_operator.pod_status import PATIENCE, WAITING
from cloudflow_operator.status import Findings, kept, status
from cloudflow_operator.topic_states import USABLE, claimed, may_be_claimed, removed
from cloudflow_operator.undeploy import follow_policy, leave
from streamlet_sdk.contract import groups_of
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cloudflow_operator.api.v1alpha1 import LeftGroups, TopicStatus
    from cloudflow_operator.desired.application import Desired
    from cloudflow_operator.desired.clusters import KafkaClusters
    from cloudflow_operator.interfaces import Clock, Cluster, Copies, Manifest, Topics
    from cloudflow_operator.observed import Observed
    from cloudflow_operator.plan import Action
    from streamlet_sdk.problems import Problem

RETRY: Final = timedelta(seconds=5)
TOPICS: Final = timedelta(seconds=15)
FOREIGN: Final = timedelta(minutes=1)
GROUPS: Final = timedelta(minutes=5)
REFUSED: Final = timedelta(minutes=5)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a reconcile needs of the world."""

    cluster: Cluster
    topics: Topics
    copies: Copies
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a reconcile.

    Attributes:
        status: as it is, whether it could be written or not.
        errors: what the API server did not do; the caller's delays grow with them.
        requeue_after: when to come again although nothing changes; None when there is no reason.
    """

    status: Status
    errors: tuple[ClusterError, ...] = ()
    requeue_after: timedelta | None = None


async def reconcile(document: Manifest, clusters: KafkaClusters, world: World) -> Outcome:
    """Bring an application to what its resource says, as far as can be now.

    A resource with problems changes nothing: what was made of the last valid one is left running.
    One that is being deleted is left to the garbage collector, but for topics that go with it.

    Args:
        document: the application as it is on the API server.
        clusters: the Kafka clusters that its namespace may use.
        world: everything else.
    """
    before = _status_of(document)
    metadata = Metadata.model_validate(document["metadata"])
    done: Sequence[Action] = ()
    if metadata.deletion_timestamp is not None:
        leaving = await _leaving(document, before, world)
        if leaving is None:
            return Outcome(status=before)
        findings = leaving
    else:
        try:
            application = _read(document)
            wanted = desired(application, clusters)
        except ConfigurationError as error:
            findings = await _left_alone(document, before, error.problems, world)
        else:
            findings, done = await _followed(document, application, wanted, world)
            topics = findings.topics
            found = await _left_groups(application, wanted, clusters, world, topics=topics)
            findings = replace(findings, left_groups=found)
    after = status(findings, before, world.clock.now())
    told = await _tell(document, after, done, world)
    errors = (*findings.errors, *told)
    return Outcome(status=after, errors=errors, requeue_after=_requeue(findings, after, errors))


def _read(document: Manifest) -> Application:
    try:
        return Application.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError(
            UnreadableResource(path=".".join(map(str, one["loc"])), reason=one["msg"])
            for one in error.errors()
        ) from error


def _status_of(document: Manifest) -> Status:
    """What was written last; nothing of it when another version wrote it."""
    try:
        return Status.model_validate(document.get("status") or {})
    except ValidationError:
        _log.warning("The status of %s cannot be read", document["metadata"]["name"])
        return Status()


async def _left_alone(
    document: Manifest, before: Status, problems: Sequence[Problem], world: World
) -> Findings:
    metadata = Metadata.model_validate(document["metadata"])
    observed: Observed | None = None
    errors: list[ClusterError] = []
    try:
        observed = await observe(world.cluster, metadata)
    except ClusterError as error:
        errors.append(error)
    return Findings(
        generation=metadata.generation,
        is_paused=(document.get("spec") or {}).get("state") == "Paused",
        observed=observed,
        problems=problems,
        topics=before.topics,
        errors=errors,
    )


async def _leaving(document: Manifest, before: Status, world: World) -> Findings | None:
    try:
        return await leave(document, before, world.cluster, world.topics)
    except ClusterError as error:
        _log.warning("Could not %s", error)
        return Findings(
            generation=document["metadata"].get("generation", 0),
            topics=before.topics,
            errors=(error,),
            leaving=f"tries again to {error}",
        )


async def _followed(
    document: Manifest, application: Application, wanted: Desired, world: World
) -> tuple[Findings, Sequence[Action]]:
    """Do what a valid resource says."""
    found = _known_before(application, wanted)
    before = application.status.topics
    try:
        observed = await observe(world.cluster, application.metadata)
    except ClusterError as error:
        return Findings(**found, topics=before, errors=(error,)), ()
    errors = await _prepared(document, wanted, world)
    try:
        topics = await _topics(document, application.status, wanted, world)
    except ClusterError as error:
        # Without a note of whose they are, no topic is made.
        return Findings(**found, observed=observed, topics=before, errors=(*errors, error)), ()
    todo = plan(
        wanted,
        observed,
        never_ready=(one.name for one in topics if one.partitions is None),
        is_paused=found["is_paused"],
    )
    acting = Acting(
        cluster=world.cluster, namespace=application.metadata.namespace, observed=observed
    )
    acted = await acting.run(todo.actions)
    findings = Findings(
        **found,
        observed=acted.observed,
        topics=topics,
        foreign=tuple(filter(acted.observed.is_foreign, map(key_of, wanted.manifests()))),
        held=todo.held,
        errors=(*errors, *acted.errors),
    )
    return findings, acted.done


async def _left_groups(
    application: Application,
    wanted: Desired,
    clusters: KafkaClusters,
    world: World,
    *,
    topics: Sequence[TopicStatus],
) -> LeftGroups | None:
    """The consumer groups of removed streamlets; None when there is nothing new to ask."""
    metadata, before = application.metadata, application.status
    if not left_groups.may_be_others(before, metadata.generation, topics):
        return None
    prefixes = {
        name: groups_of(metadata.namespace, metadata.name, clusters[name].prefix)
        for name in left_groups.places(wanted, before, clusters)
    }
    found = await world.topics.groups(prefixes)
    return left_groups.left_groups(found, wanted, before.left_groups, metadata.generation)


async def _prepared(document: Manifest, wanted: Desired, world: World) -> list[ClusterError]:
    """Have what topics and pods need before they are made; what could not be had."""
    namespace = document["metadata"]["namespace"]
    clusters = sorted({one.cluster for one in wanted.topics})
    steps: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: follow_policy(document, world.cluster),
        lambda: world.copies.ensure(namespace, clusters),
    )
    errors: list[ClusterError] = []
    for step in steps:
        try:
            await step()
        except ClusterError as error:
            _log.warning("Could not %s", error)
            errors.append(error)
    return errors


async def _topics(
    document: Manifest, status: Status, wanted: Desired, world: World
) -> tuple[TopicStatus, ...]:
    """Have the topics, each written down as the application's own before it is made.

    A crash in between leaves the note: it was made here, or was about to be.

    Raises:
        ClusterError: when the note could not be written.
    """
    before = {one.name: one for one in status.topics}
    gone = tuple(removed(wanted.topics, before))
    found = await world.topics.ensure(wanted.topics, before)
    pairs = zip(wanted.topics, found, strict=True)
    noted = [claimed(one) if may_be_claimed(topic, one) else one for topic, one in pairs]
    if noted != list(found):
        note = status.model_copy(update={"topics": (*kept(noted, before), *gone)})
        await world.cluster.write_status(document, _dumped(note))
        found = await world.topics.ensure(wanted.topics, {one.name: one for one in noted})
    return (*kept(found, before), *gone)


def _known_before(application: Application, wanted: Desired) -> dict[str, Any]:
    """The findings that need no look at the cluster."""
    overrides = (one.name for one in application.spec.overrides)
    return {
        "generation": application.metadata.generation,
        "is_paused": application.spec.state == "Paused",
        "asked": {name: one.replicas for name, one in wanted.streamlets.items()},
        "overrides": tuple(name for name in overrides if name in wanted.streamlets),
        "ignored": wanted.ignored_overrides,
    }


async def _tell(
    document: Manifest, after: Status, done: Sequence[Action], world: World
) -> list[ClusterError]:
    """Write the status if it is another one, and events; what could not be told."""
    before = _status_of(document)
    version = str((document.get("spec") or {}).get("version", ""))
    try:
        for event in events(before, after, done, version):
            await world.cluster.event(
                document, reason=event.reason, message=event.message, is_warning=event.is_warning
            )
        if (written := _dumped(after)) != _dumped(before):
            await world.cluster.write_status(document, written)
    except ClusterError as error:
        _log.warning("Could not %s", error)
        return [error]
    return []


def _dumped(one: Status) -> dict[str, Any]:
    return one.model_dump(mode="json", by_alias=True, exclude_none=True)


def _requeue(findings: Findings, after: Status, errors: Sequence[ClusterError]) -> timedelta | None:
    waits = [_wait(error) for error in errors]
    pods = (pod for one in after.streamlets for pod in one.pods)
    if any(pod.status in WAITING and not pod.message for pod in pods):
        # It may wait for ever, and nobody will tell.
        waits.append(PATIENCE)
    if findings.leaving:
        waits.append(RETRY)
    if any(one.state not in USABLE for one in findings.topics) and not findings.problems:
        waits.append(TOPICS)
    if findings.foreign:
        waits.append(FOREIGN)
    left = findings.left_groups
    if left is not None and left.observed_generation != findings.generation:
        waits.append(GROUPS)
    return min(waits, default=None)


def _wait(error: ClusterError) -> timedelta:
    if error.retry_after is not None:
        return error.retry_after
    return RETRY if error.is_retryable else REFUSED
