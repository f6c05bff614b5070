"""One topic as a test sees it: values go in, records come out, in the topic's own schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from streamlet_sdk.errors import SerdeError
from streamlet_sdk.local.wires import Fed
from streamlet_sdk.problems import closest
from streamlet_sdk.records import Key, Record, key_bytes
from streamlet_sdk.runtime.ports import codec_with

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from streamlet_sdk.ports import HeaderValues, Inlet, Outlet
    from streamlet_sdk.serde import PortCodec
    from streamlet_sdk.testing.bench import Bench

T = TypeVar("T")


class Extras(TypedDict, total=False):
    """What may be fed with a value.

    Keys:
        key: of every value, or a function that makes it of each; values without a key go to the
            partitions in turn.
        headers: of every value.
        timestamp_ms: milliseconds since the epoch; the time of the kit when absent.
    """

    key: Key | Callable[[Any], Key]
    headers: HeaderValues
    timestamp_ms: int


@dataclass(frozen=True)
class Wire:
    """A topic and the ports whose schemas it may be read and written in, the best one first."""

    bench: Bench
    topic: str
    ports: Sequence[Inlet[Any] | Outlet[Any]]

    def feed(self, values: Sequence[Any], extras: Extras) -> None:
        """Write values; a `Record` brings its key, headers and time along.

        Raises:
            EncodeError: when a value fits no port.
        """
        self.bench.feed(self.topic, self._codecs, [self._fed(value, extras) for value in values])

    def feed_raw(self, values: Sequence[bytes | None], extras: Extras) -> None:
        """Write bytes as they are; None is a record without a value."""
        records = [self._made(data, data, extras) for data in values]
        self.bench.feed(self.topic, self._codecs, records)

    def received(self) -> list[Record[Any]]:
        """All records, partition by partition.

        Raises:
            DecodeError: when one is in the schema of none of the ports.
        """
        return [
            Record(
                self.decoded(one.value),
                one.key,
                one.headers,
                one.timestamp,
                self.topic,
                one.partition,
                one.offset,
            )
            for one in self.bench.records(self.topic)
        ]

    def decoded(self, data: bytes | None) -> Any:
        """The value in `data`; None for a tombstone."""
        return None if data is None else _first([one.decode for one in self._codecs], data)

    def _fed(self, value: Any, extras: Extras) -> Fed:
        if not isinstance(value, Record):
            return self._made(value, self._encoded(value), extras)
        return Fed(
            value=self._encoded(value.value),
            key=value.key,
            headers=value.headers,
            timestamp_ms=value.timestamp_ms,
        )

    def _made(self, value: Any, data: bytes | None, extras: Extras) -> Fed:
        key = extras.get("key")
        headers = extras.get("headers", {})
        return Fed(
            value=data,
            key=key_bytes(key(value) if callable(key) else key),
            headers=[
                (name, text.encode() if isinstance(text, str) else text)
                for name, text in headers.items()
            ],
            timestamp_ms=extras.get("timestamp_ms", self.bench.now_ms),
        )

    def _encoded(self, value: Any) -> bytes | None:
        if value is None and any(getattr(port, "tombstones", False) for port in self.ports):
            return None
        try:
            data: bytes = _first([one.encode for one in self._codecs], value)
        except SerdeError as error:
            if isinstance(value, list | tuple):
                error.add_note(f"Each value is fed by itself: feed({self.topic!r}, *values).")
            raise
        return data

    @cached_property
    def _codecs(self) -> Sequence[PortCodec[Any]]:
        return [codec_with(port, self.bench.schemas) for port in self.ports]


def found(known: Mapping[str, T], name: str, what: str) -> T:
    """The one of `known` with that name.

    Raises:
        LookupError: when there is none, with the name that was probably meant.
    """
    if name not in known:
        raise LookupError(unknown(what, name, known))
    return known[name]


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """What to say of a name that does not exist."""
    meant = closest(name, known)
    hint = f"did you mean {meant!r}?" if meant else f"there is {', '.join(known) or 'none'}"
    return f"there is no {what} {name!r}; {hint}"


def _first(calls: Sequence[Callable[[Any], Any]], given: Any) -> Any:
    """What the first call returns that takes `given`; the error of the first if none does.

    Without calls it is what was given: dead letters that nobody reads are in no schema.
    """
    errors: list[SerdeError] = []
    for call in calls:
        try:
            return call(given)
        except SerdeError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return given
