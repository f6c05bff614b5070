"""Schemas travel with the data: writers publish theirs, readers follow, on a topic per cluster.

Key is the fingerprint, value the schema. A writer's schema is acknowledged there before its first
record; a reader that meets an unknown fingerprint waits for it here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamlet_sdk.errors import SerdeError
from streamlet_sdk.runtime.table import Table, made

if TYPE_CHECKING:
    from datetime import timedelta

    from streamlet_sdk.runtime.transport import RawRecord, Transport
    from streamlet_sdk.serde import Schema, SchemaBook

logger = logging.getLogger(__name__)

SCHEMAS_TOPIC = "_cloudflow.schemas"


class SchemaTopic:
    """The schemas topic of one cluster, shared by all streamlets of a process."""

    def __init__(self, transport: Transport, book: SchemaBook, topic: str = SCHEMAS_TOPIC) -> None:
        """Fill `book` from `topic`."""
        self.book = book
        self._transport = transport
        self._topic = topic
        self._table = Table(transport, topic, self._seen)
        # Set and replaced whenever a schema comes in.
        self._added = asyncio.Event()
        self._conflicts: dict[str, SerdeError] = {}
        self._publishing = asyncio.Lock()

    async def start(self) -> None:
        """Make the topic if it is missing, and read it to its end."""
        await made(self._transport, self._topic)
        await self._table.start()
        await self._table.caught_up()

    async def close(self) -> None:
        """Stop following."""
        await self._table.close()

    async def publish(self, schema: Schema) -> None:
        """Make a writer's schema known; returns once it is acknowledged.

        Raises:
            SchemaConflictError: when the fingerprint is known with other logical types, so that
                readers would misread what is written.
        """
        async with self._publishing:
            if self.book.text(schema.fingerprint) is None:
                await self._write(schema)
                # Another writer may have written at the same moment: look at what came first.
                await self._table.caught_up()
            self.book.add(schema.fingerprint, schema.text)
            if (conflict := self._conflicts.get(schema.fingerprint)) is not None:
                raise conflict

    async def known(self, fingerprint: str, timeout: timedelta) -> bool:
        """Wait until the schema of `fingerprint` is in the book; false when it did not come."""
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                while self.book.text(fingerprint) is None:
                    await self._added.wait()
        except TimeoutError:
            return False
        return True

    async def _write(self, schema: Schema) -> None:
        producer = await self._transport.producer()
        deadline = asyncio.get_running_loop().time() + 10
        try:
            batch = producer.batch(self._topic, 0)
            batch.append(schema.fingerprint.encode(), schema.text.encode(), 0, ())
            await (await producer.submit(batch))
        finally:
            await producer.close(flush=False, deadline=deadline)

    def _seen(self, record: RawRecord) -> None:
        if record.key is None or record.value is None:
            return
        fingerprint = record.key.decode(errors="replace")
        try:
            self.book.add(fingerprint, record.value.decode())
        except (SerdeError, UnicodeDecodeError) as error:
            logger.warning("A record of %s is not used: %s", self._topic, error)
            if isinstance(error, SerdeError):
                self._conflicts[fingerprint] = error
            return
        self._added.set()
        self._added = asyncio.Event()
