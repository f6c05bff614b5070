"""Time in the kit: back-offs, windows and sources take none, and all happens when it is due."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from streamlet_sdk import Checkpoint, Delivery, Emission, Inlet, Outlet, Retry, Streamlet, source
from streamlet_sdk.testing import Setup, StreamletKit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamlet_sdk.testing import StreamletKits


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


class Flaky(Streamlet):
    """Succeeds with its third try."""

    retry = Retry(attempts=3, backoff=timedelta(hours=1), max_backoff=timedelta(days=1), jitter=0)
    in_ = Inlet(bytes, delivery=Delivery(retry=retry))
    out = Outlet(bytes)

    async def start(self) -> None:
        self.tries = 0

    @in_.each
    def pass_on(self, data: bytes) -> Emission[bytes]:
        self.tries += 1
        if self.tries < 3:
            raise ValueError(f"try {self.tries}")
        return self.out(data)


def test_running_waits_for_back_offs(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Flaky)
    began = kit.now
    kit.feed("in", b"a")
    kit.run()
    assert kit.values("out") == [b"a"]
    assert kit.counters.retried == 2
    assert kit.now - began == pytest.approx(timedelta(hours=3), abs=seconds(1))


def test_time_can_be_advanced_to_between_two_tries(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Flaky)
    kit.feed("in", b"a")
    tries = []
    for wait in (0, 3599, 2, 7197, 2):
        kit.advance(seconds(wait))
        tries.append(kit.streamlet.tries)
    assert tries == [1, 1, 2, 2, 3]
    assert kit.values("out") == [b"a"]


class Window(Streamlet):
    """Says how long its batches are."""

    in_ = Inlet(bytes)
    out = Outlet(int, format="json")

    @in_.batches(max_records=3, max_wait=timedelta(seconds=10))
    def count(self, batch: list[bytes]) -> Emission[int]:
        return self.out(len(batch))


def test_a_batch_waits_for_more_and_then_goes(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Window)
    kit.feed("in", *[b""] * 5)
    kit.advance(seconds(9))
    assert kit.values("out") == [3]
    kit.advance(seconds(2))
    assert kit.values("out") == [3, 2]


def test_running_waits_for_the_last_batch(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Window)
    kit.feed("in", *[b""] * 4)
    kit.run()
    assert kit.values("out") == [3, 1]


class Slow(Streamlet):
    """Takes as many seconds as its input says."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each(concurrency=3, ordered_by=None)
    async def work(self, data: bytes) -> Emission[bytes]:
        await asyncio.sleep(int(data))
        return self.out(data)


def test_handlers_that_run_side_by_side_end_in_their_own_time(
    streamlet_kit: StreamletKits,
) -> None:
    kit = streamlet_kit(Slow)
    began = kit.now
    kit.feed("in", b"3", b"1", b"2", b"1")
    kit.run()
    # The fourth begins when the second has ended, after one second.
    assert kit.values("out")[0] == b"1"
    assert sorted(kit.values("out")[1:3]) == [b"1", b"2"]
    assert kit.values("out")[3] == b"3"
    assert kit.now - began == pytest.approx(seconds(3), abs=seconds(0.5))


class Threaded(Streamlet):
    """Blocks in a thread, beside one that waits in virtual time."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    other = Inlet(bytes)

    @in_.each(thread=True)
    def block(self, data: bytes) -> Emission[bytes]:
        time.sleep(0.01)
        return self.out(data)

    @other.each
    async def wait(self, data: bytes) -> Emission[bytes]:
        await asyncio.sleep(3600)
        return self.out(data)


def test_the_clock_waits_for_handlers_in_threads(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Threaded)
    kit.feed("in", b"a", b"b", b"c")
    kit.feed("other", b"an hour later")
    kit.run()
    assert kit.values("out") == [b"a", b"b", b"c", b"an hour later"]


class Cursor(BaseModel):
    """How far a source has come."""

    next: int


class Hourly(Streamlet):
    """Emits the next number every hour."""

    out = Outlet(int, format="json")

    @source(position=Cursor, every=timedelta(hours=1))
    def count(self, position: Cursor | None) -> Iterator[Emission[int] | Checkpoint[Cursor]]:
        number = 0 if position is None else position.next
        yield self.out(number)
        yield Checkpoint(Cursor(next=number + 1))


def test_running_ends_between_two_runs_of_a_source(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Hourly)
    kit.run()
    kit.run()
    assert kit.values("out") == [0]
    assert kit.checkpoint("count") == Cursor(next=1)


def test_a_source_runs_again_when_it_is_due(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Hourly)
    kit.run()
    kit.advance(timedelta(minutes=59))
    assert kit.values("out") == [0]
    kit.advance(timedelta(minutes=1))
    assert kit.values("out") == [0, 1]
    kit.advance(timedelta(hours=22))
    assert kit.values("out") == list(range(24))


def test_a_source_has_no_position_before_its_first_checkpoint(
    streamlet_kit: StreamletKits,
) -> None:
    class Silent(Streamlet):
        out = Outlet(int, format="json")

        @source(position=Cursor)
        async def wait(self, position: Cursor | None) -> AsyncIterator[Emission[int]]:
            await asyncio.sleep(0)
            yield self.out(1 if position is None else 2)

    kit = streamlet_kit(Silent)
    kit.run()
    assert kit.checkpoint("wait") is None
    assert kit.values("out") == [1]


class Ticks(Streamlet):
    """Emits a number every second, without end."""

    out = Outlet(int, format="json")

    @source
    async def tick(self) -> AsyncIterator[Emission[int]]:
        number = 0
        while True:
            yield self.out(number)
            number += 1
            await asyncio.sleep(1)


def test_an_endless_source_is_advanced(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Ticks)
    kit.advance(seconds(2.5))
    assert kit.values("out") == [0, 1, 2]
    kit.advance(seconds(1))
    assert kit.values("out") == [0, 1, 2, 3]


def test_a_finished_source_is_run_to_its_end(streamlet_kit: StreamletKits) -> None:
    class Many(Streamlet):
        out = Outlet(int, format="json")

        @source(max_in_flight=10)
        def count(self) -> Iterator[Emission[int]]:
            yield from map(self.out, range(2000))

    kit = streamlet_kit(Many)
    kit.run()
    assert kit.values("out") == list(range(2000))


def test_a_streamlets_own_tasks_live_in_the_same_time(streamlet_kit: StreamletKits) -> None:
    class Own(Streamlet):
        out = Outlet(str, format="json")

        async def start(self) -> None:
            self.task = asyncio.create_task(self.tell())

        async def tell(self) -> None:
            await asyncio.sleep(60)
            await self.out.write("after a minute")

        async def stop(self) -> None:
            self.task.cancel()

    kit = streamlet_kit(Own)
    kit.advance(seconds(59))
    assert kit.values("out") == []
    kit.advance(seconds(1))
    assert kit.values("out") == ["after a minute"]


def test_a_day_is_over_soon() -> None:
    with StreamletKit(Hourly, Setup(limit=seconds(60))) as kit:
        kit.advance(timedelta(hours=23.5))
        assert kit.values("out") == list(range(24))
