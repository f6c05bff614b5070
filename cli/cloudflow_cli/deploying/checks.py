"""What of an application does not fit its cluster, before anything is written.

Pure. What is wrong with the resource itself is what the operator would say of it, by the
operator's own function; the rest needs to know what is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.application_resource import secret_name
from cloudflow_cli.deploying.compatibility import (
    unreadable_across,
    unreadable_meanwhile,
    unreadable_records,
)
from cloudflow_cli.deploying.problems import (
    LoweredPartitions,
    MissingClaim,
    MissingSecretValue,
    ScaledTwice,
    WrongAccess,
)
from cloudflow_cli.deploying.secret_values import references
from cloudflow_operator import names
from cloudflow_operator.desired.application import desired
from cloudflow_operator.desired.intent import Intent
from cloudflow_operator.desired.problems import UnsupportedContract
from streamlet_sdk.blueprint.problems.settings import IdleReplicas
from streamlet_sdk.blueprint.reading import dotted
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from cloudflow_operator.api.v1alpha1 import Application, Topic
    from cloudflow_operator.desired.clusters import KafkaClusters
    from streamlet_sdk.problems import Problem

# Which modes of a claim allow what a mount wants.
_ALLOW: Final = {
    "ReadWriteMany": {"ReadWriteMany"},
    "ReadOnlyMany": {"ReadOnlyMany", "ReadWriteMany"},
    "ReadWriteOnce": {"ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What an application is put on.

    Attributes:
        clusters: the Kafka clusters that the operator knows.
        claims: access modes of the PersistentVolumeClaims of the namespace, by name; None when
            nobody may look.
        autoscalers: the namespace's HorizontalPodAutoscalers by the Deployment that each scales.
        before: the application that is there now.
        others: applications that name a topic which this one names, too.
        secret_keys: what the Secret of the application holds, or will; None: nobody may look.
    """

    clusters: KafkaClusters
    claims: Mapping[str, tuple[str, ...]] | None = field(default_factory=dict)
    autoscalers: Mapping[str, str] = field(default_factory=dict)
    before: Application | None = None
    others: Sequence[Application] = ()
    secret_keys: Collection[str] | None = ()


def problems(application: Application, ground: Ground) -> list[Problem]:
    """Everything that is wrong with an application on its ground."""
    intent = Intent(application, ground.clusters)
    return [
        *_refused(application, ground.clusters),
        *_claims(intent, ground),
        *_secrets(application, ground),
        *_partitions(application, ground),
        *unreadable_records(ground.before, application),
    ]


def warnings(application: Application, ground: Ground) -> list[Problem]:
    """What is legal and probably not meant."""
    intent = Intent(application, ground.clusters)
    return [
        *_idle(intent, application),
        *_scaled_twice(intent, ground.autoscalers),
        *unreadable_meanwhile(ground.before, application),
        *unreadable_across(application, ground.others, ground.clusters),
    ]


def _refused(application: Application, clusters: KafkaClusters) -> Iterator[Problem]:
    try:
        desired(application, clusters)
    except ConfigurationError as error:
        # That one speaks of the operator that this command line was made with.
        for one in error.problems:
            if not isinstance(one, UnsupportedContract):
                yield one


def _claims(intent: Intent, ground: Ground) -> Iterator[Problem]:
    if ground.claims is None:
        return
    namespace = intent.application.metadata.namespace
    for path, claim, access in _used_claims(intent):
        modes = ground.claims.get(claim)
        if modes is None:
            yield MissingClaim(path=path, claim=claim, namespace=namespace)
        elif access is not None and not _ALLOW[access] & {*modes}:
            yield WrongAccess(path=path, claim=claim, modes=modes, access=access)


def _used_claims(intent: Intent) -> Iterator[tuple[str, str, str | None]]:
    """Where each claim is named, its name, and the access that it needs where that is known."""
    for name, descriptor in intent.descriptors.items():
        streamlet = intent.streamlets[name]
        place = ("spec", "streamlets", name, "volumeClaims")
        for mount in descriptor.volume_mounts:
            if (claim := streamlet.claims.get(mount.name)) is not None:
                yield dotted((*place, mount.name)), claim, mount.access
        for patch in streamlet.patches:
            for claim in _claims_of(patch.content):
                yield patch.path, claim, None


def _claims_of(template: Mapping[str, Any]) -> Iterator[str]:
    spec = template.get("spec")
    volumes = spec.get("volumes") if isinstance(spec, dict) else None
    for volume in volumes if isinstance(volumes, list) else ():
        source = volume.get("persistentVolumeClaim") if isinstance(volume, dict) else None
        if isinstance(source, dict) and source.get("claimName"):
            yield str(source["claimName"])


def _secrets(application: Application, ground: Ground) -> Iterator[Problem]:
    if ground.secret_keys is None:
        return
    secret = secret_name(application.metadata.name)
    for section in ("streamlets", "overrides"):
        entries = [
            one.model_dump(by_alias=True, exclude_none=True, include={"name", "parameters"})
            for one in getattr(application.spec, section)
        ]
        for streamlet, parameter, key in references(entries, secret):
            if key not in ground.secret_keys:
                yield MissingSecretValue(
                    path=dotted(("spec", section, streamlet, "parameters", parameter)),
                    secret=secret,
                    key=key,
                    streamlet=streamlet,
                    parameter=parameter,
                )


def _partitions(application: Application, ground: Ground) -> Iterator[Problem]:
    if ground.before is None:
        return
    before = {one.name: one.partitions for one in ground.before.spec.topics}
    # What is there counts as well where nobody asked for a number.
    before |= {one.name: one.partitions for one in ground.before.status.topics if one.partitions}
    for topic in application.spec.topics:
        was = before.get(topic.name)
        if was is not None and topic.partitions is not None and topic.partitions < was:
            path = dotted(("spec", "topics", topic.name, "partitions"))
            yield LoweredPartitions(path=path, before=was, after=topic.partitions)


def _idle(intent: Intent, application: Application) -> Iterator[Problem]:
    there = {one.name: one.partitions for one in application.status.topics}
    for name, descriptor in intent.descriptors.items():
        replicas = intent.streamlets[name].replicas or 1
        for inlet in descriptor.inlets:
            topic = intent.topic_of(name, inlet.name)
            if topic is None or inlet.broadcast:
                continue
            partitions = _count(intent, topic, there.get(topic.name))
            if replicas > partitions:
                yield IdleReplicas(
                    path=dotted(("spec", "streamlets", name, "replicas")),
                    streamlet=name,
                    replicas=replicas,
                    topic=topic.name,
                    partitions=partitions,
                )


def _scaled_twice(intent: Intent, autoscalers: Mapping[str, str]) -> Iterator[Problem]:
    application = intent.application.metadata.name
    for name, streamlet in intent.streamlets.items():
        autoscaler = autoscalers.get(names.workload(application, name))
        if autoscaler is not None and streamlet.replicas is not None:
            yield ScaledTwice(
                path=dotted(("spec", "streamlets", name, "replicas")),
                streamlet=name,
                replicas=streamlet.replicas,
                autoscaler=autoscaler,
            )


def _count(intent: Intent, topic: Topic, there: int | None) -> int:
    asked = topic.partitions or intent.cluster(topic.cluster).partitions
    return max(asked, there or 0)
