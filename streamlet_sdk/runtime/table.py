"""Compacted topics of the platform, of one partition: of each key the last value counts."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from streamlet_sdk.errors import RejectedError
from streamlet_sdk.runtime.tap import Tap
from streamlet_sdk.runtime.transport import TopicSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlet_sdk.records import Record
    from streamlet_sdk.runtime.transport import Transport


async def followed(
    transport: Transport, topic: str, seen: Callable[[Record[bytes | None]], None]
) -> Tap:
    """Read `topic`, made if it is missing; returns once `seen` has all that is in it by now.

    Raises:
        TransportError: when it can neither be made nor read.
    """
    await _make(transport, topic)
    tap = Tap(transport, topic, seen)
    async with AsyncExitStack() as unless_read:
        unless_read.push_async_callback(tap.close)
        await tap.start()
        await tap.caught_up()
        unless_read.pop_all()
    return tap


async def _make(transport: Transport, topic: str) -> None:
    admin = transport.admin()
    try:
        if (await admin.topics([topic]))[topic] is None:
            # Somebody else may make it at the same moment; then it is there, too.
            with suppress(RejectedError):
                await admin.create(TopicSpec(name=topic, config={"cleanup.policy": "compact"}))
    finally:
        await admin.close()
