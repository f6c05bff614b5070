"""Emissions become entries: encode, choose the partition, inherit headers and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from streamlet_sdk.errors import EncodeError
from streamlet_sdk.runtime.outbox import Entry
from streamlet_sdk.runtime.partitioner import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streamlet_sdk.contract import Binding
    from streamlet_sdk.records import Emission
    from streamlet_sdk.runtime.counters import OutletCounters
    from streamlet_sdk.runtime.offsets import Owner
    from streamlet_sdk.runtime.outbox import Destination, Outbox
    from streamlet_sdk.runtime.transport import Headers, RawRecord

CORRELATION_ID = "correlation-id"
# What passes from an input to its emissions; all else belongs to one record alone.
INHERITED = frozenset({CORRELATION_ID, "traceparent", "tracestate", "baggage"})
# Distinct keys whose partition is remembered; murmur2 in Python costs up to 6 µs a key.
REMEMBERED_KEYS = 20_000


# An emission, its value's bytes (None for a tombstone), and the input that caused it.
Encoded: TypeAlias = "tuple[Emission[Any], bytes | None, RawRecord | None]"
_new = tuple.__new__


class OutletWriter:
    """Writes the emissions of one outlet to its topic."""

    def __init__(
        self,
        outbox: Outbox,
        binding: Binding,
        partitions: int,
        encode: Callable[[Any], bytes],
        *,
        counters: OutletCounters,
    ) -> None:
        """Write to the topic of `binding`, which has `partitions` partitions."""
        self._counters = counters
        self.binding = binding
        self.encode = encode
        self._outbox = outbox
        self._by_key: dict[bytes, Destination] = {}
        self._destinations: list[Destination] = []
        self._sticky: Destination
        self.grow(partitions)

    def grow(self, partitions: int) -> None:
        """The topic has `partitions` partitions now."""
        if partitions == len(self._destinations):
            return
        self._destinations = [
            self._outbox.destination(self.binding, partition, self._counters)
            for partition in range(partitions)
        ]
        self._by_key.clear()
        self._sticky = self._destinations[0]
        self._sticky.sticky = self._rotate

    def put(
        self, emission: Emission[Any], value: bytes | None, owner: Owner, source: RawRecord | None
    ) -> Destination:
        """Send one emission whose value is encoded; where it goes."""
        (entry,) = self._entries([(emission, value, source)], owner)
        return self.put_entry(entry)

    def put_entry(self, entry: Entry) -> Destination:
        """Send an entry as it is, to the partition of its key."""
        destination = self._sticky if entry.key is None else self._keyed(entry.key)
        self._send(destination, [entry], entry.owner)
        return destination

    def put_all(self, encoded: Sequence[Encoded], owner: Owner) -> None:
        """Send emissions of one owner; those without a key stay together."""
        entries = self._entries(encoded, owner)
        keyed: dict[Destination, list[Entry]] = {}
        loose = [entry for entry in entries if entry[0] is None]
        if len(loose) < len(entries):
            for entry in entries:
                if (key := entry[0]) is not None:
                    keyed.setdefault(self._keyed(key), []).append(entry)
        if loose:
            self._send(self._sticky, loose, owner)
        for destination, mine in keyed.items():
            self._send(destination, mine, owner)

    def _entries(self, encoded: Sequence[Encoded], owner: Owner) -> list[Entry]:
        now_ms = self._outbox.now_ms()
        entries: list[Entry] = []
        append = entries.append
        for emission, value, source in encoded:
            timestamp_ms = emission.timestamp_ms
            headers: Headers = emission.headers
            if source is None:
                timestamp_ms = now_ms if timestamp_ms is None else timestamp_ms
            else:
                timestamp_ms = source.timestamp if timestamp_ms is None else timestamp_ms
                if source.headers:
                    headers = inherited(source.headers, headers)
            # `Entry(…)` costs three times as much, and this is done for every record.
            append(_new(Entry, (emission.key, value, timestamp_ms, headers, owner, source, False)))
        return entries

    def _send(self, destination: Destination, entries: list[Entry], owner: Owner) -> None:
        """Send entries of one owner, or hold them for its transaction."""
        if owner.held is None:
            self._outbox.put(destination, entries, owner)
        else:
            owner.held.extend((destination, entry) for entry in entries)

    def _keyed(self, key: bytes) -> Destination:
        known = self._by_key.get(key)
        if known is not None:
            return known
        if len(self._by_key) >= REMEMBERED_KEYS:
            self._by_key.clear()
        found = self._destinations[partition_of(key, len(self._destinations))]
        self._by_key[key] = found
        return found

    def _rotate(self, closed: Destination) -> None:
        """A batch was closed: records without key go to the next partition now."""
        if closed is not self._sticky:
            return
        closed.sticky = None
        self._sticky = self._destinations[(closed.partition + 1) % len(self._destinations)]
        self._sticky.sticky = self._rotate


def inherited(source: Headers, own: Headers) -> Headers:
    """The headers of an emission: those of its input that pass on, then its own.

    A correlation id that came in is never overwritten; trace headers may be.
    """
    own_names = {name for name, _ in own}
    passed = [
        header
        for header in source
        if header[0] in INHERITED and (header[0] == CORRELATION_ID or header[0] not in own_names)
    ]
    if any(name == CORRELATION_ID for name, _ in passed):
        own = [header for header in own if header[0] != CORRELATION_ID]
    return (*passed, *own)


class Gathered:
    """Emissions of one unit of work, encoded and in order, until they are sent together."""

    __slots__ = ("_append", "_by_writer", "_encode", "_port", "_writers")

    def __init__(self, writers: Mapping[str, OutletWriter]) -> None:
        """Nothing is gathered yet."""
        self._writers = writers
        self._by_writer: dict[OutletWriter, list[Encoded]] = {}
        self._port: str | None = None
        self._encode: Callable[[Any], bytes]
        self._append: Callable[[Encoded], None]

    def add(self, emission: Emission[Any], source: RawRecord | None) -> None:
        """Encode and keep an emission that `source` caused.

        Raises:
            EncodeError: when it does not fit its outlet, or there is no such outlet.
        """
        # Most emissions go where the last one went: the names are the same object then.
        if emission.port is not self._port:
            self._turn(emission)
        value = emission.value
        try:
            data = None if value is None else self._encode(value)
        except EncodeError as error:
            raise EncodeError(f"outlet {emission.port!r}: {error}") from error
        self._append((emission, data, source))

    def add_caused(
        self, emissions: Iterable[Emission[Any]], causes: Mapping[int, RawRecord], last_ms: int
    ) -> None:
        """Keep the emissions of a list of records; what `add` does, in one loop.

        Args:
            emissions: one whose cause is not in `causes` is left out: its record failed.
            causes: records by offset.
            last_ms: the time of emissions without a cause, which belong to the whole list.

        Raises:
            EncodeError: when one does not fit its outlet.
        """
        for emission in emissions:
            source = None
            if emission.cause is not None:
                source = causes.get(emission.cause.offset)
                if source is None:
                    continue
            elif emission.timestamp_ms is None:
                emission.timestamp_ms = last_ms
            if emission.port is not self._port:
                self._turn(emission)
            value = emission.value
            try:
                data = None if value is None else self._encode(value)
            except EncodeError as error:
                raise EncodeError(f"outlet {emission.port!r}: {error}") from error
            self._append((emission, data, source))

    def add_all(
        self, emissions: Sequence[Emission[Any]], sources: Sequence[RawRecord | None]
    ) -> None:
        """Keep all of `emissions` or none; `sources[i]` is the input of `emissions[i]`.

        Raises:
            EncodeError: when one does not fit its outlet.
        """
        if len(emissions) == 1:
            self.add(emissions[0], sources[0])
            return
        fitting = Gathered(self._writers)
        for emission, source in zip(emissions, sources, strict=True):
            fitting.add(emission, source)
        for writer, encoded in fitting._by_writer.items():
            self._by_writer.setdefault(writer, []).extend(encoded)

    def put(self, owner: Owner) -> None:
        """Send what was gathered, as emissions of `owner`."""
        for writer, encoded in self._by_writer.items():
            writer.put_all(encoded, owner)

    def _turn(self, emission: Emission[Any]) -> None:
        writer = writer_of(self._writers, emission)
        self._port = emission.port
        self._encode = writer.encode
        self._append = self._by_writer.setdefault(writer, []).append


def writer_of(writers: Mapping[str, OutletWriter], emission: Emission[Any]) -> OutletWriter:
    """The writer of an emission's outlet.

    Raises:
        EncodeError: when the streamlet has no outlet of that name.
    """
    try:
        return writers[emission.port]
    except KeyError:
        raise EncodeError(
            f"an emission names the outlet {emission.port!r}; this streamlet has "
            f"{', '.join(sorted(writers)) or 'none'}"
        ) from None
