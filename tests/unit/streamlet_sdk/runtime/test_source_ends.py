"""How runs of sources end: fail, are cut off, are fenced; and what they leave behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from streamlet_sdk import Checkpoint, Emission, Outlet, Streamlet, source
from streamlet_sdk.broker.faults import Fault
from streamlet_sdk.errors import FencedError
from support.engine import Engine, a_config
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

TOO_LARGE = bytes(2_000_000)


class Cursor(BaseModel):
    """How far a source has come."""

    next: int


class Scripted(Streamlet):
    """What `script` yields in its first run; `b"done"` in the next. Notes opening and closing."""

    out = Outlet(bytes)
    notes: list[str]
    script: tuple[Any, ...]

    @source(position=Cursor)
    async def go(self, position: Cursor | None) -> AsyncIterator[Any]:
        self.notes.append("open")
        try:
            for step in self.script if self.notes == ["open"] else (b"done",):
                if isinstance(step, Exception):
                    raise step
                yield self.out(step) if isinstance(step, bytes) else step
        finally:
            self.notes.append("close")

    async def stop(self) -> None:
        self.notes.append("stop")


class ScriptedInThread(Scripted):
    """The same, without async."""

    @source(position=Cursor)
    def go(self, position: Cursor | None) -> Iterator[Any]:  # type: ignore[override] # on purpose
        self.notes.append("open")
        try:
            for step in self.script if self.notes == ["open"] else (b"done",):
                if isinstance(step, Exception):
                    raise step
                yield self.out(step) if isinstance(step, bytes) else step
        finally:
            self.notes.append("close")


BAD = {
    "what is too large for the broker": (b"a", TOO_LARGE, b"b"),
    "too large, then an error of its own": (b"a", TOO_LARGE, ValueError("after")),
    "too large twice": (TOO_LARGE, TOO_LARGE, ValueError("after")),
    "a checkpoint of another type": (b"a", Checkpoint(5)),
    "an error at once": (ValueError("at once"),),
    "a value that does not fit": (17,),
}


@pytest.mark.parametrize("kind", [Scripted, ScriptedInThread])
@pytest.mark.parametrize("script", BAD.values(), ids=BAD.keys())
def test_a_run_that_fails_is_counted_closed_and_followed_by_another(
    kind: type[Scripted], script: tuple[Any, ...]
) -> None:
    @virtual_time
    async def run() -> None:
        made: Any = type("Scripted", (kind,), {"notes": [], "script": script})
        async with Engine(made) as engine:
            await asyncio.wait_for(engine.run(), 60)
            assert engine.counters.failed == 1
            assert engine.values("out")[-1] == b"done"
        assert made.notes == ["open", "close", "open", "close", "stop"]

    run()


class Counts(Streamlet):
    """Counts with one cursor that it changes as it goes."""

    out = Outlet(bytes)
    pause = 0.1

    @source(position=Cursor)
    async def go(
        self, position: Cursor | None
    ) -> AsyncIterator[Emission[bytes] | Checkpoint[Cursor]]:
        cursor = position or Cursor(next=0)
        while cursor.next < 20:
            yield self.out(str(cursor.next).encode())
            cursor.next += 1
            yield Checkpoint(cursor)
            await asyncio.sleep(self.pause)


def stored(engine: Engine) -> int:
    """The position that is stored."""
    records = engine.broker.topic("_cloudflow.positions").records()
    found = [Cursor.model_validate_json(record.value or b"").next for record in records]
    return found[-1] if found else 0


@virtual_time
async def test_a_cursor_that_the_user_changes_later_was_stored_as_it_was_yielded() -> None:
    engine = Engine(Counts, config=a_config(Counts, settings={"drain_timeout": 5}))
    engine.broker.faults.batch("out", Fault(delay=timedelta(seconds=0.35)), times=100)
    async with engine:
        for _ in range(60):
            await asyncio.sleep(0.1)
            assert stored(engine) <= len(engine.values("out"))
        assert stored(engine) > 0
        await engine.run()
        assert stored(engine) == 20


@virtual_time
async def test_a_second_instance_fences_the_first_visibly() -> None:
    slow = type("Counts", (Counts,), {"pause": 10.0})
    async with Engine(slow) as engine:
        await asyncio.sleep(25)
        plan = engine.application.plan.streamlets[0]
        twin = engine.application._supervisor(plan, engine.counters, 1)
        twin.start()
        await twin.begun()
        await asyncio.sleep(5.5)
        (first,) = engine.replicas
        assert isinstance(first.error, FencedError)
        assert engine.counters.failed == 1
        await first.stop()
        await asyncio.sleep(400)
        assert twin.completed
        assert engine.counters.failed == 1
        assert stored(engine) == 20
        # The two repeated each other's records, and lost none.
        assert {int(value or b"") for value in engine.values("out")} == set(range(20))
        await twin.stop()


class Shares(Streamlet):
    """Every replica makes its part."""

    out = Outlet(bytes)

    @source(replicated=True)
    async def go(self) -> AsyncIterator[Emission[bytes]]:
        for number in range(3):
            yield self.out(f"{self.context.replica} {number}".encode())


@virtual_time
async def test_replicas_of_a_replicated_source_run_side_by_side() -> None:
    async with Engine(Shares, replicas=2) as engine:
        await engine.run()
        names = [supervisor.name for supervisor in engine.replicas]
        wanted = [f"{name} {number}".encode() for name in names for number in range(3)]
        assert Counter(engine.values("out")) == Counter(wanted)
        assert all(supervisor.completed for supervisor in engine.replicas)


class Clings(Streamlet):
    """Does not let itself be cancelled."""

    out = Outlet(bytes)
    stopped: list[str]

    @source
    async def go(self) -> AsyncIterator[Emission[bytes]]:
        yield self.out(b"a")
        for _ in range(2):
            try:
                await asyncio.sleep(1e6)
            except asyncio.CancelledError:
                await asyncio.sleep(50)

    async def stop(self) -> None:
        self.stopped.append("stop")


@virtual_time
async def test_a_source_that_will_not_end_does_not_hold_up_a_stop() -> None:
    Clings.stopped = []
    async with Engine(Clings, config=a_config(Clings, settings={"drain_timeout": 10})) as engine:
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 15
    assert Clings.stopped == ["stop"]
    assert engine.values("out") == [b"a"]
    await asyncio.sleep(2e6)  # so that it ends before the test does


class Closes(Streamlet):
    """Runs without end."""

    out = Outlet(bytes)
    notes: list[str]

    @source
    async def go(self) -> AsyncIterator[Emission[bytes]]:
        try:
            while True:
                yield self.out(b"a")
                await asyncio.sleep(1)
        finally:
            self.notes.append("close")

    async def stop(self) -> None:
        self.notes.append("stop")


@virtual_time
async def test_a_source_is_closed_before_its_streamlet_stops() -> None:
    Closes.notes = []
    async with Engine(Closes):
        await asyncio.sleep(2.5)
    assert Closes.notes == ["close", "stop"]
