"""What a streamlet class declares, as data: read by verification, the sandbox and the operator.

Made by `streamlet_sdk.blueprint.declarations` from a class; part of the application resource.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydantic import Field

from streamlet_sdk.contract import DeliveryOverride, Duration, Model
from streamlet_sdk.parameters import Access, Kind
from streamlet_sdk.serde import Format, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.delivery import Delivery

RUNTIME: Final = "python"
HandlerKind: TypeAlias = Literal["each", "batches"]
_IDENTIFIER = r"[^\W\d]\w*"
_CLASS = re.compile(rf"{_IDENTIFIER}(\.{_IDENTIFIER})*:{_IDENTIFIER}(\.{_IDENTIFIER})*")


class SchemaDescriptor(Model):
    """The schema of a port: `fingerprint` names it on the wire, `text` is all of it."""

    format: Format
    name: str
    text: str
    fingerprint: str

    @cached_property
    def schema_value(self) -> Schema:
        """The same as `streamlet_sdk.serde` knows it; the same object each time."""
        return Schema(
            format=self.format, name=self.name, text=self.text, fingerprint=self.fingerprint
        )


class PortDescriptor(Model):
    """One inlet or outlet.

    Attributes:
        handler: how an inlet takes its records; None for outlets.
        delivery: the policy of an inlet, complete; None for outlets.
        dead_letters_of: the inlet whose given-up records this outlet takes; None for the rest.
    """

    name: str
    schema_: SchemaDescriptor = Field(alias="schema")
    handler: HandlerKind | None = None
    tombstones: bool = False
    broadcast: bool = False
    start: Literal["earliest", "latest"] = "earliest"
    delivery: DeliveryOverride | None = None
    dead_letters_of: str | None = None

    @property
    def schema_value(self) -> Schema:
        """The port's schema as `streamlet_sdk.serde` knows it."""
        return self.schema_.schema_value


class ParameterDescriptor(Model):
    """One configuration parameter.

    Attributes:
        default: as text; None when it is required, or when its default is None.
        pattern: a regular expression that all of a text must match.
        choices: what an enum may be given as; empty for other kinds.
    """

    name: str
    attribute: str
    kind: Kind
    default: str | None = None
    required: bool = False
    pattern: str | None = None
    description: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()


class VolumeMountDescriptor(Model):
    """One directory that the platform mounts."""

    name: str
    attribute: str
    path: str
    access: Access


class SourceDescriptor(Model):
    """One source.

    Attributes:
        every: how long after its end it runs again; None: its end is final.
        position: whether it remembers one.
        replicated: whether several replicas may run it side by side.
    """

    name: str
    every: Duration | None = None
    position: bool = False
    replicated: bool = False


class RouteDescriptor(Model):
    """One route of a server."""

    path: str
    methods: tuple[str, ...]


class ServerDescriptor(Model):
    """What a streamlet that listens offers.

    Attributes:
        ingress: the outlet that an `HttpIngress` writes to; None for other servers.
    """

    ingress: str | None = None
    routes: tuple[RouteDescriptor, ...] = ()


class Descriptor(Model):
    """What one streamlet class declares.

    Attributes:
        class_name: `package.module:Class`, as the blueprint names it.
        outlets: the declared ones, then one for the dead letters of each inlet.
    """

    class_name: str
    runtime: str = RUNTIME
    description: str = ""
    inlets: tuple[PortDescriptor, ...] = ()
    outlets: tuple[PortDescriptor, ...] = ()
    parameters: tuple[ParameterDescriptor, ...] = ()
    volume_mounts: tuple[VolumeMountDescriptor, ...] = ()
    sources: tuple[SourceDescriptor, ...] = ()
    server: ServerDescriptor | None = None

    @cached_property
    def inlet_by_name(self) -> dict[str, PortDescriptor]:
        """The inlets by name."""
        return {port.name: port for port in self.inlets}

    @cached_property
    def outlet_by_name(self) -> dict[str, PortDescriptor]:
        """The outlets by name, those for dead letters included."""
        return {port.name: port for port in self.outlets}

    @cached_property
    def parameter_by_name(self) -> dict[str, ParameterDescriptor]:
        """The parameters by name."""
        return {parameter.name: parameter for parameter in self.parameters}

    def own_outlets(self) -> Iterator[PortDescriptor]:
        """The outlets that the class itself declares."""
        return (port for port in self.outlets if port.dead_letters_of is None)


def delivery_data(delivery: Delivery) -> DeliveryOverride:
    """A complete policy as data."""
    retry = delivery.retry
    return DeliveryOverride.model_validate(
        {
            "guarantee": delivery.guarantee,
            "retry": {
                "attempts": retry.attempts,
                "backoff": retry.backoff,
                "maxBackoff": retry.max_backoff,
                "jitter": retry.jitter,
            },
            "onExhausted": delivery.on_exhausted,
        }
    )


def class_path(text: str) -> str | None:
    """`package.module:Class` of a dotted path or of the same with a colon; None if it is neither.

    In a dotted path the last name is the class; a class inside another needs the colon.
    """
    if ":" not in text:
        module, _, name = text.rpartition(".")
        text = f"{module}:{name}"
    return text if _CLASS.fullmatch(text) else None
