"""Schemas at run time: published before the first record, waited for, evolved, in conflict."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel

from streamlet_sdk import Avro, Emission, Inlet, Outlet, Streamlet, source
from streamlet_sdk.broker import EmbeddedBroker
from streamlet_sdk.errors import SchemaConflictError
from streamlet_sdk.local.wires import Fed
from streamlet_sdk.runtime.partitioner import partition_of
from support.engine import Engine, a_config
from support.outside import Outside, avro
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SCHEMAS = "_cloudflow.schemas"


class Reading(BaseModel):
    """The newest version: `unit` was added, `device` was called `name` once."""

    __avro__: ClassVar[Avro] = Avro(namespace="plant")
    device: Annotated[str, Avro(aliases=("name",))]
    power: int
    unit: str = "kW"


def record(*fields: tuple[str, Any]) -> dict[str, Any]:
    """A version of the schema of readings."""
    described = [{"name": name, "type": type_} for name, type_ in fields]
    return {"type": "record", "name": "plant.Reading", "fields": described}


FIRST = avro(record(("name", "string"), ("power", "int")))
SECOND = avro(record(("power", "int"), ("device", "string"), ("site", "string")))
STRANGE = avro(record(("device", "string")))
NOW = avro(record(("device", "string"), ("power", "long"), ("unit", "string")))


class Reads(Streamlet):
    """Writes what it understood."""

    in_ = Inlet(Reading)
    out = Outlet(bytes)

    @in_.each
    def go(self, reading: Reading) -> Emission[bytes]:
        return self.out(f"{reading.device} {reading.power} {reading.unit}".encode())


def key_to(partition: int) -> bytes:
    """A key that goes to `partition` of two."""
    return next(k for k in (b"a", b"b", b"c", b"d") if partition_of(k, 2) == partition)


@virtual_time
async def test_a_partition_waits_for_its_writers_schema_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Engine(Reads, partitions=2) as engine:
        outside = Outside(engine.broker)
        await outside.start()
        early = FIRST.encode({"name": "early", "power": 1})
        known = NOW.encode({"device": "known", "power": 2, "unit": "W"})
        await engine.feed("in", Fed(key=key_to(0), value=early), Fed(key=key_to(1), value=known))
        await asyncio.sleep(30)
        assert engine.values("out") == [b"known 2 W"]
        assert f"in/0@0 waits for the schema {FIRST.schema.fingerprint}" in caplog.text
        await engine.feed("in", Fed(key=key_to(1), value=known))
        await outside.publish(FIRST)
        await engine.run()
        assert sorted(map(str, engine.values("out"))) == [
            "b'early 1 kW'",
            "b'known 2 W'",
            "b'known 2 W'",
        ]
        assert engine.counters.dead_lettered == 0
        await outside.stop()


@virtual_time
async def test_a_writer_who_is_never_heard_of_costs_one_wait_and_dead_letters() -> None:
    async with Engine(Reads, config=a_config(Reads, settings={"schema_timeout": 60})) as engine:
        lost = [FIRST.encode({"name": str(n), "power": n}) for n in range(5)]
        await engine.feed("in", *lost, NOW.encode({"device": "d", "power": 1, "unit": "W"}))
        await asyncio.sleep(59)
        assert engine.counters.dead_lettered == 0
        await asyncio.sleep(3)
        assert engine.values("in-dead-letters") == lost
        told = dict(engine.records("in-dead-letters")[0].headers)
        assert told["cloudflow-reason"] == b"decode"
        assert FIRST.schema.fingerprint.encode() in told["cloudflow-message"]
        assert engine.values("out") == [b"d 1 W"]


@virtual_time
async def test_a_stop_does_not_wait_for_a_schema() -> None:
    config = a_config(Reads, settings={"schema_timeout": 60, "drain_timeout": 40})
    async with Engine(Reads, config=config) as engine:
        await engine.feed("in", FIRST.encode({"name": "n", "power": 1}))
        await asyncio.sleep(30)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 10
    assert engine.values("in-dead-letters") == []
    assert (await engine.committed("in")).get(0, 0) == 0


@virtual_time
async def test_old_and_new_writers_share_a_topic() -> None:
    async with Engine(Reads) as engine:
        outside = Outside(engine.broker)
        await outside.start()
        for codec in (FIRST, SECOND):
            await outside.publish(codec)
        await engine.feed(
            "in",
            FIRST.encode({"name": "a", "power": 1}),
            SECOND.encode({"power": 2, "device": "b", "site": "north"}),
            NOW.encode({"device": "c", "power": 1 << 40, "unit": "W"}),
            FIRST.encode({"name": "d", "power": 4}),
        )
        await engine.run()
        assert engine.values("out") == [
            b"a 1 kW",
            b"b 2 kW",
            f"c {1 << 40} W".encode(),
            b"d 4 kW",
        ]
        await outside.stop()


class Oldest(BaseModel):
    """What a reader knew before `unit` was added."""

    __avro__: ClassVar[Avro] = Avro(namespace="plant", name="Reading")
    device: str
    power: int


class OldReads(Streamlet):
    """An old reader of new records."""

    in_ = Inlet(Oldest)
    out = Outlet(bytes)

    @in_.each
    def go(self, reading: Oldest) -> Emission[bytes]:
        return self.out(f"{reading.device} {reading.power}".encode())


@virtual_time
async def test_an_old_reader_reads_a_new_writer() -> None:
    async with Engine(OldReads) as engine:
        outside = Outside(engine.broker)
        await outside.start()
        await outside.publish(NOW)
        await engine.feed("in", NOW.encode({"device": "c", "power": 3, "unit": "W"}))
        await engine.run()
        assert engine.values("out") == [b"c 3"]
        await outside.stop()


class Writes(Streamlet):
    """Writes one reading."""

    out = Outlet(Reading)

    @source
    async def go(self) -> AsyncIterator[Emission[Reading]]:
        yield self.out(Reading(device="d", power=1))


@virtual_time
async def test_a_schema_is_there_before_the_first_record_once_for_all_replicas() -> None:
    engine = Engine(Writes, replicas=3)
    async with engine:
        await engine.run()
        admin = engine.application.cluster.transport.admin()
        made = (await admin.topics([SCHEMAS]))[SCHEMAS]
        await admin.close()
    assert made is not None
    assert (made.partitions, made.config["cleanup.policy"]) == (1, "compact")
    written = engine.broker.topic(SCHEMAS).records()
    assert [entry.key for entry in written] == [NOW.schema.fingerprint.encode()]
    assert len(engine.values("out")) == 3

    broker, values = EmbeddedBroker(), engine.values("out")
    outside = Outside(broker)
    await outside.start()
    await outside.write(SCHEMAS, Fed(key=written[0].key, value=written[0].value))
    async with Engine(Reads, broker=broker) as reader:
        await reader.feed("in", *(value for value in values if value is not None))
        await reader.run()
        assert reader.values("out") == [b"d 1 kW"] * 3
        await outside.stop()


@virtual_time
async def test_a_writer_that_comes_again_writes_no_second_schema() -> None:
    broker = EmbeddedBroker()
    for name in ("first", "second"):
        process = Outside(broker, name)
        await process.start()
        await process.publish(FIRST)
        await process.stop()
    assert len(broker.topic(SCHEMAS).records()) == 1
    await broker.close()


@virtual_time
async def test_many_processes_that_publish_at_once_agree_on_one_record() -> None:
    broker = EmbeddedBroker()
    processes = [Outside(broker, str(number)) for number in range(8)]
    await asyncio.gather(*(process.start() for process in processes))
    await asyncio.gather(*(process.publish(FIRST) for process in processes))
    broker.topic(SCHEMAS).compact()
    (written,) = broker.topic(SCHEMAS).records()
    assert written.value == FIRST.schema.text.encode()
    for process in processes:
        await process.stop()
    await broker.close()


MILLIS = avro(record(("at", {"type": "long", "logicalType": "timestamp-millis"})))
MICROS = avro(record(("at", {"type": "long", "logicalType": "timestamp-micros"})))


@virtual_time
async def test_of_two_conflicting_writers_at_the_same_moment_the_first_one_counts() -> None:
    broker = EmbeddedBroker()
    one, other = Outside(broker, "one"), Outside(broker, "other")
    await asyncio.gather(one.start(), other.start())
    codecs = (MILLIS, MICROS)
    results = await asyncio.gather(
        one.publish(MILLIS), other.publish(MICROS), return_exceptions=True
    )
    await asyncio.sleep(5)
    refused = [index for index, result in enumerate(results) if result is not None]
    assert len(refused) == 1
    assert isinstance(results[refused[0]], SchemaConflictError)
    winner, loser = codecs[1 - refused[0]], codecs[refused[0]]
    broker.topic(SCHEMAS).compact()
    late = Outside(broker, "late")
    await late.start()
    await late.publish(winner)
    with pytest.raises(SchemaConflictError, match="timestamp"):
        await late.publish(loser)
    for process in (one, other, late):
        await process.stop()
    await broker.close()


@virtual_time
async def test_a_streamlet_whose_logical_types_changed_refuses_to_start() -> None:
    broker = EmbeddedBroker()
    outside = Outside(broker)
    await outside.start()
    await outside.publish(
        avro(
            record(
                ("device", "string"),
                ("power", {"type": "long", "logicalType": "timestamp-millis"}),
                ("unit", "string"),
            )
        )
    )
    async with Engine(Writes, broker=broker) as engine:
        (replica,) = engine.replicas
        assert isinstance(replica.error, SchemaConflictError)
        assert "value.power is timestamp-millis there and plain here" in str(replica.error)
        assert engine.values("out") == []
        await outside.stop()


class Event(BaseModel):
    """What a reader takes the records of `MILLIS` and of `MICROS` for."""

    __avro__: ClassVar[Avro] = Avro(namespace="plant", name="Reading")
    at: Annotated[datetime, Avro(logical="timestamp-millis")]


class Dates(Streamlet):
    """Writes the year that it understood."""

    in_ = Inlet(Event)
    out = Outlet(bytes)

    @in_.each
    def go(self, event: Event) -> Emission[bytes]:
        return self.out(str(event.at.year).encode())


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@virtual_time
async def test_a_running_reader_never_takes_a_writer_with_other_logical_types_for_its_own() -> None:
    async with Engine(Dates) as engine:
        outside = Outside(engine.broker)
        await outside.start()
        await outside.publish(MICROS)
        # At the same moment: the reader meets the record before it is told of the schema.
        await engine.feed("in", MICROS.encode({"at": NOON}))
        await engine.run()
        (letter,) = engine.records("in-dead-letters")
        message = dict(letter.headers)["cloudflow-message"]
        assert b"timestamp-micros was written, timestamp-millis is expected" in message
        assert engine.values("out") == []
        await outside.stop()


@virtual_time
async def test_records_without_any_published_schema_are_read_until_another_is_published() -> None:
    async with Engine(Dates) as engine:
        await engine.feed("in", MILLIS.encode({"at": NOON}))
        await engine.run()
        assert engine.values("out") == [b"2026"]
        outside = Outside(engine.broker)
        await outside.start()
        await outside.publish(MICROS)
        await asyncio.sleep(1)
        await engine.feed("in", MICROS.encode({"at": NOON}))
        await engine.run()
        assert engine.values("out") == [b"2026"]
        assert len(engine.records("in-dead-letters")) == 1
        await outside.stop()


class ListsOfDates(Streamlet):
    """Writes how many records came at once."""

    in_ = Inlet(Event)
    out = Outlet(bytes)

    @in_.batches(max_records=50)
    def count(self, events: list[Event]) -> Emission[bytes]:
        return self.out(str(len(events)).encode())


@virtual_time
async def test_a_list_waits_once_for_the_schema_of_its_records_and_is_handled_as_one() -> None:
    async with Engine(ListsOfDates) as engine:
        await engine.feed("in", *[MILLIS.encode({"at": NOON})] * 100)
        await engine.run()
        assert engine.values("out") == [b"50", b"50"]


@virtual_time
async def test_a_schema_that_comes_after_an_outage_ends_the_wait() -> None:
    async with Engine(Reads) as engine:
        outside = Outside(engine.broker)
        await outside.start()
        await engine.feed("in", FIRST.encode({"name": "n", "power": 1}))
        await asyncio.sleep(1)
        engine.broker.faults.cut()
        await asyncio.sleep(20)
        engine.broker.faults.restore()
        await outside.publish(FIRST)
        await engine.run()
        assert engine.values("out") == [b"n 1 kW"]
        assert engine.counters.dead_lettered == 0
        await outside.stop()


@virtual_time
async def test_a_schema_under_a_wrong_fingerprint_is_not_used_and_stops_nobody() -> None:
    broker = EmbeddedBroker()
    outside = Outside(broker)
    await outside.start()
    key = FIRST.schema.fingerprint.encode()
    await outside.write(SCHEMAS, Fed(key=key, value=SECOND.schema.text.encode()))
    await outside.write(SCHEMAS, Fed(key=key, value=b"\xff no schema"), Fed(key=b"\xff", value=b""))
    assert not await outside.cluster.schemas.known(
        FIRST.schema.fingerprint, a_config(Reads).settings.schema_timeout
    )
    await outside.publish(FIRST)
    late = Outside(broker, "late")
    await late.start()
    assert late.cluster.schemas.book.text(FIRST.schema.fingerprint) == FIRST.schema.text
    await late.publish(FIRST)
    await outside.stop()
    await late.stop()
    await broker.close()


GOOD = NOW.encode({"device": "d", "power": 1, "unit": "W"})
UNUSABLE = {
    "empty": b"",
    "text": b"hello, this is text",
    "cut short": GOOD[:-1],
    "too long": GOOD + b"\0",
    "nothing behind the header": GOOD[:10],
}


@pytest.mark.parametrize("data", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_bytes_that_do_not_decode_are_dead_lettered_as_they_are(data: bytes) -> None:
    @virtual_time
    async def run() -> None:
        async with Engine(Reads) as engine:
            await engine.feed("in", GOOD, Fed(key=b"\xff\xfe", value=data), GOOD)
            await engine.run()
            (letter,) = engine.records("in-dead-letters")
            assert (letter.key, letter.value) == (b"\xff\xfe", data)
            assert dict(letter.headers)["cloudflow-reason"] == b"decode"
            assert engine.values("out") == [b"d 1 W"] * 2
            assert engine.counters.retried == 0

    run()


@virtual_time
async def test_a_schema_that_cannot_be_resolved_dead_letters_without_a_wait() -> None:
    async with Engine(Reads) as engine:
        outside = Outside(engine.broker)
        await outside.start()
        await outside.publish(STRANGE)
        await engine.feed("in", STRANGE.encode({"device": "d"}), GOOD)
        await asyncio.sleep(2)
        (letter,) = engine.records("in-dead-letters")
        assert b"power" in dict(letter.headers)["cloudflow-message"]
        assert engine.values("out") == [b"d 1 W"]
        await outside.stop()


class Repairs(Reads):
    """Repairs what begins with `fix`, fails on what begins with `fail`, gives up the rest."""

    @Reads.in_.undecodable
    def repair(self, data: bytes, error: Exception) -> Reading | None:
        if data.startswith(b"fail"):
            raise ZeroDivisionError("in the repair")
        return Reading(device=data.decode(), power=0) if data.startswith(b"fix") else None


@virtual_time
async def test_what_does_not_decode_may_be_repaired_given_up_or_fail_again() -> None:
    async with Engine(Repairs) as engine:
        await engine.feed("in", b"fixed", b"failed", b"rest", GOOD)
        await engine.run()
        assert engine.values("out") == [b"fixed 0 kW", b"d 1 W"]
        failed, rest = engine.records("in-dead-letters")
        assert dict(failed.headers)["cloudflow-message"] == b"in the repair"
        assert dict(rest.headers)["cloudflow-reason"] == b"decode"
    assert await engine.committed("in") == {0: 4}


class Whole(Streamlet):
    """Passes bytes on."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    @in_.each
    def go(self, data: bytes) -> Emission[bytes]:
        return self.out(data)


@virtual_time
async def test_a_value_of_twenty_megabytes_passes_where_the_broker_takes_it() -> None:
    large = bytes(20 * 1024 * 1024)
    async with Engine(Whole, broker=EmbeddedBroker(max_record_bytes=21 * 1024 * 1024)) as engine:
        await engine.feed("in", b"before", large, large, b"after")
        await engine.run()
        assert [len(value or b"") for value in engine.values("out")] == [6, *[len(large)] * 2, 5]
