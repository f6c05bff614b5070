"""What goes wrong comes out of the kit: errors, crashes, hangs, and what is left behind."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from streamlet_sdk import Checkpoint, Delivery, Emission, Inlet, Outlet, Retry, Streamlet, source
from streamlet_sdk.broker.faults import Fault
from streamlet_sdk.errors import DeliveryError
from streamlet_sdk.testing import LeftBehindError, Setup, StillBusyError, StreamletKit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from streamlet_sdk.testing import StreamletKits

SHORT = timedelta(milliseconds=50)


class Stopping(Streamlet):
    """Stops at `bad`, once for each instance of the class that a test makes."""

    in_ = Inlet(bytes, delivery=Delivery(retry=Retry(attempts=1), on_exhausted="stop"))
    out = Outlet(bytes)
    is_healed = False

    @in_.each
    def pass_on(self, data: bytes) -> Emission[bytes]:
        if data == b"bad" and not self.is_healed:
            raise ValueError("bad")
        return self.out(data)


def test_what_stops_a_streamlet_is_raised_once(streamlet_kit: StreamletKits) -> None:
    cls = type("Stopping", (Stopping,), {})
    kit = streamlet_kit(cls)
    kit.feed("in", b"a", b"bad", b"b")
    with pytest.raises(DeliveryError, match="the policy is to stop: ValueError: bad") as raised:
        kit.run()
    assert raised.value.__notes__ == [
        "It ended streamlet-under-test-0, which starts again when time goes on."
    ]
    cls.is_healed = True
    kit.run()
    assert kit.values("out") == [b"a", b"bad", b"b"]
    assert kit.counters.failed == 1


def test_a_streamlet_that_fails_again_raises_again(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Stopping)
    kit.feed("in", b"bad")
    for _ in range(3):
        with pytest.raises(DeliveryError):
            kit.run()


class Unstoppable(Streamlet):
    """Cannot be stopped well."""

    in_ = Inlet(bytes)

    async def stop(self) -> None:
        raise OSError("the database is gone")

    @in_.each
    def take(self, data: bytes) -> None:
        """Take it."""


def test_a_failure_that_nobody_saw_is_raised_at_the_end() -> None:
    kit = StreamletKit(Unstoppable)
    with pytest.raises(OSError, match="the database is gone"), kit:
        kit.run()


def test_a_failed_test_is_not_hidden_by_what_follows_from_it() -> None:
    def fail() -> None:
        with StreamletKit(Unstoppable) as kit:
            kit.run()
            raise AssertionError("mine")

    with pytest.raises(AssertionError, match="mine") as raised:
        fail()
    assert raised.value.__notes__ == [
        "And when the kit was closed: OSError('the database is gone')"
    ]


def test_an_error_in_start_is_raised(streamlet_kit: StreamletKits) -> None:
    class Unready(Streamlet):
        in_ = Inlet(bytes)

        async def start(self) -> None:
            raise OSError("no database")

        @in_.each
        def take(self, data: bytes) -> None:
            """Take it."""

    kit = streamlet_kit(Unready)
    kit.feed("in", b"a")
    with pytest.raises(OSError, match="no database"):
        kit.run()


class Cursor(BaseModel):
    """How far a source has come."""

    next: int


class Counting(Streamlet):
    """Fails when it has emitted 3, once."""

    out = Outlet(int, format="json")
    has_failed = False

    @source(position=Cursor)
    async def count(
        self, position: Cursor | None
    ) -> AsyncIterator[Emission[int] | Checkpoint[Cursor]]:
        for number in range(position.next if position else 0, 6):
            yield self.out(number)
            if number == 3 and not self.has_failed:
                type(self).has_failed = True
                raise ValueError("three")
            yield Checkpoint(Cursor(next=number + 1))


def test_an_error_of_a_source_is_raised_and_it_goes_on_from_its_position(
    streamlet_kit: StreamletKits,
) -> None:
    kit = streamlet_kit(type("Counting", (Counting,), {}))
    with pytest.raises(ValueError, match="three") as raised:
        kit.run()
    assert "the source streamlet-under-test.count" in raised.value.__notes__[0]
    kit.run()
    assert kit.values("out") == [0, 1, 2, 3, 3, 4, 5]
    assert kit.checkpoint("count") == Cursor(next=6)


class Waiting(Streamlet):
    """Waits for ever for `for ever`."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    async def wait(self, data: bytes) -> Emission[bytes]:
        if data == b"for ever":
            await asyncio.Event().wait()
        return self.out(data)


