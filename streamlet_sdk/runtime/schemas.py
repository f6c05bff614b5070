"""Schemas travel with the data: writers publish theirs, readers follow, on a topic per cluster.

Key is the fingerprint, value the schema. A writer's schema is acknowledged there before its first
record. A reader that meets a fingerprint reads the topic to its end before it decodes, even if it
is that of its own schema: the writer's may have other logical types, which a fingerprint hides.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamlet_sdk.errors import SchemaConflictError, SerdeError, TransportError
from streamlet_sdk.runtime.table import followed

if TYPE_CHECKING:
    from datetime import timedelta

    from streamlet_sdk.records import Record
    from streamlet_sdk.runtime.tap import Tap
    from streamlet_sdk.runtime.transport import Transport
    from streamlet_sdk.serde import Schema, SchemaBook

logger = logging.getLogger(__name__)

SCHEMAS_TOPIC = "_cloudflow.schemas"
RETRY_SECONDS = 1.0


class SchemaTopic:
    """The schemas topic of one cluster, shared by all streamlets of a process."""

    def __init__(self, transport: Transport, book: SchemaBook, topic: str = SCHEMAS_TOPIC) -> None:
        """Fill `book` from `topic`."""
        book.follow()
        self.book = book
        self._transport = transport
        self._topic = topic
        self._tap: Tap | None = None
        # Set and replaced whenever a schema comes in.
        self._added = asyncio.Event()
        self._missed: dict[str, float] = {}
        self._publishing = asyncio.Lock()

    async def start(self) -> None:
        """Make the topic if it is missing, and read it to its end."""
        self._tap = await followed(self._transport, self._topic, self._seen)

    async def close(self) -> None:
        """Stop following."""
        if self._tap is not None:
            await self._tap.close()

    async def publish(self, schema: Schema) -> None:
        """Make a writer's schema known; returns once it is acknowledged.

        Of several that are written at the same moment the first one counts.

        Raises:
            SchemaConflictError: when the fingerprint is known with other logical types, so that
                readers would misread what is written.
        """
        async with self._publishing:
            is_new = self.book.text(schema.fingerprint) is None
            if is_new:
                await self._write(schema.fingerprint, schema.text)
                await self._caught_up()
            try:
                self.book.declare(schema.fingerprint, schema.text)
            except SchemaConflictError:
                if is_new:
                    # Compaction keeps what was written last: that must be what counts.
                    first = self.book.text(schema.fingerprint)
                    assert first is not None
                    await self._write(schema.fingerprint, first)
                raise

    async def known(self, fingerprint: str, timeout: timedelta) -> bool:
        """Wait until values of `fingerprint` can be read; false when its schema did not come.

        The time counts from when it was first missed: not every record of a writer who is never
        heard of waits anew.
        """
        missed_at = self._missed.setdefault(fingerprint, asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout_at(missed_at + timeout.total_seconds()):
                await self._come(fingerprint)
        except TimeoutError:
            return False
        self._missed.pop(fingerprint, None)
        return True

    async def _come(self, fingerprint: str) -> None:
        while self.book.text(fingerprint) is None and not self.book.accepts(fingerprint):
            added = self._added
            try:
                await self._caught_up()
            except TransportError as error:
                logger.warning("The schema %s is not known yet: %s", fingerprint, error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if self.book.text(fingerprint) is None and self.book.accept(fingerprint):
                # Nobody published it, and it is our own: an outside system wrote the record.
                return
            await added.wait()

    async def _caught_up(self) -> None:
        assert self._tap is not None
        await self._tap.caught_up()

    async def _write(self, fingerprint: str, text: str) -> None:
        producer = await self._transport.producer()
        deadline = asyncio.get_running_loop().time() + 10
        try:
            batch = producer.batch(self._topic, 0)
            batch.append(fingerprint.encode(), text.encode(), 0, ())
            await (await producer.submit(batch))
        finally:
            await producer.close(flush=False, deadline=deadline)

    def _seen(self, record: Record[bytes | None]) -> None:
        if record.key is None or record.value is None:
            return
        fingerprint = record.key.decode(errors="replace")
        try:
            self.book.add(fingerprint, record.value.decode(errors="replace"))
        except SerdeError as error:
            logger.warning("A record of %s is not used: %s", self._topic, error)
        self._added.set()
        self._added = asyncio.Event()
