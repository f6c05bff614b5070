"""Logical types: Python values to what Avro writes, and back.

Every function raises ValueError, TypeError or OverflowError for a value that does not fit. A
`datetime` has a time zone in the timestamp types and has none in the local ones; nothing is ever
read in the zone of the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from streamlet_sdk.serde.nodes import Fixed, Logical, Node, Primitive

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LOCAL_EPOCH: Final = EPOCH.replace(tzinfo=None)
MILLISECOND: Final = timedelta(milliseconds=1)
MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_DAY_MICROSECONDS: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Conversion:
    """Both ways between a Python value and the value of the underlying Avro type."""

    python: type
    to_raw: Callable[[Any], Any]
    from_raw: Callable[[Any], Any]


def conversion(node: Node) -> Conversion | None:
    """How values of `node` are converted; None when they are those of the underlying type."""
    if not isinstance(node, Primitive | Fixed) or node.logical is None:
        return None
    if node.logical.name == "decimal":
        return _decimal(node.logical, node.size if isinstance(node, Fixed) else None)
    if node.logical.name == "uuid":
        return _FIXED_UUID if isinstance(node, Fixed) else _UUID
    return TEMPORAL.get(node.logical.name)


def to_uuid(value: Any) -> UUID:
    """`value` itself, or the UUID that a text of 32 digits stands for."""
    return value if isinstance(value, UUID) else UUID(value)


def _timestamp(epoch: datetime, unit: timedelta) -> Conversion:
    scale = unit // MICROSECOND

    def to_raw(value: datetime) -> int:
        if (value.tzinfo is None) != (epoch.tzinfo is None):
            wanted = "no time zone" if epoch.tzinfo is None else "a time zone"
            raise ValueError(f"a datetime with {wanted} is needed here")
        return (value - epoch) // unit

    def from_raw(raw: int) -> datetime:
        return epoch + timedelta(0, 0, raw * scale)

    return Conversion(datetime, to_raw, from_raw)


def _date_to_raw(value: date) -> int:
    if isinstance(value, datetime):
        raise TypeError("a date is needed here, without a time")
    return value.toordinal() - _EPOCH_DAY


def _date_from_raw(raw: int) -> date:
    return date.fromordinal(raw + _EPOCH_DAY)


def _time_to_raw(unit_microseconds: int, value: time) -> int:
    if value.tzinfo is not None:
        raise ValueError("a time without a time zone is needed here")
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return (seconds * 1_000_000 + value.microsecond) // unit_microseconds


def _time_from_raw(unit_microseconds: int, raw: int) -> time:
    microseconds = raw * unit_microseconds
    if not 0 <= microseconds < _DAY_MICROSECONDS:
        raise ValueError(f"{raw} is not a time of day")
    return (LOCAL_EPOCH + timedelta(0, 0, microseconds)).time()


def unscaled(value: Decimal, logical: Logical) -> int:
    """`value` without its point, as the decimal of `logical` stores it; exact."""
    if not value.is_finite():
        raise ValueError(f"{value} is no number")
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits)))
    shift = int(exponent) + logical.scale
    limit = logical.precision or 0
    if number and len(digits) + shift > limit:
        raise ValueError(f"it has more digits than {logical} takes")
    if number and shift < 0:
        number, rest = divmod(number, 10 ** min(-shift, len(digits) + 1))
        if rest:
            raise ValueError(f"it has more digits after the point than {logical} takes")
    elif number:
        number *= 10**shift
    return -number if sign else number


def _decimal(logical: Logical, size_bytes: int | None) -> Conversion:
    precision = logical.precision or 0
    limit = 10**precision
    context = Context(prec=precision + 1)

    def to_raw(value: Decimal) -> bytes:
        if not isinstance(value, Decimal):
            raise TypeError(f"a Decimal is needed here, not a {type(value).__name__}")
        number = unscaled(value, logical)
        shortest = (number if number >= 0 else ~number).bit_length() // 8 + 1
        return number.to_bytes(size_bytes or shortest, "big", signed=True)

    def from_raw(raw: bytes) -> Decimal:
        number = int.from_bytes(raw, "big", signed=True)
        if not -limit < number < limit:
            raise ValueError(f"a number has more digits than {logical} has")
        return Decimal(number).scaleb(-logical.scale, context)

    return Conversion(Decimal, to_raw, from_raw)


def _uuid_bytes(value: Any) -> bytes:
    return to_uuid(value).bytes


def _uuid_text(value: Any) -> str:
    return str(to_uuid(value))


_UUID: Final = Conversion(UUID, _uuid_text, UUID)
_FIXED_UUID: Final = Conversion(UUID, _uuid_bytes, lambda raw: UUID(bytes=raw))
TEMPORAL: Final[dict[str, Conversion]] = {
    "timestamp-millis": _timestamp(EPOCH, MILLISECOND),
    "timestamp-micros": _timestamp(EPOCH, MICROSECOND),
    "local-timestamp-millis": _timestamp(LOCAL_EPOCH, MILLISECOND),
    "local-timestamp-micros": _timestamp(LOCAL_EPOCH, MICROSECOND),
    "date": Conversion(date, _date_to_raw, _date_from_raw),
    "time-millis": Conversion(time, partial(_time_to_raw, 1000), partial(_time_from_raw, 1000)),
    "time-micros": Conversion(time, partial(_time_to_raw, 1), partial(_time_from_raw, 1)),
}
