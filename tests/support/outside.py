"""Another process on the same broker: it writes records and publishes schemas of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streamlet_sdk.local.wires import Fed, Feed
from streamlet_sdk.runtime.ports import Cluster
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.serde import SchemaBook
from streamlet_sdk.serde.avro import AvroCodec
from streamlet_sdk.serde.parsing import parse_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.broker import EmbeddedBroker


def avro(document: Mapping[str, Any]) -> AvroCodec[Any]:
    """A codec of plain dicts, which knows no other schema."""
    return AvroCodec(parse_schema(json.dumps(document), "a schema"), None, SchemaBook())


class Outside:
    """A process with a client and a book of its own."""

    def __init__(self, broker: EmbeddedBroker, name: str = "outside") -> None:
        transport = broker.transport(client=name)
        self.cluster = Cluster(transport, SchemaTopic(transport, SchemaBook()))

    async def start(self) -> None:
        """Read the schemas that are known."""
        await self.cluster.schemas.start()

    async def publish(self, codec: AvroCodec[Any]) -> None:
        """Make the schema of `codec` known."""
        await self.cluster.schemas.publish(codec.schema)

    async def write(self, topic: str, *records: bytes | Fed) -> None:
        """Write records without publishing anything."""
        feed = Feed(self.cluster, topic)
        await feed.write([r if isinstance(r, Fed) else Fed(value=r) for r in records])
        await feed.close()

    async def stop(self) -> None:
        """Stop following schemas."""
        await self.cluster.schemas.close()
        await self.cluster.transport.close()
