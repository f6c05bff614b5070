"""The life of an instance: start and stop, hooks, context, inlets of all kinds, configuration."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk import Emission, Inlet, Outlet, Parameter, Record, Streamlet
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.broker.faults import Fault
from streamlet_sdk.contract import Binding, ParameterSource
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.local.wires import Fed
from streamlet_sdk.runtime.assembly import Surroundings
from streamlet_sdk.runtime.instances import instance
from streamlet_sdk.runtime.ports import Cluster
from streamlet_sdk.runtime.runner import StreamletRunner
from streamlet_sdk.runtime.schemas import SchemaTopic
from streamlet_sdk.runtime.transport import TopicSpec
from streamlet_sdk.serde import SchemaBook
from support.engine import Engine, a_config
from support.outside import Outside
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streamlet_sdk.contract import StreamletConfig


class Diary(Streamlet):
    """Writes down what happens to it, in the class; fails as the class says."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)
    seen: list[Any]
    fails_in: tuple[str, ...] = ()

    def _note(self, what: str, *more: int) -> None:
        self.seen.append((what, *more))
        if what in self.fails_in:
            raise ValueError(f"no {what}")

    async def start(self) -> None:
        self._note("start")

    async def stop(self) -> None:
        self._note("stop")

    async def partitions_assigned(self, inlet: str, partitions: Sequence[int]) -> None:
        self._note(f"assigned {inlet}", *partitions)

    async def partitions_revoked(self, inlet: str, partitions: Sequence[int]) -> None:
        self._note(f"revoked {inlet}", *partitions)

    @in_.each
    def go(self, data: bytes, record: Record[bytes]) -> Emission[bytes]:
        self._note("record", record.partition)
        return self.out(data)


def expire(engine: Engine) -> None:
    """End the session of the consumer."""
    runner = engine.replicas[0].runner
    assert runner is not None
    consumer = runner.inlets[0]._consumer
    assert isinstance(consumer, EmbeddedConsumer)
    consumer.expire()


def fresh(**changes: Any) -> type[Diary]:
    """A class of its own, so that tests do not share what it keeps."""
    return type("Diary", (Diary,), {"seen": [], **changes})


@virtual_time
async def test_everything_happens_once_and_in_its_order() -> None:
    kind = fresh()
    engine = Engine(kind, partitions=2)
    async with engine:
        await engine.feed("in", b"a", b"b")
        await engine.run()
    assert kind.seen[0] == ("start",)
    assert kind.seen[-1] == ("stop",)
    assert Counter(kind.seen).most_common(1)[0][1] == 1
    for partition in (0, 1):
        mine = [note[0] for note in kind.seen if partition in note[1:]]
        assert mine == ["assigned in", "record", "revoked in"]


@virtual_time
async def test_when_a_partition_is_revoked_all_of_it_is_committed() -> None:
    committed: list[dict[int, int]] = []

    class Looks(fresh()):  # type: ignore[misc] # made at run time
        async def partitions_revoked(self, inlet: str, partitions: Sequence[int]) -> None:
            committed.append(await engine.committed(inlet))

    engine = Engine(Looks, config=a_config(Looks, settings={"commit_interval": 1000}))
    async with engine:
        await engine.feed("in", b"a", b"b", b"c")
        await engine.run()
    assert committed == [{0: 3}]


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once", "at-most-once"])
def test_a_lost_partition_is_revoked_before_it_is_assigned_again(guarantee: str) -> None:
    @virtual_time
    async def run() -> None:
        kind = fresh()
        engine = Engine(kind, config=a_config(kind, delivery={"guarantee": guarantee}))
        async with engine:
            await engine.feed("in", b"a")
            await engine.run()
            expire(engine)
            await engine.feed("in", b"b")
            await engine.run()
        period = [("assigned in", 0), ("revoked in", 0)]
        assert [note for note in kind.seen[1:-1] if note[0] != "record"] == period * 2

    run()


@virtual_time
async def test_a_partition_that_is_lost_while_it_is_taken_over_is_revoked() -> None:
    class Slow(fresh()):  # type: ignore[misc] # made at run time
        async def partitions_assigned(self, inlet: str, partitions: Sequence[int]) -> None:
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                self._note("cancelled")  # and goes on, as users' code may
            await super().partitions_assigned(inlet, partitions)

    async with Engine(Slow) as engine:
        await asyncio.sleep(1)
        expire(engine)
        await engine.feed("in", b"a")
        await engine.run()
    period = [("assigned in", 0), ("revoked in", 0)]
    again = [period[0], ("record", 0), period[1]]
    assert Slow.seen == [("start",), ("cancelled",), *period, *again, ("stop",)]


