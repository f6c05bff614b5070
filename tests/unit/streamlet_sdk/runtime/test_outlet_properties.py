"""Client properties of a port reach the producers that write for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamlet_sdk import Delivery, Emission, Inlet, Outlet, Streamlet
from streamlet_sdk.errors import ConfigurationError
from support.engine import Engine, a_config
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from streamlet_sdk.contract import StreamletConfig

Asked = Mapping[str, Mapping[str, str]]


class Splits(Streamlet):
    """Writes to two outlets."""

    in_ = Inlet(bytes)
    plain = Outlet(bytes)
    packed = Outlet(bytes)

    @in_.each
    def split(self, value: bytes) -> list[Emission]:
        return [self.plain(value), self.packed(value)]


class SplitsOnce(Splits):
    """The same in transactions."""

    in_ = Inlet(bytes, delivery=Delivery(guarantee="exactly-once"))

    @in_.each
    def split(self, value: bytes) -> list[Emission]:
        return [self.plain(value), self.packed(value)]


def configured(cls: type[Streamlet], asked: Asked) -> StreamletConfig:
    config = a_config(cls)
    ports = {
        name: binding.model_copy(update={"properties": asked.get(name, {})})
        for name, binding in config.ports.items()
    }
    return config.model_copy(update={"ports": ports})


def watched(engine: Engine) -> list[dict[str, str]]:
    """The properties of every producer and lane that the streamlet takes."""
    taken: list[dict[str, str]] = []
    make = engine._transport

    def making(client: str) -> Any:
        transport = make(client)
        if client.startswith("worker"):
            producer, lane = transport.producer, transport.lane

            async def watched_producer(properties: Mapping[str, str] | None = None) -> Any:
                taken.append(dict(properties or {}))
                return await producer(properties)

            async def watched_lane(name: str, properties: Mapping[str, str] | None = None) -> Any:
                taken.append(dict(properties or {}))
                return await lane(name, properties)

            transport.producer, transport.lane = watched_producer, watched_lane
        return transport

    object.__setattr__(engine.application.plan, "transport", making)
    return taken


@virtual_time
async def test_each_outlet_is_written_with_its_own_properties() -> None:
    packed = {"compression.type": "lz4"}
    engine = Engine(Splits, config=configured(Splits, {"packed": packed}))
    taken = watched(engine)
    async with engine:
        await engine.feed("in", b"a")
        await engine.run()
        assert (engine.values("plain"), engine.values("packed")) == ([b"a"], [b"a"])
    assert sorted(taken, key=len) == [{}, packed]


@virtual_time
async def test_a_transaction_is_written_with_what_all_outlets_ask_for() -> None:
    asked = {"plain": {"max.request.size": "5000"}, "packed": {"compression.type": "lz4"}}
    engine = Engine(SplitsOnce, config=configured(SplitsOnce, asked))
    taken = watched(engine)
    async with engine:
        await engine.feed("in", b"a")
        await engine.run()
        assert engine.values("packed") == [b"a"]
    assert {"max.request.size": "5000", "compression.type": "lz4"} in taken


@virtual_time
async def test_a_transaction_cannot_follow_outlets_that_differ() -> None:
    asked = {name: {"compression.type": name} for name in ("plain", "packed")}
    engine = Engine(SplitsOnce, config=configured(SplitsOnce, asked))
    async with engine:
        (replica,) = engine.replicas
        assert isinstance(replica.error, ConfigurationError)
        assert "different values of compression.type" in str(replica.error)


def test_the_words_of_a_property_do_not_depend_on_their_order() -> None:
    from streamlet_sdk.contract import Binding
    from streamlet_sdk.runtime.outbox import Way

    one = Binding(topic="t", kafka_name="t", properties={"a": "1", "b": "2"})
    other = Binding(topic="u", kafka_name="u", properties={"b": "2", "a": "1"})
    assert Way.of(one) == Way.of(other)
    assert Way.of(one) != Way.of(other.model_copy(update={"cluster": "far"}))
