"""What the commands that write an application find wrong beside what SDK and operator do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.blueprint.problems.stated import Stated, UnknownName


@dataclass(frozen=True, kw_only=True)
class NoSuchStreamlet(UnknownName):
    """A word of the command line names a streamlet that the application does not have."""

    says: ClassVar[str] = "the application has no streamlet {name!r}."
    advises: ClassVar[str] = "Its streamlets: {known}."


@dataclass(frozen=True, kw_only=True)
class MissingClaim(Stated):
    """A PersistentVolumeClaim that a pod would wait for, for ever."""

    claim: str
    namespace: str
    says: ClassVar[str] = "there is no PersistentVolumeClaim {claim!r} in namespace {namespace!r}."
    advises: ClassVar[str] = "Make it first, or name another one."


@dataclass(frozen=True, kw_only=True)
class WrongAccess(Stated):
    """A claim whose access mode does not allow what the streamlet wants to do with it."""

    claim: str
    modes: tuple[str, ...]
    access: str
    says: ClassVar[str] = "the claim {claim!r} has access {modes}, the mount needs {access}."
    advises: ClassVar[str] = "Name a claim with that access mode."


@dataclass(frozen=True, kw_only=True)
class LoweredPartitions(Stated):
    """Kafka never takes partitions away."""

    before: int
    after: int
    says: ClassVar[str] = "the topic has {before} partitions, which cannot become {after}."
    advises: ClassVar[str] = "Leave them, or make a topic of another name."


@dataclass(frozen=True, kw_only=True)
class UnreadableRecords(Stated):
    """Records that are in a topic could not be read by what is deployed now."""

    consumer: str
    producer: str
    reasons: tuple[str, ...]
    says: ClassVar[str] = (
        "{consumer!r} could not read what {producer!r} has written until now: {reasons}."
    )
    advises: ClassVar[str] = (
        "Make the change one that can be read, such as a field with a default; or give the topic "
        "another name."
    )


@dataclass(frozen=True, kw_only=True)
class UnreadableMeanwhile(Stated):
    """A warning: until the new readers work, the old ones cannot read what new writers write."""

    consumer: str
    producer: str
    reasons: tuple[str, ...]
    says: ClassVar[str] = (
        "{consumer!r} as it runs now could not read what the new {producer!r} writes: {reasons}; "
        "such a record is handled as its policy says, until the new reader is ready."
    )
    advises: ClassVar[str] = (
        "Deploy twice: first the readers that can do without, then the writers."
    )


@dataclass(frozen=True, kw_only=True)
class UnreadableAcross(Stated):
    """A warning: an application cannot read what another one writes into a topic of both."""

    topic: str
    reader: str
    writer: str
    reasons: tuple[str, ...]
    says: ClassVar[str] = (
        "{reader} cannot read what {writer} writes into {topic!r}, which both applications name: "
        "{reasons}; such a record is handled as the reader's policy says."
    )
    advises: ClassVar[str] = (
        "Make the schemas fit, readers first; or give one of both a topic of another name."
    )


@dataclass(frozen=True, kw_only=True)
class MissingSecretValue(Stated):
    """The value of a secret parameter is nowhere: its pods would wait for it, for ever."""

    secret: str
    key: str
    streamlet: str
    parameter: str
    says: ClassVar[str] = "the Secret {secret!r} has no key {key!r}, where the value should be."
    advises: ClassVar[str] = (
        "Give `cloudflow.streamlets.{streamlet}.config-parameters.{parameter}`."
    )


@dataclass(frozen=True, kw_only=True)
class ScaledTwice(Stated):
    """A warning: the resource and a HorizontalPodAutoscaler undo what the other one does."""

    streamlet: str
    replicas: int
    autoscaler: str
    says: ClassVar[str] = (
        "the replicas of {streamlet!r} are set to {replicas}, and the HorizontalPodAutoscaler "
        "{autoscaler!r} scales its Deployment: each undoes what the other one does."
    )
    advises: ClassVar[str] = "Say nothing of replicas, or delete the autoscaler."


@dataclass(frozen=True, kw_only=True)
class TopicsAreNoOverrides(Stated):
    """Settings of a topic given to `configure`, which changes streamlets alone."""

    topic: str
    says: ClassVar[str] = "`configure` changes streamlets; topic {topic!r} belongs to the resource."
    advises: ClassVar[str] = "Give the setting to `deploy`, or write it into the blueprint."


@dataclass(frozen=True, kw_only=True)
class UnreadableResource(Stated):
    """A file that is no application resource."""

    reason: str
    says: ClassVar[str] = "this is no application resource: {reason}."
    advises: ClassVar[str] = "Name a file that `kubectl cloudflow build` wrote, or a project."


@dataclass(frozen=True, kw_only=True)
class NoImage(Stated):
    """A project says nothing of the image that its streamlets are in."""

    says: ClassVar[str] = "nobody says which image the streamlets are in."
    advises: ClassVar[str] = "Name it: --image REPOSITORY@sha256:DIGEST."
