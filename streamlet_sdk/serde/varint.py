"""Whole numbers of variable length, zig-zag, as Avro writes int and long."""

from __future__ import annotations

from typing import Final

_CONTINUED: Final = 0x80
_PAYLOAD: Final = 0x7F
_LONG_BYTES: Final = 10
_LONG_BITS: Final = 64


def long_bytes(number: int) -> bytes:
    """The bytes of `number`.

    Raises:
        OverflowError: when it has more than 64 bits.
    """
    rest = number << 1 if number >= 0 else ~(number << 1)
    if rest >> _LONG_BITS:
        raise OverflowError("the number is too large for long")
    out = bytearray()
    while rest > _PAYLOAD:
        out.append(rest & _PAYLOAD | _CONTINUED)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def read_long(data: bytes, start: int) -> tuple[int, int]:
    """The number at `start`, and the position behind it.

    Raises:
        IndexError: when the data end in it.
        ValueError: when it has more than 64 bits.
    """
    number = shift = 0
    part = data[start : start + _LONG_BYTES]
    for byte in part:
        number |= (byte & _PAYLOAD) << shift
        shift += 7
        if byte < _CONTINUED:
            if number >> _LONG_BITS:
                raise ValueError("a number has more than 64 bits")
            return number >> 1 ^ -(number & 1), start + shift // 7
    if len(part) < _LONG_BYTES:
        raise IndexError("the data end in a number")
    raise ValueError("a number has more than ten bytes")


def read_size(data: bytes, start: int) -> tuple[int, int]:
    """As `read_long`, for sizes and positions.

    Raises:
        ValueError: also when it is negative.
    """
    size, position = read_long(data, start)
    if size < 0:
        raise ValueError("a size is negative")
    return size, position
