"""Streamlets with faults: each fails, waits or hangs in its own way."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from orders.streamlets import Order
from streamlet_sdk import (
    Delivery,
    Emission,
    Inlet,
    Outlet,
    Parameter,
    Record,
    Retry,
    Streamlet,
    VolumeMount,
    source,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICKLY = Retry(attempts=3, backoff=timedelta(milliseconds=300), jitter=0)
STOP = Delivery(retry=Retry(attempts=1), on_exhausted="stop")


class FailsTwice(Streamlet):
    """Succeeds with each record at the third try."""

    in_ = Inlet(Order, delivery=Delivery(retry=QUICKLY))
    out = Outlet(Order)

    @in_.each
    def take(self, order: Order, record: Record[Order]) -> Emission[Order]:
        if record.attempt < 3:
            raise ValueError(f"attempt {record.attempt} of {order.id}")
        return self.out(order)


class FailsOnce(Streamlet):
    """Its first instance fails; the next one is well."""

    in_ = Inlet(Order, delivery=STOP)
    out = Outlet(Order)

    instances: ClassVar[Iterator[int]] = iter(range(1_000_000))

    async def start(self) -> None:
        self.number = next(self.instances)
        self.context.logger.info("instance %d", self.number)

    @in_.each
    def take(self, order: Order) -> Emission[Order]:
        if self.number == 0:
            raise ConnectionError("the database is away")
        return self.out(order)


class FailsAlways(Streamlet):
    """No instance can do its work."""

    in_ = Inlet(Order, delivery=STOP)

    @in_.each
    def take(self, order: Order) -> None:
        raise ConnectionError(f"no database for {order.id}")


class Steady(Streamlet):
    """Nothing is wrong with it; it says when it starts."""

    in_ = Inlet(Order)
    out = Outlet(Order)

    async def start(self) -> None:
        self.context.logger.info("steady starts")

    @in_.each
    def take(self, order: Order) -> Emission[Order]:
        return self.out(order)


class Blocker(Streamlet):
    """Holds up the event loop."""

    in_ = Inlet(Order)

    seconds = Parameter(float, default=1.5, description="How long.")

    @in_.each
    def take(self, order: Order) -> None:
        self.context.logger.info("blocking")
        time.sleep(self.seconds)


class Sleeper(Streamlet):
    """Its handler never ends, unless it is cancelled."""

    in_ = Inlet(Order)

    @in_.each
    async def take(self, order: Order) -> None:
        self.context.logger.info("sleeping")
        await asyncio.Event().wait()


class HangsAtStart(Streamlet):
    """Never comes to its work."""

    in_ = Inlet(Order)

    async def start(self) -> None:
        self.context.logger.info("hanging")
        await asyncio.Event().wait()

    @in_.each
    def take(self, order: Order) -> None:
        """Never called."""


class NeedsToken(Streamlet):
    """Has a parameter without a default."""

    in_ = Inlet(Order)

    token = Parameter(str, secret=True, description="Of the service.")

    @in_.each
    def take(self, order: Order) -> None:
        """Does nothing."""


class Prints(Streamlet):
    """Writes to stdout, which is for tapped records."""

    in_ = Inlet(Order)

    @in_.each(thread=True)
    def take(self, order: Order) -> None:
        print("printed", order.id)  # noqa: T201 — what this test project is for


class Endless(Streamlet):
    """A source that runs again and again."""

    out = Outlet(Order)

    @source(every=timedelta(milliseconds=200))
    def sell(self) -> Iterator[Emission[Order]]:
        yield self.out(Order(id="again", amount=1))


class Keeper(Streamlet):
    """Keeps what it gets in a volume."""

    in_ = Inlet(Order)

    shelf = VolumeMount("/shelf", access="ReadWriteMany")

    @in_.each
    def keep(self, order: Order) -> None:
        (self.shelf / order.id).write_text(str(order.amount))


class Batcher(Streamlet):
    """Waits for more records than come."""

    in_ = Inlet(Order)
    out = Outlet(Order)

    @in_.batches(max_records=100, max_wait=timedelta(milliseconds=500))
    def sum_up(self, orders: list[Order]) -> Emission[Order]:
        return self.out(Order(id="sum", amount=sum(order.amount for order in orders)))
