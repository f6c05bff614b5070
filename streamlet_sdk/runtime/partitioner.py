"""Which partition a key belongs to: Kafka's own murmur2, so that other clients agree.

The engine calls this and caches the answers: murmur2 in Python costs microseconds. Records
without a key are not placed here; the engine spreads those batch by batch.
"""

from __future__ import annotations

from struct import unpack_from
from typing import Final

_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_SIGN: Final = 0x80000000


def murmur2(key: bytes) -> int:
    """The 32-bit murmur2 hash of `key`, signed as in Kafka's `Utils.murmur2`."""
    length = len(key)
    words = length // 4
    digest = _SEED ^ length
    for word in unpack_from(f"<{words}I", key):
        mixed = (word * _MULTIPLIER) & _WORD
        mixed = ((mixed ^ (mixed >> 24)) * _MULTIPLIER) & _WORD
        digest = ((digest * _MULTIPLIER) & _WORD) ^ mixed
    if length % 4:
        digest ^= int.from_bytes(key[4 * words :], "little")
        digest = (digest * _MULTIPLIER) & _WORD
    digest = ((digest ^ (digest >> 13)) * _MULTIPLIER) & _WORD
    digest ^= digest >> 15
    return digest - 2 * _SIGN if digest & _SIGN else digest


def partition_of(key: bytes, count: int) -> int:
    """The partition of `key` among `count` partitions, as Kafka's default partitioner decides."""
    return (murmur2(key) & 0x7FFFFFFF) % count
