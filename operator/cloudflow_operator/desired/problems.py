"""What the operator alone finds wrong in an application resource; the rest is the SDK's to name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.blueprint.problems.stated import Stated, UnknownName


@dataclass(frozen=True, kw_only=True)
class UnsupportedContract(Stated):
    """An image of an SDK that is too new, or too old, for this operator."""

    contract: int
    sdk: str
    known: tuple[int, ...]
    says: ClassVar[str] = (
        "the image was built with SDK {sdk} of contract {contract}; this operator writes: {known}."
    )
    advises: ClassVar[str] = (
        "Install the operator of the image's version, or build the image with an SDK of this one."
    )


@dataclass(frozen=True, kw_only=True)
class UnreadableDescriptor(Stated):
    """A descriptor that is not of the form in which `kubectl cloudflow` writes it."""

    class_name: str
    reason: str
    says: ClassVar[str] = "the descriptor of {class_name!r} cannot be read: {reason}."
    advises: ClassVar[str] = "Let `kubectl cloudflow build` write the resource; do not edit it."


@dataclass(frozen=True, kw_only=True)
class UnknownKafkaCluster(UnknownName):
    """A topic is on a Kafka cluster that the operator has no Secret of."""

    says: ClassVar[str] = "there is no Kafka cluster {name!r}."
    advises: ClassVar[str] = (
        "Name one that exists ({known}), or label its Secret with cloudflow.dev/kafka-cluster."
    )


@dataclass(frozen=True, kw_only=True)
class KafkaNameTaken(Stated):
    """Two topics that Kafka cannot tell apart, or one with a name of the platform's own.

    To Kafka, names that differ only in dots and underscores are too alike.
    """

    kafka_name: str
    other: str
    says: ClassVar[str] = "its name in Kafka, {kafka_name!r}, is too like that of {other}."
    advises: ClassVar[str] = "Set another `kafkaName`, or make one topic of the two."


@dataclass(frozen=True, kw_only=True)
class NameTaken(Stated):
    """Two streamlets whose objects would have one name in Kubernetes."""

    name: str
    other: str
    says: ClassVar[str] = "its objects would have the name {name!r}, as those of {other!r} have."
    advises: ClassVar[str] = "Rename one of the two streamlets."


@dataclass(frozen=True, kw_only=True)
class MountWithoutClaim(Stated):
    """A class wants a directory mounted, and nobody says which volume."""

    streamlet: str
    mount: str
    access: str
    says: ClassVar[str] = "the volume mount {mount!r} of {streamlet!r} has no claim."
    advises: ClassVar[str] = (
        "Name a PersistentVolumeClaim of access {access} for it in `volumeClaims`."
    )


@dataclass(frozen=True, kw_only=True)
class MountPathTaken(Stated):
    """A directory of a class would hide what the platform mounts."""

    mount: str
    mount_path: str
    taken: str
    says: ClassVar[str] = "the volume mount {mount!r} at {mount_path!r} would hide {taken!r}."
    advises: ClassVar[str] = "Mount it somewhere else."


@dataclass(frozen=True, kw_only=True)
class UnusablePatch(Stated):
    """A pod template that cannot be merged."""

    reason: str
    says: ClassVar[str] = "the pod template cannot be merged: {reason}."
    advises: ClassVar[str] = "Write it as the `template` of a Deployment has it."


@dataclass(frozen=True, kw_only=True)
class ProtectedPart(Stated):
    """A pod template that changes what the operator finds or feeds pods by."""

    part: str
    says: ClassVar[str] = "the pod template changes {part}, which belongs to the operator."
    advises: ClassVar[str] = "Leave it as it is, and use another name for what is added."


@dataclass(frozen=True, kw_only=True)
class UnreadableResource(Stated):
    """A resource that this operator's types cannot hold, such as one of another version."""

    reason: str
    says: ClassVar[str] = "the resource cannot be read: {reason}."
    advises: ClassVar[str] = "Install the definition of the resource that belongs to the operator."
