"""Orders that are made, checked and summed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from streamlet_sdk import Emission, Inlet, Outlet, Parameter, Reject, Streamlet, source

if TYPE_CHECKING:
    from collections.abc import Iterator


class Order(BaseModel):
    id: str
    amount: int


class Receipt(BaseModel):
    number: int


class Shop(Streamlet):
    """Makes some orders and is done."""

    out = Outlet(Order, key=lambda order: order.id)

    count = Parameter(int, default=3, description="How many.")

    @source
    def sell(self) -> Iterator[Emission[Order]]:
        for number in range(self.count):
            yield self.out(Order(id=f"order-{number}", amount=number))


class Checker(Streamlet):
    """Lets small orders through and gives up the others."""

    in_ = Inlet(Order)
    out = Outlet(Order, key=lambda order: order.id)

    limit = Parameter(int, default=10, description="The largest amount.")

    @in_.each
    def check(self, order: Order) -> Emission[Order]:
        if order.amount > self.limit:
            raise Reject(f"{order.amount} is above {self.limit}")
        return self.out(order)


class Till(Streamlet):
    """Sums up and tells the log."""

    in_ = Inlet(Order)

    async def start(self) -> None:
        self.total = 0

    @in_.each
    def add(self, order: Order) -> None:
        self.total += order.amount
        self.context.logger.info("%s makes %d", order.id, self.total)


class Receipts(Streamlet):
    """Writes another schema to the topic of orders."""

    out = Outlet(Receipt)

    @source
    def write(self) -> Iterator[Emission[Receipt]]:
        yield self.out(Receipt(number=1))


class Texts(Streamlet):
    """Reads two schemas that differ by nothing that matters, and writes bytes."""

    orders = Inlet(Order | Receipt)
    out = Outlet(bytes)

    @orders.each
    def write(self, order: Order | Receipt) -> Emission[bytes]:
        return self.out(b"\xff" if isinstance(order, Receipt) else order.id.encode())
