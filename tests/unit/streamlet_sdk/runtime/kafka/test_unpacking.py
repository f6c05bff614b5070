"""Records come out of a fetched partition as they went in, few at a time, and nothing is kept."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streamlet_sdk.runtime.kafka.unpacking import Unpacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.runtime.transport import RawRecord

ROOM = 1 << 30


def batch(first: int, count: int, *, damaged: bool = False) -> bytes:
    """A batch of `count` records from offset `first` on."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=0,
        batch_size=1 << 24,
    )
    for number in range(count):
        assert builder.append(number, 1, b"k", b"%d" % (first + number), []) is not None
    made = bytearray(builder.build())
    made[:8] = first.to_bytes(8, "big")  # the broker does so; no checksum covers it
    if damaged:
        made[-3] ^= 0xFF
    return bytes(made)


def fetched(*batches: bytes, start: int = 0) -> Any:
    """What aiokafka keeps of a response."""
    records = MemoryRecords(b"".join(batches))
    place = TopicPartition("t", 0)
    return PartitionRecords(
        place, records, [], start, None, None, check_crcs=True, isolation_level=READ_COMMITTED
    )


def offsets(records: list[RawRecord]) -> list[int]:
    return [record.offset for record in records]


@pytest.mark.parametrize("credit", [1, 7, 500, 501, 5000])
def test_every_record_comes_once_whatever_is_taken_at_a_time(credit: int) -> None:
    rows = fetched(batch(0, 1200), batch(1200, 3))
    unpacking = Unpacking(rows)
    found: list[int] = []
    while not unpacking.is_exhausted:
        part: list[RawRecord] = []
        unpacking.take(credit, ROOM, part)
        assert len(part) <= credit
        found += offsets(part)
        assert rows.next_fetch_offset == (found[-1] + 1 if found else 0)
    assert found == list(range(1203))


def test_bytes_are_those_of_keys_and_values_and_bound_what_is_taken() -> None:
    unpacking = Unpacking(fetched(batch(0, 1000)))
    part: list[RawRecord] = []
    size = unpacking.take(5000, 100, part)
    assert size == sum(len(record.key or b"") + len(record.value or b"") for record in part)
    assert 0 < len(part) <= 500


def test_what_lies_before_the_place_that_was_asked_for_is_left_out() -> None:
    part: list[RawRecord] = []
    Unpacking(fetched(batch(0, 1200), start=700)).take(5000, ROOM, part)
    assert offsets(part) == list(range(700, 1200))


def test_what_lies_before_a_damage_comes_and_nothing_behind_it() -> None:
    unpacking = Unpacking(fetched(batch(0, 5), batch(5, 5, damaged=True), batch(10, 5)))
    part: list[RawRecord] = []
    unpacking.take(100, ROOM, part)
    assert offsets(part) == [0, 1, 2, 3, 4]
    assert unpacking.is_exhausted
    assert "CRC" in str(unpacking.damage)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Objects live until nothing names them, not until the collector comes."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_what_was_fetched_goes_at_once_when_it_is_dropped() -> None:
    rows = fetched(batch(0, 10))
    unpacking = Unpacking(rows)
    unpacking.take(5, ROOM, [])
    alive = weakref.ref(rows)
    del rows, unpacking
    assert alive() is None
