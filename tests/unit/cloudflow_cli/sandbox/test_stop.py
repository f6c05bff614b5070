from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

from cloudflow_cli.sandbox.stop import Limit, Stop, Why


def a_stop(limit: Limit | None = None) -> Stop:
    return Stop(timedelta(seconds=60), limit, lambda _: None)


async def test_the_first_reason_counts() -> None:
    stop = a_stop()
    stop.ask(Why.FEED)
    stop.ask(Why.IDLE)
    assert await stop.asked() is Why.FEED


async def test_a_thread_may_ask() -> None:
    stop = a_stop()
    waiting = asyncio.create_task(stop.asked())
    await asyncio.sleep(0)
    threading.Thread(target=stop.ask, args=(Why.TAP,)).start()
    assert await waiting is Why.TAP


async def test_a_limit_asks_by_itself() -> None:
    stop = a_stop(Limit(timedelta(milliseconds=1), Why.TIME))
    with stop.watched():
        assert await stop.asked() is Why.TIME


def test_only_what_nobody_wished_is_a_failure() -> None:
    failures = {Why.TIMEOUT, Why.FAILING, Why.FEED, Why.TAP, Why.START}
    assert {why for why in Why if why.is_failure} == failures
