"""What becomes of a record: handled, retried, dead-lettered, skipped, or the streamlet stops."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from datetime import timedelta
from linecache import getline
from typing import TYPE_CHECKING, Any

import pytest

from streamlet_sdk import Delivery, Emission, Inlet, Outlet, Record, Reject, Retry, Streamlet
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.broker.producer import EmbeddedProducer
from streamlet_sdk.local.wires import Fed
from support.engine import Engine, a_config
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.broker.batch import EmbeddedBatch


TRIES = Retry(attempts=3, backoff=timedelta(seconds=1), jitter=0)


class Upper(Streamlet):
    """Fails as its input says: `fail:<times>:<name>`, `reject`, `rubbish`, `forever`."""

    in_ = Inlet(bytes, delivery=Delivery(retry=TRIES))
    out = Outlet(bytes)
    tries: Counter[bytes]

    async def start(self) -> None:
        self.tries = Counter()

    @in_.each
    def shout(self, data: bytes, record: Record[bytes]) -> Any:
        self.tries[data] += 1
        if data.startswith(b"fail") and record.attempt <= int(data.split(b":")[1]):
            raise ValueError(f"try {record.attempt} of {data!r}")
        if data == b"reject":
            raise Reject("not today")
        if data == b"exit":
            sys.exit(4)
        if data == b"rubbish":
            return 17
        if data == b"forever":
            return self.forever()
        return self.out(data.upper())

    def forever(self) -> Iterator[Emission[bytes]]:
        while True:
            yield self.out(b"more")


@virtual_time
async def test_records_are_handled_written_and_committed() -> None:
    async with Engine(Upper) as engine:
        await engine.feed("in", b"a", b"b")
        await engine.run()
        assert engine.values("out") == [b"A", b"B"]
        assert (engine.counters.received, engine.counters.emitted) == (2, 2)
    assert await engine.committed("in") == {0: 2}


@virtual_time
async def test_an_emission_inherits_time_and_correlation_but_not_the_key() -> None:
    headers = [("correlation-id", b"c1"), ("traceparent", b"t1"), ("other", b"o")]
    async with Engine(Upper) as engine:
        await engine.feed("in", Fed(value=b"a", key=b"k", headers=headers, timestamp_ms=5))
        await engine.run()
        (record,) = engine.records("out")
    assert record.timestamp == 5
    assert record.key is None
    assert list(record.headers) == [("correlation-id", b"c1"), ("traceparent", b"t1")]


@virtual_time
async def test_a_handler_that_fails_is_tried_again() -> None:
    async with Engine(Upper) as engine:
        await engine.feed("in", b"fail:2:x", b"next")
        await engine.run()
        assert engine.values("out") == [b"FAIL:2:X", b"NEXT"]
        assert engine.counters.retried == 2
        assert engine.counters.received == 2
        assert engine.values("in-dead-letters") == []


@virtual_time
async def test_back_off_grows_from_try_to_try() -> None:
    async with Engine(Upper) as engine:
        began = asyncio.get_running_loop().time()
        await engine.feed("in", b"fail:9:x")
        await engine.run()
        assert 3 <= asyncio.get_running_loop().time() - began < 4  # 1 s and 2 s


@virtual_time
async def test_a_record_that_fails_every_try_is_dead_lettered_with_its_story() -> None:
    headers = [("correlation-id", b"c"), ("own", b"x")]
    async with Engine(Upper) as engine:
        await engine.feed(
            "in", b"a", Fed(value=b"fail:9:x", key=b"k", headers=headers, timestamp_ms=77)
        )
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        assert engine.values("out") == [b"A"]
        assert engine.counters.dead_lettered == 1
    assert (letter.key, letter.value, letter.timestamp) == (b"k", b"fail:9:x", 77)
    assert list(letter.headers)[:2] == headers
    told = {name: value.decode() for name, value in letter.headers if name.startswith("cloudflow-")}
    stack = told.pop("cloudflow-stack")
    assert "ValueError: try 3" in stack
    assert "in shout" in stack
    assert told == {
        "cloudflow-reason": "handler",
        "cloudflow-exception-type": "builtins.ValueError",
        "cloudflow-message": "try 3 of b'fail:9:x'",
        "cloudflow-streamlet": "worker",
        "cloudflow-inlet": "in",
        "cloudflow-attempts": "3",
        "cloudflow-original-topic": "in",
        "cloudflow-original-partition": "0",
        "cloudflow-original-offset": "1",
        "cloudflow-original-timestamp": "77",
        "cloudflow-application": "app",
    }
    assert await engine.committed("in") == {0: 2}


@virtual_time
async def test_the_warning_of_a_dead_letter_says_where_user_code_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Engine(Upper, config=a_config(Upper, delivery={"retry": {"attempts": 1}})) as engine:
        await engine.feed("in", b"fail:9:x", b"reject", b"exit")
        await engine.run()
    told = [one.getMessage() for one in caplog.records if "Dead-lettered" in one.message]
    numbers = [int(re.findall(r"test_delivery\.py:(\d+)\)$", one)[0]) for one in told]
    assert [getline(__file__, number).split("(")[0].strip() for number in numbers] == [
        "raise ValueError",
        "raise Reject",
        "sys.exit",
    ]


@virtual_time
async def test_a_rejected_record_is_not_tried_again() -> None:
    async with Engine(Upper) as engine:
        await engine.feed("in", b"reject", b"a")
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        assert dict(letter.headers)["cloudflow-reason"] == b"reject"
        assert engine.counters.retried == 0
        assert engine.values("out") == [b"A"]


@virtual_time
async def test_a_handler_that_exits_has_failed_and_the_process_goes_on() -> None:
    async with Engine(Upper, config=a_config(Upper, delivery={"retry": {"attempts": 1}})) as engine:
        await engine.feed("in", b"exit", b"a")
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        assert dict(letter.headers)["cloudflow-message"] == b"the code called sys.exit(4)"
        assert engine.values("out") == [b"A"]


@virtual_time
async def test_rubbish_from_a_handler_is_named_and_dead_lettered() -> None:
    async with Engine(Upper) as engine:
        await engine.feed("in", b"rubbish", b"a")
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        message = dict(letter.headers)["cloudflow-message"].decode()
        assert message.startswith(
            "Upper.shout returned a value of type int; return None, self.<outlet>(value)"
        )
        assert engine.values("out") == [b"A"]


@virtual_time
async def test_a_handler_that_yields_for_ever_is_cut_off_and_emits_nothing() -> None:
    async with Engine(Upper, config=a_config(Upper, settings={"max_emissions": 10})) as engine:
        await engine.feed("in", b"forever", b"a")
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        assert b"more than 10 emissions" in dict(letter.headers)["cloudflow-message"]
        assert engine.values("out") == [b"A"]


@virtual_time
async def test_a_skipped_record_is_counted_and_passed() -> None:
    config = a_config(Upper, delivery={"on_exhausted": "skip", "retry": {"attempts": 1}})
    async with Engine(Upper, config=config) as engine:
        await engine.feed("in", b"fail:9:x", b"a")
        await engine.run()
        assert engine.values("out") == [b"A"]
        assert engine.values("in-dead-letters") == []
        assert (engine.counters.skipped, engine.counters.retried) == (1, 0)


class StopsOnce(Streamlet):
    """Fails its first instance for good."""

    in_ = Inlet(bytes, delivery=Delivery(retry=Retry(attempts=1), on_exhausted="stop"))
    out = Outlet(bytes)
    instances = 0

    async def start(self) -> None:
        type(self).instances += 1

    @in_.each
    def go(self, data: bytes) -> Emission[bytes]:
        if data == b"bad" and self.instances == 1:
            raise ValueError("no")
        return self.out(data)


@virtual_time
async def test_stop_fails_the_streamlet_and_the_record_is_read_again() -> None:
    StopsOnce.instances = 0
    async with Engine(StopsOnce) as engine:
        await engine.feed("in", b"a", b"bad", b"b")
        await engine.run()
        assert set(engine.values("out")) == {b"a", b"bad", b"b"}
        assert engine.values("out").count(b"bad") == 1
        (replica,) = engine.replicas
        assert replica.restarts == 1
        assert "the policy is to stop: ValueError: no" in str(replica.error)
        assert engine.counters.failed == 1


@virtual_time
async def test_null_values_are_dead_lettered_unless_tombstones_are_wanted() -> None:
    async with Engine(Upper) as engine:
        await engine.feed("in", Fed(value=None, key=b"k"), b"a")
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        assert (letter.key, letter.value) == (b"k", None)
        assert dict(letter.headers)["cloudflow-reason"] == b"decode"
        assert engine.values("out") == [b"A"]


class Tombstones(Streamlet):
    """Passes tombstones on."""

    in_ = Inlet(bytes, tombstones=True)
    out = Outlet(bytes)

    @in_.each
    def go(self, data: bytes | None, record: Record[bytes | None]) -> Emission[Any]:
        if data is None:
            return self.out.tombstone(key=record.key)
        return self.out(data, key=record.key)


@virtual_time
async def test_tombstones_pass_through() -> None:
    async with Engine(Tombstones) as engine:
        await engine.feed("in", Fed(value=b"a", key=b"k"), Fed(value=None, key=b"k"))
        await engine.run()
        assert [(r.key, r.value) for r in engine.records("out")] == [(b"k", b"a"), (b"k", None)]


@virtual_time
async def test_an_output_too_large_for_the_broker_dead_letters_its_input() -> None:
    class Blows(Streamlet):
        in_ = Inlet(bytes)
        out = Outlet(bytes)

        @in_.each
        def go(self, data: bytes) -> Emission[bytes]:
            return self.out(data * 1000)

    async with Engine(Blows, broker=EmbeddedBroker(max_record_bytes=20_000)) as engine:
        await engine.feed("in", b"a", b"x" * 30, b"b")
        await engine.run()
        assert [v[:1] for v in engine.values("out") if v] == [b"a", b"b"]
        (letter,) = engine.records("in-dead-letters")
        assert letter.value == b"x" * 30
        assert dict(letter.headers)["cloudflow-reason"] == b"write"


@virtual_time
async def test_a_dead_letter_that_is_too_large_is_written_without_its_value() -> None:
    config = a_config(Upper, delivery={"retry": {"attempts": 1}})
    async with Engine(Upper, config=config, broker=EmbeddedBroker(max_record_bytes=9000)) as engine:
        await engine.feed("in", b"fail:9:" + b"x" * 8800, b"a")
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        assert letter.value is None
        assert dict(letter.headers)["cloudflow-omitted-value-bytes"] == b"8807"
        assert engine.values("out") == [b"A"]


@virtual_time
async def test_retries_hold_up_their_own_partition_only() -> None:
    async with Engine(Upper, partitions=2) as engine:
        await engine.feed("in", b"first")  # partition 1, then 0, in turn
        await engine.feed("in", b"fail:9:x")
        await engine.feed("in", *(bytes([65 + i % 26]) for i in range(50)))
        await asyncio.sleep(0.5)  # the first back-off is a second
        assert len(engine.values("out")) == 26
        await engine.run()
        assert len(engine.values("out")) == 51


@pytest.mark.parametrize(
    ("values", "packed"),
    [([b"small"], False), ([bytes(2000)], True), ([b"%d" % n for n in range(100)], True)],
)
def test_only_batches_that_are_worth_it_are_compressed(
    monkeypatch: pytest.MonkeyPatch, values: list[bytes], *, packed: bool
) -> None:
    made: list[bool] = []
    make = EmbeddedProducer.batch

    def watched(
        producer: EmbeddedProducer, topic: str, partition: int, *, packed: bool = True
    ) -> EmbeddedBatch:
        if topic == "out":
            made.append(packed)
        return make(producer, topic, partition, packed=packed)

    monkeypatch.setattr(EmbeddedProducer, "batch", watched)

    @virtual_time
    async def run() -> None:
        async with Engine(Upper) as engine:
            await engine.feed("in", *values)
            await engine.run()

    run()
    assert made == [packed]
