"""How the records of a topic are written and read from outside: the codecs of its ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_cli.errors import UsageError
from cloudflow_cli.sandbox.tapping import Shown
from streamlet_sdk.runtime.ports import codec, declared
from streamlet_sdk.serde import PortOptions, port_codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cloudflow_cli.sandbox.prepared import Prepared
    from streamlet_sdk.blueprint.descriptor import PortDescriptor
    from streamlet_sdk.blueprint.verified import PortPath, VerifiedTopic
    from streamlet_sdk.runtime.ports import Cluster
    from streamlet_sdk.serde import PortCodec


@dataclass(frozen=True, slots=True)
class Written:
    """How records are written: bytes of values, and the key that a value has."""

    codec: PortCodec[Any]
    key: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Codecs:
    """The codecs of an application's topics, with the schemas that its cluster knows."""

    prepared: Prepared
    cluster: Cluster

    def writer(self, topic: str) -> Written:
        """What records from outside are written with: the schema of the topic's producers.

        Without producers, or when their schemas differ, it is that of the consumers.

        Raises:
            UsageError: when neither side has one schema.
        """
        wired = self._wired(topic)
        port = self._of_one_schema(wired.producers) or self._of_one_schema(wired.consumers)
        if port is None:
            raise UsageError(
                f"It is not clear in which schema to write to {topic!r}: "
                f"{self._schemas((*wired.producers, *wired.consumers))}.",
                hint="Feed a topic whose producers, or whose consumers, have one schema.",
            )
        return Written(self._codec(port), self._key(wired.producers))

    def shown(self, topic: str, *, is_enveloped: bool) -> Shown:
        """How the records of a topic are shown."""
        producers = self._wired(topic).producers
        are_dead_letters = any(self._port(path).dead_letters_of for path in producers)
        return Shown(
            topic=topic,
            readers=self._readers(topic),
            is_enveloped=is_enveloped,
            are_dead_letters=are_dead_letters,
        )

    def _readers(self, topic: str) -> Sequence[PortCodec[Any]]:
        """What the values of a topic may be read with; none for bytes.

        A dead letter is read as the record that it was.
        """
        wired = self._wired(topic)
        found: list[PortCodec[Any]] = []
        for path in wired.producers or wired.consumers:
            inlet = self._port(path).dead_letters_of
            made = self._codec(path._replace(port=inlet) if inlet is not None else path)
            if made.schema.format != "bytes" and made.schema not in [c.schema for c in found]:
                found.append(made)
        return found

    def _wired(self, topic: str) -> VerifiedTopic:
        """All ports of a topic, also those of streamlets that do not run."""
        whole = self.prepared.whole.topics
        return whole[topic] if topic in whole else self.prepared.running.topics[topic]

    def _port(self, path: PortPath) -> PortDescriptor:
        descriptor = self.prepared.whole.streamlets[path.streamlet].descriptor
        found = descriptor.inlet_by_name.get(path.port)
        return found or descriptor.outlet_by_name[path.port]

    def _of_one_schema(self, paths: Sequence[PortPath]) -> PortPath | None:
        schemas = {self._port(path).schema_value for path in paths}
        return paths[0] if len(schemas) == 1 else None

    def _schemas(self, paths: Iterable[PortPath]) -> str:
        return ", ".join(f"{path} has {self._port(path).schema_value.name}" for path in paths)

    def _codec(self, path: PortPath) -> PortCodec[Any]:
        if self._port(path).dead_letters_of is not None:
            return port_codec(bytes, PortOptions(), self.cluster.schemas.book)
        inlets, outlets = declared(self.prepared.classes.of(path.streamlet))
        return codec(inlets.get(path.port) or outlets[path.port], self.cluster)

    def _key(self, producers: Iterable[PortPath]) -> Callable[[Any], Any] | None:
        """How producers make keys; the first one that makes any stands for all."""
        for path in producers:
            _, outlets = declared(self.prepared.classes.of(path.streamlet))
            outlet = outlets.get(path.port)
            if outlet is not None and outlet.key is not None:
                return outlet.key
        return None
