"""What the platform and a running streamlet agree on: the configuration of one streamlet.

On a cluster the operator writes it into `/etc/cloudflow/streamlet.json` and the pod reads it; the
sandbox and the test kit hand it over in memory. The model is versioned by `contract`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from streamlet_sdk.delivery import Delivery, Guarantee, OnExhausted, Retry
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.parameters import MemorySize, parse_duration, parse_memory_size
from streamlet_sdk.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT: Final = 1


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _memory_size(value: object) -> object:
    return parse_memory_size(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0))]
Bytes = Annotated[int, BeforeValidator(_memory_size), AfterValidator(MemorySize)]


class Model(BaseModel):
    """Base of the contract's parts: frozen, camelCase in JSON, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class Settings(BaseModel):
    """Engine settings of a streamlet: `cloudflow.streamlets.<name>.config` and of its runtime."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
    )

    window_records: int = Field(
        default=10_000,
        ge=1,
        description="Records in flight or done but not committed, per inlet; bounds duplicates.",
    )
    window_bytes: Bytes = Field(
        default=MemorySize(64 * 1024 * 1024),
        ge=1,
        description="The same window in bytes.",
    )
    commit_interval: Duration = Field(
        default=timedelta(seconds=1),
        description="How often done offsets are committed.",
    )
    drain_timeout: Duration = Field(
        default=timedelta(seconds=20),
        description="How long a stop waits for what is in flight before it gives up.",
    )
    schema_timeout: Duration = Field(
        default=timedelta(seconds=60),
        description="How long a partition waits for the schema of a record before its policy.",
    )
    write_timeout: Duration = Field(
        default=timedelta(seconds=30),
        description="How long an acknowledged write of a server waits for the broker.",
    )
    block_warning: Duration = Field(
        default=timedelta(milliseconds=500),
        description="How long a handler may hold up the event loop before a warning names it.",
    )
    max_emissions: int = Field(
        default=10_000, ge=1, description="Emissions that one handler call may make."
    )
    http_max_body: Bytes = Field(
        default=MemorySize(10 * 1024 * 1024),
        ge=1,
        description="Largest request body, or element.",
    )
    http_max_in_flight: int = Field(
        default=1000,
        ge=1,
        description="Unacknowledged HTTP records before 503 is answered.",
    )


class RetryOverride(Model):
    """The parts of a retry policy that a blueprint or a deployment sets."""

    attempts: int | None = Field(default=None, ge=1)
    backoff: Duration | None = None
    max_backoff: Duration | None = None
    jitter: float | None = Field(default=None, ge=0, le=1)


class DeliveryOverride(Model):
    """The parts of a delivery policy that a blueprint or a deployment sets."""

    guarantee: Guarantee | None = None
    retry: RetryOverride = RetryOverride()
    on_exhausted: OnExhausted | None = None

    def over(self, delivery: Delivery) -> Delivery:
        """`delivery` with the parts that are set here."""
        retry = delivery.retry
        mine = self.retry
        return Delivery(
            guarantee=self.guarantee or delivery.guarantee,
            retry=Retry(
                attempts=mine.attempts if mine.attempts is not None else retry.attempts,
                backoff=mine.backoff if mine.backoff is not None else retry.backoff,
                max_backoff=mine.max_backoff if mine.max_backoff is not None else retry.max_backoff,
                jitter=mine.jitter if mine.jitter is not None else retry.jitter,
            ),
            on_exhausted=self.on_exhausted or delivery.on_exhausted,
        )


class Binding(Model):
    """The topic that a port is bound to.

    Attributes:
        topic: the topic's id in the blueprint.
        kafka_name: its name on the broker.
        cluster: the named Kafka cluster it is on.
        prefix: stands before the names of groups, transactions and positions there, so that
            platforms that share a cluster do not meet.
        properties: client properties for this port, in Kafka's own names.
    """

    topic: str
    kafka_name: str
    cluster: str = "default"
    prefix: str = ""
    properties: Mapping[str, str] = Field(default_factory=dict)


class ParameterSource(Model):
    """A parameter's value as text, or the file that holds it."""

    value: str | None = None
    file: str | None = None


