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
