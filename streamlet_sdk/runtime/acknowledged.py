"""`await outlet.write(…)`: one record written now, for servers and a user's own tasks."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from streamlet_sdk.errors import DeliveryError
from streamlet_sdk.records import Written
from streamlet_sdk.runtime.emitting import writer_of
from streamlet_sdk.streamlet import Context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from streamlet_sdk.records import Emission
    from streamlet_sdk.runtime.emitting import OutletWriter
    from streamlet_sdk.runtime.outbox import Destination, Entry, Outbox
    from streamlet_sdk.runtime.transport import Claim

# Set in the tasks of workers whose outputs wait for a transaction.
in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)


class Waiter:
    """The owner of a single entry: gives its offset once it is acknowledged."""

    resend = True
    claim: Claim | None = None
    held: list[tuple[Destination, Entry]] | None = None

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.offset: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def added(self, count: int) -> None:
        """The entry is on its way."""

    def acknowledged(self, count: int, offset: int) -> None:
        """The entry is written."""
        del count
        if not self.offset.done():
            self.offset.set_result(offset)

    def rejected(self, entry: Entry, error: Exception) -> None:
        """The entry is surely not written."""
        del entry
        if not self.offset.done():
            refused = DeliveryError(f"the broker refused the record: {error}")
            # Whoever answers a sender may tell a record that never fits from a broker that is away.
            refused.__cause__ = error
            self.offset.set_exception(refused)


class RunningContext(Context):
    """The context of an instance that the engine runs."""

    def attach(
        self,
        writers: Mapping[str, OutletWriter],
        outbox: Outbox,
        timeout: timedelta,
    ) -> None:
        """Write through `outbox`; a write is given up after `timeout`."""
        self._writers = writers
        self._outbox = outbox
        self._timeout = timeout

    async def write(self, emission: Emission[Any], timeout: timedelta | None = None) -> Written:
        """Write an emission and return once it is acknowledged.

        Raises:
            DeliveryError: when it is refused, when no acknowledgement came in time (it may be
                written then), or inside an exactly-once handler, where nothing may be written
                outside of the transaction.
            EncodeError: when the value does not fit the outlet's schema.
        """
        if in_transaction.get():
            raise DeliveryError(
                f"outlet {emission.port!r}: write() is outside of the transaction of an "
                "exactly-once inlet; return the emission from the handler instead"
            )
        writer = writer_of(self._writers, emission)
        value = None if emission.value is None else writer.encode(emission.value)
        waiter = Waiter()
        destination = writer.put(emission, value, waiter, None)
        self._outbox.kick()
        limit = self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(limit.total_seconds()):
                offset = await waiter.offset
        except TimeoutError:
            raise DeliveryError(
                f"outlet {emission.port!r}: no acknowledgement within {limit.total_seconds():g} s; "
                "the record may be written or not"
            ) from None
        return Written(writer.binding.kafka_name, destination.partition, offset)
