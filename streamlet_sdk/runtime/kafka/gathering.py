"""What many ask for at the same time, sent in few requests.

Used by `admin`. It sends nothing itself and starts no timer: what goes together is what comes while
another request is under way, or in one turn of the event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from streamlet_sdk.errors import TransportError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Batch(Generic[T]):
    """Items of one request, by name; more may join until it is sent."""

    task: asyncio.Task[Mapping[str, TransportError]] | None = None
    items: dict[str, T] = field(default_factory=dict)
    waiting: int = 0
    weight: int = 0
    is_open: bool = True


class Gathering(Generic[T]):
    """Sends items of many callers together, one request at a time.

    A caller that is cancelled stops nobody else: its item is left out when it was not sent yet, and
    a request that nobody waits for any more is given up.
    """

    def __init__(
        self,
        send: Callable[[Mapping[str, T]], Awaitable[Mapping[str, TransportError]]],
        *,
        weight: Callable[[T], int],
        most: int,
    ) -> None:
        """Send nothing yet.

        Args:
            send: sends items, by name; returns what went wrong with each, and raises a
                `TransportError` when nothing came of any.
            weight: how much an item adds to a request.
            most: the weight of a request at most, unless one item alone is heavier.
        """
        self._send = send
        self._weight = weight
        self._most = most
        self._turn = asyncio.Lock()
        self._last: _Batch[T] | None = None
        self._tasks: set[asyncio.Task[Mapping[str, TransportError]]] = set()

    async def ask(self, name: str, item: T) -> None:
        """Send an item with those of others; two of one name go in two requests, in their order.

        Raises:
            TransportError: what went wrong with this item, or with its whole request.
        """
        batch = self._joined(name, item)
        task = batch.task or self._begun(batch)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            await self._left(batch, task, name)
            raise
        if task.cancelled():
            raise UnavailableError(f"{name}: the connection was closed before there was an answer")
        error = task.result().get(name)
        if error is not None:
            raise error

    async def close(self) -> None:
        """Give up what was not answered; whoever waits for it gets an `UnavailableError`."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _joined(self, name: str, item: T) -> _Batch[T]:
        """The batch that an item has become a part of."""
        batch, weight = self._last, self._weight(item)
        has_room = (
            batch is not None
            and batch.is_open
            and name not in batch.items
            and batch.weight + weight <= self._most
        )
        if batch is None or not has_room:
            batch = self._last = _Batch()
        batch.items[name] = item
        batch.weight += weight
        batch.waiting += 1
        return batch

    def _begun(self, batch: _Batch[T]) -> asyncio.Task[Mapping[str, TransportError]]:
        batch.task = asyncio.get_running_loop().create_task(self._sent(batch))
        self._tasks.add(batch.task)
        batch.task.add_done_callback(self._ended)
        return batch.task

    async def _sent(self, batch: _Batch[T]) -> Mapping[str, TransportError]:
        try:
            # Whoever comes in this turn of the loop goes along.
            await asyncio.sleep(0)
            async with self._turn:
                batch.is_open = False
                return await self._send(batch.items)
        finally:
            batch.is_open = False

    async def _left(
        self, batch: _Batch[T], task: asyncio.Task[Mapping[str, TransportError]], name: str
    ) -> None:
        """Take one who was cancelled out of a batch."""
        if batch.is_open:
            batch.weight -= self._weight(batch.items.pop(name))
        batch.waiting -= 1
        if not batch.waiting:
            batch.is_open = False
            task.cancel()
            await asyncio.wait([task])

    def _ended(self, task: asyncio.Task[Mapping[str, TransportError]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # All who waited may be gone, and nobody else would look.
            task.exception()
