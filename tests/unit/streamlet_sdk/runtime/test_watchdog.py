"""What holds up the event loop is named while it does; in real time, with short limits."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from streamlet_sdk.runtime.counters import Counters
from streamlet_sdk.runtime.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

LIMIT = timedelta(seconds=0.1)
LONGEST = 20.0


class Handlers:
    """Block until somebody has warned, or for too long."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.caplog = caplog
        self.warned_meanwhile = False
        self.enough = threading.Event()

    def blocks(self) -> None:
        """Hold up whatever thread this runs in."""
        self.warned_meanwhile = wait_until(
            lambda: bool(self.caplog.records) or self.enough.is_set()
        )
        time.sleep(0.5)  # a second warning for the same time would come now


def wait_until(condition: Callable[[], bool]) -> bool:
    """Block this thread until it is so; false after `LONGEST`."""
    end = time.monotonic() + LONGEST
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def watchdog(counters: Counters) -> tuple[Watchdog, Callable[[], None]]:
    """One that knows the handlers."""
    made = Watchdog(LIMIT)
    forget = made.watch({Handlers.blocks.__code__: "Handlers.blocks"}, counters)
    made.start()
    return made, forget


async def test_a_handler_that_blocks_is_named_once_while_it_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters, handlers = Counters(), Handlers(caplog)
    made, _ = watchdog(counters)
    await asyncio.sleep(0)
    handlers.blocks()
    made.stop()
    assert handlers.warned_meanwhile
    assert counters.blocked == 1
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("Handlers.blocks holds up the event loop")


async def test_what_is_no_handler_is_told_without_a_name(caplog: pytest.LogCaptureFixture) -> None:
    counters, handlers = Counters(), Handlers(caplog)
    made, forget = watchdog(counters)
    forget()
    await asyncio.sleep(0)
    handlers.blocks()
    made.stop()
    assert counters.blocked == 0
    assert "The event loop was held up" in caplog.text


async def test_a_loop_that_turns_is_not_warned_of_whatever_threads_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters, handlers = Counters(), Handlers(caplog)
    # Far more than a busy machine holds up a loop that has nothing to do.
    made = Watchdog(timedelta(seconds=10))
    made.watch({Handlers.blocks.__code__: "Handlers.blocks"}, counters)
    made.start()
    thread = threading.Thread(target=handlers.blocks, daemon=True)
    thread.start()
    await asyncio.sleep(0.5)
    handlers.enough.set()
    await asyncio.to_thread(thread.join)
    made.stop()
    assert counters.blocked == 0
    assert not caplog.records
