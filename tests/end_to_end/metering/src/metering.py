"""A meter, and a book of what it read. Tests make other editions of this file."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel

from streamlet_sdk import Checkpoint, Emission, Inlet, Outlet, Streamlet, source

if TYPE_CHECKING:
    from collections.abc import Iterator

EDITION = "first"


class Reading(BaseModel):
    """What flows; later editions have further fields."""

    number: int
    writer: str


class Entry(BaseModel):
    """What became of a reading; `unit` is empty where the reader knows none."""

    number: int
    writer: str
    reader: str
    unit: str


class Place(BaseModel):
    """The last number."""

    number: int


class Meter(Streamlet):
    """Counts; the units of its readings are what a reader that knows units has to find."""

    out = Outlet(Reading)

    @source(every=timedelta(milliseconds=100), position=Place)
    def count(self, last: Place | None) -> Iterator[Emission[Reading] | Checkpoint[Place]]:
        number = 0 if last is None else last.number + 1
        fields = {"number": number, "writer": EDITION, "unit": "kW"}
        yield self.out(Reading.model_validate(fields))
        yield Checkpoint(Place(number=number))


class Book(Streamlet):
    """Says of each reading who wrote it, who read it, and in which unit it is."""

    in_ = Inlet(Reading)
    out = Outlet(Entry)

    @in_.each
    def enter(self, reading: Reading) -> Emission[Entry]:
        known = {"unit": "", **reading.model_dump(), "reader": EDITION}
        return self.out(Entry.model_validate(known))