@virtual_time
async def test_a_transaction_that_is_begun_anew_assigns_nothing_anew() -> None:
    kind = fresh()
    config = a_config(kind, delivery={"guarantee": "exactly-once"})
    async with Engine(kind, config=config) as engine:
        lane = f"{config.group('in')}.in.0"
        engine.broker.faults.transaction(lane, Fault(unanswered=True, done=False))
        await engine.feed("in", b"a")
        await engine.run()
    record = ("record", 0)
    assert kind.seen[1:-1] == [("assigned in", 0), record, record, ("revoked in", 0)]


@virtual_time
async def test_an_error_in_start_is_tried_again_with_growing_pauses() -> None:
    kind = fresh(fails_in=("start",))
    async with Engine(kind) as engine:
        (replica,) = engine.replicas
        assert replica.state == "restarting"
        assert str(replica.error) == "no start"
        await asyncio.sleep(0.9)
        assert replica.restarts == 0
        await asyncio.sleep(0.2)
        assert replica.restarts == 1
        await asyncio.sleep(1.8)
        assert replica.restarts == 1
        kind.fails_in = ()
        await asyncio.sleep(0.2)
        assert (replica.restarts, replica.state) == (2, "running")
        await engine.feed("in", b"a")
        await engine.run()
        assert engine.values("out") == [b"a"]
        assert engine.counters.failed == 2
    assert [note[0] for note in kind.seen if note[0] in {"start", "stop"}] == ["start", "stop"] * 3


@virtual_time
async def test_the_cause_of_an_end_is_not_hidden_by_a_stop_that_fails_after_it() -> None:
    kind = fresh(fails_in=("start", "stop"))
    async with Engine(kind) as engine:
        assert str(engine.replicas[0].error) == "no start"


@virtual_time
async def test_what_was_not_started_is_not_stopped() -> None:
    kind = fresh()
    config = a_config(kind)
    ports = {name: bound for name, bound in config.ports.items() if name != "out"}
    async with Engine(kind, config=config.model_copy(update={"ports": ports})) as engine:
        assert isinstance(engine.replicas[0].error, ConfigurationError)
    assert kind.seen == []


@virtual_time
async def test_a_failed_instance_is_stopped_and_its_successor_goes_on() -> None:
    config = a_config(Diary, delivery={"retry": {"attempts": 1}, "on_exhausted": "stop"})
    kind = fresh(fails_in=("record",))
    async with Engine(kind, config=config) as engine:
        await engine.feed("in", b"a")
        await asyncio.sleep(0.5)
        assert ("stop",) in kind.seen
        kind.fails_in = ()
        await engine.run()
        assert engine.values("out") == [b"a"]


@pytest.mark.parametrize("hook", ["assigned in", "stop"])
def test_errors_of_hooks_are_visible(hook: str) -> None:
    @virtual_time
    async def run() -> None:
        kind = fresh(fails_in=(hook,))
        async with Engine(kind) as engine:
            await asyncio.sleep(0.1)
        assert engine.counters.failed > 0
        assert str(engine.replicas[0].error) == f"no {hook}"

    run()


@virtual_time
async def test_an_error_while_partitions_are_given_back_is_told_also_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind = fresh(fails_in=("revoked in",))
    async with Engine(kind) as engine:
        await engine.feed("in", b"a")
        await engine.run()
    assert "no revoked in" in caplog.text
    assert kind.seen[-1] == ("stop",)
    assert await engine.committed("in") == {0: 1}


@virtual_time
async def test_the_context_says_who_runs_and_when_it_ends() -> None:
    async with Engine(fresh(), replicas=2) as engine:
        contexts = [
            replica.runner.streamlet.context
            for replica in engine.replicas
            if replica.runner is not None and replica.runner.streamlet is not None
        ]
        assert [(c.application, c.streamlet) for c in contexts] == [("app", "worker")] * 2
        assert len({c.replica for c in contexts}) == 2
        assert contexts[0].logger.name == "streamlet.worker"
        assert not contexts[0].stopping.is_set()
    assert all(context.stopping.is_set() for context in contexts)


class Everyone(Streamlet):
    """Every replica gets every record of `news`; `in` is shared, `late` begins at its end."""

    in_ = Inlet(bytes)
    news = Inlet(bytes, broadcast=True)
    late = Inlet(bytes, start="latest")
    out = Outlet(bytes)
    told = Outlet(bytes)

    @in_.each
    def share(self, data: bytes) -> list[Emission[bytes]]:
        return [self.out(data), self.told(data)]

    @news.each
    def tell(self, data: bytes) -> Emission[bytes]:
        return self.told(data)

    @late.each
    def follow(self, data: bytes) -> Emission[bytes]:
        return self.out(data)


