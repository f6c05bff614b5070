"""The ports of a streamlet at work: codecs, published schemas, writers of outlets."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from streamlet_sdk.blueprint.problems.stated import Stated
from streamlet_sdk.contract import dead_letter_port
from streamlet_sdk.errors import ConfigurationError, RejectedError
from streamlet_sdk.ports import Inlet, Outlet, Port
from streamlet_sdk.runtime.emitting import OutletWriter
from streamlet_sdk.runtime.outbox import Way
from streamlet_sdk.serde import PortOptions, port_codec
from streamlet_sdk.streamlet import Streamlet, attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.contract import Binding, StreamletConfig
    from streamlet_sdk.runtime.assembly import Surroundings
    from streamlet_sdk.runtime.outbox import Outbox
    from streamlet_sdk.runtime.schemas import SchemaTopic
    from streamlet_sdk.runtime.transport import Transport
    from streamlet_sdk.serde import PortCodec, SchemaBook

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One Kafka cluster, or the embedded broker, as the streamlets of a process share it."""

    transport: Transport
    schemas: SchemaTopic


@dataclass(frozen=True, kw_only=True)
class UnboundPort(Stated):
    """A port that the configuration binds to no topic."""

    port: str
    says: ClassVar[str] = "port {port!r} is bound to no topic."
    advises: ClassVar[str] = "Connect it in the blueprint."


def declared(cls: type[Streamlet]) -> tuple[Mapping[str, Inlet[Any]], Mapping[str, Outlet[Any]]]:
    """Inlets and outlets of a class by port name."""
    ports = [item for _, item in attributes(cls) if isinstance(item, Port)]
    inlets = {port.name: port for port in ports if isinstance(port, Inlet)}
    outlets = {port.name: port for port in ports if isinstance(port, Outlet)}
    return inlets, outlets


def bindings(cls: type[Streamlet], config: StreamletConfig) -> Mapping[str, Binding]:
    """The topics of all declared ports, and of dead-letter ports as far as they are bound.

    Raises:
        ConfigurationError: with every declared port that is bound to nothing.
    """
    inlets, outlets = declared(cls)
    problems = [
        UnboundPort(path=f"{config.streamlet}.{name}", port=name)
        for name in (*inlets, *outlets)
        if name not in config.ports
    ]
    if problems:
        raise ConfigurationError(problems)
    return config.ports


def codec(port: Inlet[Any] | Outlet[Any], cluster: Cluster) -> PortCodec[Any]:
    """The codec of a port, which knows the schemas of its cluster."""
    return codec_with(port, cluster.schemas.book)


def codec_with(port: Inlet[Any] | Outlet[Any], book: SchemaBook) -> PortCodec[Any]:
    """The codec of a port, which knows the schemas of a book."""
    owner = port.owner
    options = PortOptions(
        avro=port.avro,
        format=port.format,
        codec=port.codec,
        module=owner.__module__ if owner is not None else "",
    )
    return port_codec(port.schema, options, book)


async def outlet_writers(
    cls: type[Streamlet],
    config: StreamletConfig,
    outbox: Outbox,
    surroundings: Surroundings,
) -> dict[str, OutletWriter]:
    """Writers of every outlet and dead-letter port; schemas are published before they return.

    Raises:
        RejectedError: when a topic does not exist.
        SchemaConflictError: when a schema must not be written with, see `SchemaTopic.publish`.
    """
    inlets, outlets = declared(cls)
    writers = {}
    for name, outlet in outlets.items():
        binding = config.ports[name]
        cluster = surroundings.clusters[binding.cluster]
        made = codec(outlet, cluster)
        if made.schema.format == "avro":
            await cluster.schemas.publish(made.schema)
        partitions = await partitions_of(outbox, binding)
        counted = surroundings.counters.outlet(name, binding.kafka_name)
        writers[name] = OutletWriter(outbox, binding, partitions, made.encode, counters=counted)
    for name in map(dead_letter_port, inlets):
        if (bound := config.ports.get(name)) is not None:
            partitions = await partitions_of(outbox, bound)
            counted = surroundings.counters.outlet(name, bound.kafka_name, is_dead_letters=True)
            writers[name] = OutletWriter(outbox, bound, partitions, _unchanged, counters=counted)
    return writers


async def partitions_of(outbox: Outbox, binding: Binding) -> int:
    """How many partitions the topic of `binding` has.

    Raises:
        RejectedError: when there is no such topic, naming it.
    """
    producer = await outbox.producer(Way.of(binding))
    try:
        return await producer.partitions(binding.kafka_name)
    except RejectedError as error:
        raise RejectedError(
            f"topic {binding.kafka_name!r} does not exist on cluster {binding.cluster!r}: {error}",
            hint="deploy the application again, or create the topic",
        ) from error


def _unchanged(value: Any) -> bytes:
    return cast("bytes", value)
