"""What can be wrong with what a blueprint or a deployment sets: parameters, delivery, replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.blueprint.problems.stated import Stated, UnknownName


@dataclass(frozen=True, kw_only=True)
class UnknownParameter(UnknownName):
    """A value for a parameter that the class does not declare."""

    streamlet: str
    says: ClassVar[str] = "the streamlet {streamlet!r} has no parameter {name!r}."
    advises: ClassVar[str] = "Its parameters: {known}."


@dataclass(frozen=True, kw_only=True)
class InvalidParameterValue(Stated):
    """A value that is not of the parameter's type, or does not match its pattern."""

    parameter: str
    reason: str
    says: ClassVar[str] = "{parameter!r} cannot be this: {reason}."
    advises: ClassVar[str] = "Correct the value."


@dataclass(frozen=True, kw_only=True)
class MissingParameter(Stated):
    """A parameter without a default was given no value."""

    streamlet: str
    parameter: str
    kind: str
    says: ClassVar[str] = "the parameter {parameter!r} ({kind}) has no value."
    advises: ClassVar[str] = "Set `cloudflow.streamlets.{streamlet}.config-parameters.{parameter}`."


@dataclass(frozen=True, kw_only=True)
class SecretInDocument(Stated):
    """A warning: a secret is written into a file that many people read."""

    parameter: str
    says: ClassVar[str] = "the value of the secret {parameter!r} stands in the blueprint."
    advises: ClassVar[str] = "Remove it here and give it when the application is deployed."


@dataclass(frozen=True, kw_only=True)
class UnknownInlet(UnknownName):
    """A delivery policy for an inlet that the class does not declare."""

    streamlet: str
    says: ClassVar[str] = "the streamlet {streamlet!r} has no inlet {name!r}."
    advises: ClassVar[str] = "Its inlets: {known}."


@dataclass(frozen=True, kw_only=True)
class UnknownMount(UnknownName):
    """A path for a volume mount that the class does not declare."""

    streamlet: str
    says: ClassVar[str] = "the streamlet {streamlet!r} has no volume mount {name!r}."
    advises: ClassVar[str] = "Its volume mounts: {known}."


@dataclass(frozen=True, kw_only=True)
class ExactlyOnceImpossible(Stated):
    """Exactly once is asked for where the transaction of a record cannot hold everything."""

    inlet: str
    reason: str
    says: ClassVar[str] = "the inlet {inlet!r} cannot be exactly-once: {reason}."
    advises: ClassVar[str] = "Choose at-least-once, or remove the reason."


@dataclass(frozen=True, kw_only=True)
class SourceNotReplicated(Stated):
    """Several replicas of a source would each read the same outside world."""

    streamlet: str
    source: str
    replicas: int
    says: ClassVar[str] = (
        "{replicas} replicas of {streamlet!r} would each run the source {source!r}."
    )
    advises: ClassVar[str] = (
        "Use one replica, or say `@source(replicated=True)` when the source shares its work."
    )


@dataclass(frozen=True, kw_only=True)
class IdleReplicas(Stated):
    """A warning: a partition is read by one replica, so some replicas get nothing."""

    streamlet: str
    replicas: int
    topic: str
    partitions: int
    says: ClassVar[str] = (
        "{replicas} replicas of {streamlet!r} share {partitions} partitions of {topic!r}, "
        "so some of them are idle."
    )
    advises: ClassVar[str] = "Give the topic more partitions, or use fewer replicas."
