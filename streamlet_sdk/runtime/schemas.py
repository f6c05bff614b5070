"""Schemas travel with the data: writers publish theirs, readers follow, on a topic per cluster.

Key is the fingerprint, value the schema. A writer's schema is acknowledged there before its first
record; a reader that meets an unknown fingerprint waits for it here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamlet_sdk.errors import SchemaConflictError, SerdeError
from streamlet_sdk.runtime.table import Table, made
from streamlet_sdk.serde import SchemaBook

if TYPE_CHECKING:
    from datetime import timedelta

    from streamlet_sdk.runtime.transport import RawRecord, Transport
    from streamlet_sdk.serde import Schema

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
        # What is written in the topic; the book knows this process's own schemas besides.
        self._written: dict[str, str] = {}
        self._missed: dict[str, float] = {}
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

        Of several that are written at the same moment the first one counts.

        Raises:
            SchemaConflictError: when the fingerprint is known with other logical types, so that
                readers would misread what is written.
        """
        async with self._publishing:
            is_new = schema.fingerprint not in self._written
            if is_new:
                await self._write(schema.fingerprint, schema.text)
                await self._table.caught_up()
            first = self._written.get(schema.fingerprint, schema.text)
            try:
                _require_agreement(schema, first)
            except SchemaConflictError:
                if is_new:
                    # Compaction keeps what was written last: that must be what counts.
                    await self._write(schema.fingerprint, first)
                raise
            self.book.add(schema.fingerprint, schema.text)

    async def known(self, fingerprint: str, timeout: timedelta) -> bool:
        """Wait until the schema of `fingerprint` is in the book; false when it did not come.

        The time counts from when it was first missed: not every record of a writer who is never
        heard of waits anew.
        """
        missed_at = self._missed.setdefault(fingerprint, asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout_at(missed_at + timeout.total_seconds()):
                while self.book.text(fingerprint) is None:
                    await self._added.wait()
        except TimeoutError:
            return False
        self._missed.pop(fingerprint, None)
        return True

    async def _write(self, fingerprint: str, text: str) -> None:
        producer = await self._transport.producer()
        deadline = asyncio.get_running_loop().time() + 10
        try:
            batch = producer.batch(self._topic, 0)
            batch.append(fingerprint.encode(), text.encode(), 0, ())
            await (await producer.submit(batch))
        finally:
            await producer.close(flush=False, deadline=deadline)

    def _seen(self, record: RawRecord) -> None:
        if record.key is None or record.value is None:
            return
        fingerprint = record.key.decode(errors="replace")
        text = record.value.decode(errors="replace")
        try:
            self.book.add(fingerprint, text)
        except SchemaConflictError as error:
            logger.warning("A schema of %s is not used here: %s", self._topic, error)
        except SerdeError as error:
            logger.warning("A record of %s is not used: %s", self._topic, error)
            return
        self._written.setdefault(fingerprint, text)
        self._added.set()
        self._added = asyncio.Event()


def _require_agreement(schema: Schema, first: str) -> None:
    """Go on only if `first`, written under the same fingerprint, has the same logical types."""
    book = SchemaBook()
    book.add(schema.fingerprint, first)
    book.add(schema.fingerprint, schema.text)
