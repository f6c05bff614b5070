"""Kafka's own vectors: `UtilsTest.testMurmur2`, and what its default partitioner makes of them."""

from __future__ import annotations

import pytest

from streamlet_sdk.runtime.partitioner import murmur2, partition_of

VECTORS = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("key", "digest"), VECTORS)
def test_murmur2_agrees_with_kafka(key: bytes, digest: int) -> None:
    assert murmur2(key) == digest


@pytest.mark.parametrize(("key", "digest"), VECTORS)
def test_a_negative_hash_loses_its_sign_as_in_kafka(key: bytes, digest: int) -> None:
    assert partition_of(key, 7) == (digest & 0x7FFFFFFF) % 7


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_every_partition_is_used_and_none_beyond(count: int) -> None:
    used = {partition_of(b"key-%d" % number, count) for number in range(500)}
    assert used == set(range(count))


# What `BuiltInPartitioner.partitionForKey` of kafka-clients 4.1 answers for 3, 12 and 1,000.
JAVA = {
    "": (0, 9, 681),
    "a": (1, 4, 524),
    "ab": (2, 2, 434),
    "abc": (0, 3, 107),
    "abcd": (2, 8, 100),
    "turbine-7": (0, 0, 204),
    "turbine-42": (0, 3, 47),
    "customer/0001234": (2, 2, 822),
    "ключ": (2, 8, 24),
    "日本語": (1, 10, 170),
    "\x00\xff": (2, 11, 647),
    "d290f1ee-6c54-4b01-90e6-d701748f0851": (0, 6, 790),
}


@pytest.mark.parametrize("key", JAVA)
def test_a_java_client_chooses_the_same_partitions(key: str) -> None:
    assert tuple(partition_of(key.encode(), count) for count in (3, 12, 1000)) == JAVA[key]
