"""Emissions become entries: encode, choose the partition, inherit headers and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamlet_sdk.errors import EncodeError
from streamlet_sdk.runtime.outbox import Entry
from streamlet_sdk.runtime.partitioner import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamlet_sdk.contract import Binding
    from streamlet_sdk.records import Emission
    from streamlet_sdk.runtime.offsets import Owner
    from streamlet_sdk.runtime.outbox import Destination, Outbox
    from streamlet_sdk.runtime.transport import Headers, RawRecord

CORRELATION_ID = "correlation-id"
# What passes from an input to its emissions; all else belongs to one record alone.
INHERITED = frozenset({CORRELATION_ID, "traceparent", "tracestate", "baggage"})
# Distinct keys whose partition is remembered; murmur2 in Python costs up to 6 µs a key.
REMEMBERED_KEYS = 20_000


class OutletWriter:
    """Writes the emissions of one outlet to its topic."""

    def __init__(
        self, outbox: Outbox, binding: Binding, partitions: int, encode: Callable[[Any], bytes]
    ) -> None:
        """Write to the topic of `binding`, which has `partitions` partitions."""
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
        cluster, topic = self.binding.cluster, self.binding.kafka_name
        self._destinations = [
            self._outbox.destination(cluster, topic, partition) for partition in range(partitions)
        ]
        self._by_key.clear()
        self._sticky = self._destinations[0]
        self._sticky.sticky = self._rotate

    def encoded(self, emission: Emission[Any]) -> bytes | None:
        """The bytes of an emission's value, None for a tombstone.

        Raises:
            EncodeError: when the value does not fit, naming the port.
        """
        if emission.value is None:
            return None
        try:
            return self.encode(emission.value)
        except EncodeError as error:
            raise EncodeError(f"outlet {emission.port!r}: {error}") from error

    def put(
        self, emission: Emission[Any], value: bytes | None, owner: Owner, source: RawRecord | None
    ) -> Destination:
        """Send an emission whose value is encoded, or hold it for the owner's transaction."""
        timestamp_ms = emission.timestamp_ms
        headers: Headers = emission.headers
        if source is not None:
            if timestamp_ms is None:
                timestamp_ms = source.timestamp
            if source.headers:
                headers = inherited(source.headers, headers)
        elif timestamp_ms is None:
            timestamp_ms = self._outbox.now_ms()
        return self.put_entry(Entry(emission.key, value, timestamp_ms, headers, owner, source))

    def put_entry(self, entry: Entry) -> Destination:
        """Send an entry as it is, to the partition of its key."""
        key, owner = entry.key, entry.owner
        destination = self._sticky if key is None else self._by_key.get(key) or self._keyed(key)
        if owner.held is None:
            self._outbox.put(destination, entry)
        else:
            owner.held.append((destination, entry))
        return destination

    def _keyed(self, key: bytes) -> Destination:
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


def put_all(
    writers: Mapping[str, OutletWriter],
    emissions: Sequence[Emission[Any]],
    owner: Owner,
    sources: Sequence[RawRecord | None],
) -> None:
    """Send all of `emissions` or none; `sources[i]` is the input of `emissions[i]`.

    Raises:
        EncodeError: when one does not fit its outlet; nothing was sent then.
    """
    ready = [(writer_of(writers, e), e) for e in emissions]
    values = [writer.encoded(emission) for writer, emission in ready]
    for (writer, emission), value, source in zip(ready, values, sources, strict=True):
        writer.put(emission, value, owner, source)


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
