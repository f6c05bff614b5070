"""One connection to each Kafka cluster, kept while it answers; a dead cluster holds up nobody.

Used by `kafka_admin`. After a failure everybody is told so at once for a while, but for the one
who tries again; so of many applications on a cluster that is away one at a time waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from streamlet_sdk.errors import ConfigurationError, DeniedError, TransportError, UnavailableError
from streamlet_sdk.runtime.kafka import KafkaTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloudflow_operator.kafka_clusters import Connection
    from streamlet_sdk.runtime.transport import Admin

T = TypeVar("T")
Connect: TypeAlias = "Callable[[Connection], Awaitable[Admin]]"
"""Makes a connected admin, or raises a `TransportError`."""

LIMIT: Final = timedelta(seconds=20)
"""The longest that any work on a cluster takes."""
PAUSE: Final = timedelta(seconds=10)
"""How long a failure is believed."""
# As many as the queue has workers: what they ask for at the same time shares requests.
_AT_ONCE: Final = 16
_REQUEST_MS: Final = "3000"

_log = logging.getLogger(__name__)


async def to_kafka(connection: Connection) -> Admin:
    """An admin of a real cluster, connected; it waits for an answer 3 seconds at most.

    Raises:
        TransportError: when there is no broker, or none that accepts who this is.
    """
    properties = {**connection.properties, "request.timeout.ms": _REQUEST_MS}
    try:
        # It reads keys and certificates, from files that it makes for that.
        transport = await asyncio.to_thread(
            KafkaTransport, connection.servers, properties, client="cloudflow-operator"
        )
        admin = transport.admin()
    except ConfigurationError as error:
        raise DeniedError(str(error)) from error
    await admin.connect()
    return admin


class Link:
    """The admin of one cluster; safe for many tasks at once."""

    def __init__(self, connection: Connection, connect: Connect) -> None:
        """Connect nothing yet."""
        self.connection = connection
        self._connect = connect
        self._connecting = asyncio.Lock()
        self._admin: Admin | None = None
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._failure: TransportError | None = None
        self._again_at = 0.0
        self._is_tried = False

    async def run(self, work: Callable[[Admin], Awaitable[T]]) -> T:
        """Let `work` use the admin.

        Raises:
            TransportError: what `work` raises; at once when the cluster failed a moment ago, or
                somebody else is trying it after it failed.
        """
        async with self._slots:
            return await self._tried(work)

    async def close(self) -> None:
        """Let go of the connections."""
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()

    async def _tried(self, work: Callable[[Admin], Awaitable[T]]) -> T:
        # Who waited for a slot may come to a cluster that has failed meanwhile.
        now = asyncio.get_running_loop().time()
        if self._failure is not None and (self._is_tried or now < self._again_at):
            raise type(self._failure)(str(self._failure), hint=self._failure.hint)
        self._is_tried = self._failure is not None
        try:
            async with asyncio.timeout(LIMIT.total_seconds()):
                result = await work(await self._connected())
        except TimeoutError as error:
            late = UnavailableError(f"Kafka at {self.connection.servers} did not answer in time")
            await self._failed(late)
            raise late from error
        except UnavailableError as error:
            await self._failed(error)
            raise
        finally:
            self._is_tried = False
        self._failure = None
        return result

    async def _connected(self) -> Admin:
        async with self._connecting:
            if self._admin is None:
                try:
                    self._admin = await self._connect(self.connection)
                except TransportError as error:
                    await self._failed(error)
                    raise
            return self._admin

    async def _failed(self, error: TransportError) -> None:
        """Believe it for a while, and connect anew after that."""
        if self._failure is None:
            _log.warning("Kafka at %s failed: %s", self.connection.servers, error)
        self._failure = error
        self._again_at = asyncio.get_running_loop().time() + PAUSE.total_seconds()
        await self.close()