def test_a_hang_ends_with_what_is_pending() -> None:
    with StreamletKit(Waiting, Setup(partitions=2)) as kit:
        kit.feed("in", b"a", b"b", b"for ever", b"c", b"d")
        with pytest.raises(StillBusyError) as raised:
            kit.run(SHORT)
    assert str(raised.value).splitlines()[0] == "not done after 0.05 s of real time: "
    (line,) = str(raised.value).splitlines()[1:]
    assert "streamlet-under-test-0: inlet 'in', partition 1: 2 not done, from offset 1" in line
    assert "handler Waiting.wait at test_kit_failures.py:" in line


def test_a_handler_that_blocks_is_shown_at_its_line() -> None:
    gate = threading.Event()

    class Blocking(Streamlet):
        in_ = Inlet(bytes)

        @in_.each
        def block(self, data: bytes) -> None:
            del data
            gate.wait()

    with StreamletKit(Blocking) as kit:
        kit.feed("in", b"a")
        with pytest.raises(StillBusyError, match=r"held up for 0\.05 s") as raised:
            kit.run(SHORT)
        gate.set()
    assert "in block\n    gate.wait()" in str(raised.value)
    assert "thread=True" in (raised.value.hint or "")


def test_a_source_that_never_ends_is_named() -> None:
    class Endless(Streamlet):
        out = Outlet(int, format="json")

        @source
        async def tick(self) -> AsyncIterator[Emission[int]]:
            while True:
                yield self.out(1)
                await asyncio.sleep(1)

    with StreamletKit(Endless) as kit, pytest.raises(StillBusyError) as raised:
        kit.run(SHORT)
    assert "source streamlet-under-test.tick is running" in str(raised.value)


def test_a_start_that_never_ends_is_named() -> None:
    class Starting(Streamlet):
        out = Outlet(int, format="json")

        async def start(self) -> None:
            while True:
                await asyncio.sleep(1)

    kit = StreamletKit(Starting, Setup(limit=SHORT))
    with kit, pytest.raises(StillBusyError, match=r"is starting at test_kit_failures\.py:"):
        kit.run()


def test_a_task_that_outlives_its_streamlet_is_told() -> None:
    class Leaking(Streamlet):
        in_ = Inlet(bytes)

        async def start(self) -> None:
            self.task = asyncio.create_task(self.poll())

        async def poll(self) -> None:
            while True:
                await asyncio.sleep(1)

        @in_.each
        def take(self, data: bytes) -> None:
            """Take it."""

    kit = StreamletKit(Leaking)
    with pytest.raises(LeftBehindError, match=r"Leaking\.poll at test_kit_failures\.py:\d+"), kit:
        kit.run()


