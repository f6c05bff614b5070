"""The pipeline that is broken: `Forward` to `Mark`, and kinds of both that make trouble."""

from __future__ import annotations

import asyncio
import random
import time

from pydantic import BaseModel

from streamlet_sdk import Emission, Inlet, Outlet, Record, Reject, Streamlet

LARGE = 300_000
STUCK_AT = 1200


class Numbered(BaseModel):
    """A record on its way."""

    number: int
    note: str = ""


class Forward(Streamlet):
    """Passes numbers on; its own kinds do something to some of them first."""

    in_ = Inlet(bytes)
    out = Outlet(Numbered)

    @in_.each
    def go(self, data: bytes, record: Record[bytes]) -> Emission[Numbered]:
        number = int(data)
        return self.out(Numbered(number=number, note=self.work(number, record)), key=record.key)

    def work(self, number: int, record: Record[bytes]) -> str:
        """What is done to each record; the note that goes on with it."""
        del number, record
        return ""


class Mark(Streamlet):
    """Writes what it reads to the last topic."""

    in_ = Inlet(Numbered)
    out = Outlet(bytes)

    @in_.each
    def go(self, item: Numbered, record: Record[Numbered]) -> Emission[bytes]:
        self.work(item.number)
        return self.out(b"%d" % item.number, key=record.key)

    def work(self, number: int) -> None:
        """What is done to each record."""


class MarkLatest(Mark):
    """Reads what comes after it first came."""

    in_ = Inlet(Numbered, start="latest")

    @in_.each
    def go(self, item: Numbered, record: Record[Numbered]) -> Emission[bytes]:
        return super().go(item, record)


class Flaky(Forward):
    """Fails one time in ten."""

    def work(self, number: int, record: Record[bytes]) -> str:
        if random.random() < 0.1:
            raise ConnectionError("the service is busy")
        return super().work(number, record)


class Poisoned(Forward):
    """Can do nothing with every hundredth number."""

    def work(self, number: int, record: Record[bytes]) -> str:
        if number % 100 == 7:
            raise Reject("poison")
        return super().work(number, record)


class PoisonedMark(Mark):
    """Can do nothing with another hundredth, which it tries as often as it may."""

    def work(self, number: int) -> None:
        if number % 100 == 57:
            raise ValueError("poison")


class Large(Forward):
    """Makes of every two-hundredth number more than the next topic takes."""

    def work(self, number: int, record: Record[bytes]) -> str:
        del record
        # Random, for what is sent is compressed.
        return random.randbytes(LARGE).hex() if number % 200 == 7 else ""


class Stuck(Forward):
    """Fails for a long time at one number, and then succeeds."""

    def work(self, number: int, record: Record[bytes]) -> str:
        if number == STUCK_AT and record.attempt < 8:
            raise ConnectionError("the service is away")
        return super().work(number, record)


class Blocking(Forward):
    """Holds up its whole process for longer than the session, once."""

    has_blocked = False

    def work(self, number: int, record: Record[bytes]) -> str:
        if number % 500 == 7 and not self.has_blocked:
            self.has_blocked = True
            time.sleep(9)
        return super().work(number, record)


class Slow(Streamlet):
    """Takes its time for each record, without holding up the process."""

    in_ = Inlet(bytes)
    out = Outlet(Numbered)

    @in_.each
    async def go(self, data: bytes, record: Record[bytes]) -> Emission[Numbered]:
        await asyncio.sleep(0.05)
        return self.out(Numbered(number=int(data)), key=record.key)