@virtual_time
async def test_inlets_and_outlets_of_all_kinds_live_in_one_streamlet() -> None:
    broker = EmbeddedBroker()
    broker.create(TopicSpec(name="late"))
    outside = Outside(broker)
    await outside.start()
    await outside.write("late", b"long ago")
    async with Engine(Everyone, broker=broker, partitions=2, replicas=2) as engine:
        await engine.feed("in", b"one", b"two")
        await engine.feed("news", b"news")
        await engine.feed("late", b"now")
        await engine.run()
        assert Counter(engine.values("out")) == Counter([b"one", b"two", b"now"])
        assert Counter(engine.values("told")) == Counter([b"one", b"two", b"news", b"news"])
    assert await engine.committed("news") == {}
    assert await engine.committed("late") == {0: 2}
    await outside.stop()


class Tunable(Streamlet):
    """Fails always; has a parameter and a secret."""

    in_ = Inlet(bytes)
    level = Parameter(int)
    token = Parameter(str, pattern="[a-z]+", secret=True)

    @in_.each
    def go(self, data: bytes) -> None:
        raise ValueError(f"{data!r} at {self.level} with {len(self.token)} letters")


def tuned(level: Path, token: Path, **more: Any) -> StreamletConfig:
    """A configuration whose parameters are in files, as a cluster's secrets are."""
    files = {"level": ParameterSource(file=str(level)), "token": ParameterSource(file=str(token))}
    return a_config(Tunable, **more).model_copy(update={"parameters": files})


def test_parameters_come_from_files_and_delivery_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "level").write_text("7")
    (tmp_path / "token").write_text("secret")

    @virtual_time
    async def run() -> None:
        delivery = {"retry": {"attempts": 2, "backoff": "5s", "jitter": 0}, "onExhausted": "skip"}
        config = tuned(tmp_path / "level", tmp_path / "token", delivery=delivery)
        async with Engine(Tunable, config=config) as engine:
            await engine.feed("in", b"a")
            await asyncio.sleep(4)
            assert (engine.counters.retried, engine.counters.skipped) == (0, 0)
            await asyncio.sleep(2)
            assert (engine.counters.retried, engine.counters.skipped) == (1, 1)

    run()


def test_a_wrong_parameter_is_told_and_a_wrong_secret_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "level").write_text("seven")
    (tmp_path / "token").write_text("HUSH1")

    @virtual_time
    async def run() -> None:
        config = tuned(tmp_path / "level", tmp_path / "token")
        async with Engine(Tunable, config=config) as engine:
            error = engine.replicas[0].error
            assert isinstance(error, ConfigurationError)
            assert len(error.problems) == 2
            assert "seven" in str(error)

    run()
    assert "token" in caplog.text
    assert "HUSH1" not in caplog.text


def test_where_the_file_of_a_secret_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "level").write_text("7")
    with pytest.raises(ConfigurationError, match=r"no-token"):
        instance(Tunable, tuned(tmp_path / "level", tmp_path / "no-token"))


class Bridge(Streamlet):
    """From one cluster to another."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    def go(self, data: bytes) -> Emission[bytes]:
        return self.out(data + b"!", key=data)


@virtual_time
async def test_ports_may_be_on_different_clusters() -> None:
    brokers = {"near": EmbeddedBroker(), "far": EmbeddedBroker()}
    clusters = {}
    for name, broker in brokers.items():
        transport = broker.transport(client=name)
        clusters[name] = Cluster(transport, SchemaTopic(transport, SchemaBook()))
        await clusters[name].schemas.start()
    for name in ("in", "in-dead-letters"):
        brokers["near"].create(TopicSpec(name=name))
    brokers["far"].create(TopicSpec(name="out", partitions=2))
    config = a_config(Bridge)
    ports = {
        name: Binding(topic=name, kafka_name=name, cluster="far" if name == "out" else "near")
        for name in config.ports
    }
    runner = StreamletRunner(
        Bridge, config.model_copy(update={"ports": ports}), Surroundings(clusters=clusters)
    )
    await runner.start()
    outside = Outside(brokers["near"])
    await outside.write("in", Fed(value=b"a"), Fed(value=b"b"))
    await asyncio.sleep(5)
    await runner.stop()
    assert not runner.failure.done()
    runner.failure.cancel()
    assert sorted(map(str, (r.value for r in brokers["far"].topic("out").records()))) == [
        "b'a!'",
        "b'b!'",
    ]
    for cluster in clusters.values():
        await cluster.schemas.close()
    for broker in brokers.values():
        await broker.close()