class Keeping(Streamlet):
    """Keeps what it has seen, and says when partitions come and go."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    async def start(self) -> None:
        self.seen: list[bytes] = []
        self.moves: list[tuple[str, int]] = []

    async def partitions_assigned(self, inlet: str, partitions: Sequence[int]) -> None:
        self.moves += [(f"+{inlet}", one) for one in partitions]

    async def partitions_revoked(self, inlet: str, partitions: Sequence[int]) -> None:
        self.moves += [(f"-{inlet}", one) for one in partitions]

    @in_.each
    def keep(self, data: bytes) -> Emission[bytes]:
        self.seen.append(data)
        return self.out(data)


def test_after_a_crash_what_was_not_committed_comes_again(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Keeping)
    kit.feed("in", b"a")
    kit.run()
    kit.advance(timedelta(seconds=2))  # commits
    kit.feed("in", b"b")
    kit.run()
    first = kit.streamlet
    kit.crash()
    kit.feed("in", b"c")
    kit.run()
    assert kit.streamlet is not first
    assert kit.streamlet.seen == [b"b", b"c"]
    assert kit.values("out") == [b"a", b"b", b"b", b"c"]


def test_after_a_restart_in_good_order_nothing_comes_again(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Keeping)
    kit.feed("in", b"a")
    kit.run()
    kit.restart()
    kit.feed("in", b"b")
    kit.run()
    assert kit.streamlet.seen == [b"b"]
    assert kit.values("out") == [b"a", b"b"]


def test_one_replica_may_crash_and_comes_back(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Keeping, Setup(partitions=2, replicas=2))
    kit.feed("in", b"a", b"b")
    kit.crash("streamlet-under-test-1")
    kit.feed("in", b"c", b"d")
    kit.run()
    assert set(kit.values("out")) == {b"a", b"b", b"c", b"d"}


def test_nothing_is_written_after_a_crash(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Keeping)
    kit.broker.faults.batch("out", Fault(delay=timedelta(minutes=1)))
    kit.feed("in", b"a")
    kit.advance(timedelta(seconds=1))
    kit.crash()
    assert kit.values("out") == []
    kit.run()
    assert kit.values("out") == [b"a"]


def test_a_crash_with_a_source_goes_on_from_its_position(streamlet_kit: StreamletKits) -> None:
    class Slowly(Streamlet):
        out = Outlet(int, format="json")

        @source(position=Cursor)
        async def count(
            self, position: Cursor | None
        ) -> AsyncIterator[Emission[int] | Checkpoint[Cursor]]:
            for number in range(position.next if position else 0, 5):
                yield self.out(number)
                yield Checkpoint(Cursor(next=number + 1))
                await asyncio.sleep(10)

    kit = streamlet_kit(Slowly)
    kit.advance(timedelta(seconds=25))
    kit.crash()
    kit.run()
    assert kit.values("out") == [0, 1, 2, 3, 4]


def test_exactly_once_holds_over_crashes(streamlet_kit: StreamletKits) -> None:
    setup = Setup(delivery={"in": Delivery(guarantee="exactly-once")}, partitions=2)
    kit = streamlet_kit(Keeping, setup)
    fed = [str(number).encode() for number in range(20)]
    for start in range(0, 20, 5):
        kit.feed("in", *fed[start : start + 5])
        kit.crash()
    kit.run()
    assert sorted(kit.values("out")) == sorted(fed)


def test_a_rebalance_takes_partitions_away_and_gives_them_back(
    streamlet_kit: StreamletKits,
) -> None:
    kit = streamlet_kit(Keeping, Setup(partitions=2))
    kit.feed("in", b"a", b"b")
    kit.run()
    kit.rebalance("in")
    assert {("-in", 0), ("-in", 1)} < set(kit.streamlet.moves)
    owned = {one for _, one in kit.streamlet.moves if kit.streamlet.moves.count(("+in", one))}
    assert owned == {0, 1}
    kit.feed("in", b"c", b"d")
    kit.run()
    assert sorted(kit.values("out")) == [b"a", b"b", b"c", b"d"]


def test_a_hook_that_fails_in_a_rebalance_is_raised(streamlet_kit: StreamletKits) -> None:
    class Clinging(Streamlet):
        in_ = Inlet(bytes)

        async def partitions_revoked(self, inlet: str, partitions: Sequence[int]) -> None:
            raise ValueError(f"will not give {inlet} {partitions}")

        @in_.each
        def take(self, data: bytes) -> None:
            """Take it."""

    kit = streamlet_kit(Clinging)
    with pytest.raises(ValueError, match="will not give in"):
        kit.rebalance("in")


def test_faults_of_the_broker_can_be_planned(streamlet_kit: StreamletKits) -> None:
    kit = streamlet_kit(Keeping)
    kit.broker.faults.batch("out", Fault(delay=timedelta(minutes=5)))
    kit.feed("in", b"a")
    kit.advance(timedelta(minutes=4))
    assert kit.values("out") == []
    kit.run()
    assert kit.values("out") == [b"a"]


def test_the_log_of_a_streamlet_is_the_tests_log(
    streamlet_kit: StreamletKits, caplog: pytest.LogCaptureFixture
) -> None:
    class Telling(Streamlet):
        in_ = Inlet(bytes)

        @in_.each
        def tell(self, data: bytes) -> None:
            self.context.logger.info("saw %s", data)

    caplog.set_level(logging.INFO)
    kit = streamlet_kit(Telling)
    kit.feed("in", b"a")
    kit.run()
    assert "saw b'a'" in caplog.messages