class StreamletConfig(Model):
    """Everything that one streamlet's process is told.

    Attributes:
        class_name: `package.module:Class`.
        ports: the topic of each port by port name; dead-letter ports included.
        delivery: what overrides each inlet's policy, by inlet name.
        volume_mounts: where each mount is here, by mount name.
        server_port: where a server listens; 0 chooses a free port.
    """

    contract: int = CONTRACT
    application: str
    namespace: str = "default"
    streamlet: str
    class_name: str = Field(alias="class")
    parameters: Mapping[str, ParameterSource] = Field(default_factory=dict)
    settings: Settings = Settings()
    ports: Mapping[str, Binding] = Field(default_factory=dict)
    delivery: Mapping[str, DeliveryOverride] = Field(default_factory=dict)
    volume_mounts: Mapping[str, str] = Field(default_factory=dict)
    server_port: int = 3000

    def group(self, inlet: str) -> str:
        """The consumer group of an inlet: one per namespace, application, streamlet and inlet."""
        return self.own_name(inlet, inlet)

    def own_name(self, port: str, part: str) -> str:
        """What the streamlet calls a `part` of its own on the Kafka cluster of a port."""
        prefix = self.ports[port].prefix if port in self.ports else ""
        return f"{groups_of(self.namespace, self.application, prefix)}{self.streamlet}.{part}"


def groups_of(namespace: str, application: str, prefix: str = "") -> str:
    """What the names of all consumer groups of an application begin with, and of no other's.

    Namespaces and applications have no dots in their names, so that the last one ends it. `prefix`
    is the Kafka cluster's.
    """
    return f"{prefix}{namespace}.{application}."


def dead_letter_port(inlet: str) -> str:
    """The name of the outlet that takes the records an inlet gave up."""
    return f"{inlet}-dead-letters"


def dead_letter_topic(streamlet: str, inlet: str) -> str:
    """The id of the topic that the platform makes for an inlet's dead letters."""
    return f"{streamlet}-{inlet}-dead-letters"


@dataclass(frozen=True, kw_only=True)
class OtherContract(Problem):
    """A configuration of a platform that is newer or older than this SDK."""

    found: object

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return (
            f"the operator wrote contract {self.found!r}, and the SDK in this image reads "
            f"contract {CONTRACT}."
        )

    @property
    def remedy(self) -> str:
        """What to do."""
        return (
            "Build the image with the cloudflow-streamlets of the operator's version and deploy "
            "it, or install the operator of the image's version."
        )


@dataclass(frozen=True, kw_only=True)
class UnreadableField(Problem):
    """A part of a configuration that is not of the contract."""

    reason: str

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return f"{self.reason}."

    @property
    def remedy(self) -> str:
        """What to do."""
        return "Let the operator write it again; do not edit it by hand."


def from_json(data: str | bytes, name: str = "streamlet.json") -> StreamletConfig:
    """Read the configuration of a streamlet as the platform wrote it.

    Args:
        data: the document.
        name: what problems call it.

    Raises:
        ConfigurationError: when it is of another contract, which is looked at first, or with
            every part of it that is not of this one.
    """
    try:
        document = json.loads(data)
    except ValueError as error:
        raise ConfigurationError([UnreadableField(path=name, reason=f"no JSON: {error}")]) from None
    found = document.get("contract", CONTRACT) if isinstance(document, dict) else CONTRACT
    if found != CONTRACT:
        raise ConfigurationError([OtherContract(path=f"{name}: contract", found=found)])
    try:
        return StreamletConfig.model_validate_json(data)
    except ValidationError as error:
        raise ConfigurationError(_unreadable(error, name)) from None


def _unreadable(error: ValidationError, name: str) -> Iterator[Problem]:
    # Values are left out: a parameter's may be secret.
    for one in error.errors(include_url=False, include_input=False):
        path = ".".join(map(str, one["loc"]))
        reason = one["msg"].removeprefix("Value error, ")
        yield UnreadableField(path=f"{name}: {path}" if path else name, reason=reason)


def to_json(config: StreamletConfig) -> dict[str, Any]:
    """The configuration as the platform writes it; `from_json` reads it back."""
    return config.model_dump(mode="json", by_alias=True)
