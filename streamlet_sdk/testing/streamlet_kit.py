"""The kit for one streamlet: what a test of a user's feeds, runs and looks at.

    def test_low_values_are_invalid() -> None:
        with StreamletKit(MetricsValidation, floor=2.0) as kit:
            kit.feed("in", a_metric(1.0), a_metric(3.0))
            kit.run()
            assert kit.values("valid") == [a_metric(3.0)]

The engine, codecs, consumer groups and transactions are those of a pod. There are no sockets,
and time is virtual: back-offs and windows take none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from streamlet_sdk.blueprint.declarations import describe
from streamlet_sdk.blueprint.descriptor import delivery_data
from streamlet_sdk.contract import (
    Binding,
    ParameterSource,
    Settings,
    StreamletConfig,
    dead_letter_port,
)
from streamlet_sdk.errors import BlueprintError
from streamlet_sdk.local.application import LocalStreamlet
from streamlet_sdk.local.wires import Fed
from streamlet_sdk.parameters import Parameter, VolumeMount, value_text
from streamlet_sdk.problems import closest
from streamlet_sdk.records import Key, Record, key_bytes
from streamlet_sdk.runtime.instances import instance
from streamlet_sdk.runtime.ports import codec, declared
from streamlet_sdk.runtime.transport import TopicSpec
from streamlet_sdk.streamlet import settings
from streamlet_sdk.testing.bench import LIMIT, Bench, Design
from streamlet_sdk.testing.letters import DeadLetter, dead_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta
    from types import TracebackType

    from streamlet_sdk.delivery import Delivery
    from streamlet_sdk.ports import HeaderValues, Inlet, Outlet
    from streamlet_sdk.runtime.counters import Counters
    from streamlet_sdk.serde import PortCodec
    from streamlet_sdk.streamlet import Streamlet

NAME = "streamlet-under-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a streamlet is run in a test, besides its parameters.

    Attributes:
        partitions: of every topic.
        replicas: instances that share the partitions.
        delivery: policies by inlet, instead of those in the code.
        settings: engine settings by their names in a configuration, such as `commit-interval`.
        limit: how long one call of the kit may take, in real time.
    """

    partitions: int = 1
    replicas: int = 1
    delivery: Mapping[str, Delivery] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    limit: timedelta = LIMIT


class StreamletKit:
    """One streamlet, each port on a topic of its own name."""

    def __init__(
        self, cls: type[Streamlet], setup: Setup | None = None, /, **parameters: object
    ) -> None:
        """Check everything that a deployment checks; the streamlet starts with the first call.

        Args:
            cls: the class of the streamlet.
            setup: how it is run.
            parameters: parameters and volume mounts by attribute, as values or as text from a
                configuration. A mount that is not given is an empty folder, see `mount`.

        Raises:
            BlueprintError: with every problem of the class.
            ConfigurationError: with every parameter that is missing or wrong.
            TypeError: when the class has no parameter of a name.
        """
        self._cls = cls
        self._setup = setup or Setup()
        _, problems = describe(cls, f"{cls.__module__}:{cls.__qualname__}")
        if problems:
            raise BlueprintError(problems)
        self._folders: list[TemporaryDirectory[str]] = []
        self._inlets, self._outlets = declared(cls)
        self._config = self._configured(parameters)
        instance(cls, self._config)
        streamlet = LocalStreamlet(cls=cls, config=self._config, replicas=self._setup.replicas)
        topics = [
            TopicSpec(name=name, partitions=self._setup.partitions) for name in self._config.ports
        ]
        self._bench = Bench(Design(streamlets=[streamlet], topics=topics), self._setup.limit)

    def __enter__(self) -> Self:
        """The kit; the end of the `with` block stops the streamlet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; what failed unseen is raised, unless the test has failed already."""
        self._close(quietly=error is not None)

    def feed(
        self,
        inlet: str,
        *values: Any,
        key: Key | Callable[[Any], Key] = None,
        headers: HeaderValues | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Write values to an inlet's topic, in its schema; nothing is handled before `run`.

        Args:
            inlet: the port's name.
            values: of the inlet's type; None is a tombstone where the inlet takes them. A
                `Record` brings its key, headers and time along.
            key: of every value, or a function that makes it; without keys the values go to the
                partitions in turn.
            headers: of every value.
            timestamp_ms: milliseconds since the epoch; the time of the kit when absent.

        Raises:
            EncodeError: when a value does not fit the inlet's schema.
        """
        port = self._inlet(inlet)
        made = self._codec(port)
        pairs = _pairs(headers or {})
        moment = self._now_ms if timestamp_ms is None else timestamp_ms
        records = []
        for value in values:
            if isinstance(value, Record):
                data = _encoded(port, made, value.value)
                records.append(
                    Fed(
                        value=data,
                        key=value.key,
                        headers=value.headers,
                        timestamp_ms=value.timestamp_ms,
                    )
                )
            else:
                name = key(value) if callable(key) else key
                data = _encoded(port, made, value)
                records.append(
                    Fed(value=data, key=key_bytes(name), headers=pairs, timestamp_ms=moment)
                )
        self._bench.feed(inlet, made, records)

    def feed_raw(
        self,
        inlet: str,
        *data: bytes | None,
        key: Key = None,
        headers: HeaderValues | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Write bytes to an inlet's topic as they are; None is a record without a value."""
        port = self._inlet(inlet)
        moment = self._now_ms if timestamp_ms is None else timestamp_ms
        pairs = _pairs(headers or {})
        records = [
            Fed(value=one, key=key_bytes(key), headers=pairs, timestamp_ms=moment) for one in data
        ]
        self._bench.feed(inlet, self._codec(port), records)

    def run(self, timeout: timedelta | None = None) -> None:
        """Go on until everything that was fed is processed, retries and back-offs included.

        Raises:
            Exception: what ended the streamlet since the last call; the next call starts it
                again, as the platform would.
            StillBusyError: when it takes longer than `timeout`, in real time.
        """
        self._bench.run(timeout)

    def advance(self, time: timedelta) -> None:
        """Let time pass, and everything happen that is due by then.

        Raises:
            Exception: what ended the streamlet meanwhile.
        """
        self._bench.advance(time)

    def received(self, outlet: str) -> list[Record[Any]]:
        """Everything that the streamlet has written to an outlet, partition by partition."""
        port = self._outlet(outlet)
        decode = self._codec(port).decode
        return [
            Record(
                None if one.value is None else decode(one.value),
                one.key,
                one.headers,
                one.timestamp,
                outlet,
                one.partition,
                one.offset,
            )
            for one in self._bench.records(outlet)
        ]

    def values(self, outlet: str) -> list[Any]:
        """The values of `received`."""
        return [record.value for record in self.received(outlet)]

    def dead_letters(self, inlet: str) -> list[DeadLetter]:
        """Every record that an inlet gave up into its dead letters."""
        decode = self._codec(self._inlet(inlet)).decode
        return [dead_letter(one, decode) for one in self._bench.records(dead_letter_port(inlet))]

    def mount(self, name: str) -> Path:
        """The folder of a volume mount; fill it before the first call that starts the streamlet."""
        return Path(self._config.volume_mounts[name])

    @property
    def counters(self) -> Counters:
        """What the streamlet has done, over all replicas."""
        return self._bench.started().counters[NAME]

    @property
    def now(self) -> datetime:
        """The time as the streamlet's records have it."""
        return self._bench.now

    @property
    def _now_ms(self) -> int:
        return round(self.now.timestamp() * 1000)

    def _close(self, *, quietly: bool) -> None:
        try:
            self._bench.close(drain=not quietly)
        finally:
            for folder in self._folders:
                folder.cleanup()

    def _configured(self, given: Mapping[str, object]) -> StreamletConfig:
        known = settings(self._cls)
        for name in given:
            if name not in known:
                meant = closest(name, known)
                raise TypeError(
                    f"{self._cls.__name__} has no parameter {name!r}"
                    + (f"; did you mean {meant!r}?" if meant else "")
                )
        parameters = {
            item.name: ParameterSource(value=value_text(given[attribute]))
            for attribute, item in known.items()
            if isinstance(item, Parameter) and given.get(attribute) is not None
        }
        names = [*self._inlets, *self._outlets, *map(dead_letter_port, self._inlets)]
        return StreamletConfig(
            application="test",
            version="test",
            streamlet=NAME,
            class_name=f"{self._cls.__module__}:{self._cls.__qualname__}",
            parameters=parameters,
            settings=Settings.model_validate(self._setup.settings),
            ports={name: Binding(topic=name, kafka_name=name) for name in names},
            delivery={
                inlet: delivery_data(delivery) for inlet, delivery in self._setup.delivery.items()
            },
            volume_mounts={
                item.name: str(given.get(attribute) or self._folder())
                for attribute, item in known.items()
                if isinstance(item, VolumeMount)
            },
        )

    def _folder(self) -> str:
        self._folders.append(TemporaryDirectory(prefix="streamlet-kit-"))
        return self._folders[-1].name

    def _inlet(self, name: str) -> Inlet[Any]:
        return _named(self._inlets, name, f"{self._cls.__name__} has no inlet")

    def _outlet(self, name: str) -> Outlet[Any]:
        return _named(self._outlets, name, f"{self._cls.__name__} has no outlet")

    def _codec(self, port: Inlet[Any] | Outlet[Any]) -> PortCodec[Any]:
        return codec(port, self._bench.started().cluster)


def _named(known: Mapping[str, Any], name: str, message: str) -> Any:
    if name in known:
        return known[name]
    names = ", ".join(map(repr, known)) or "none"
    raise KeyError(f"{message} {name!r}; it has {names}")


def _encoded(port: Inlet[Any], made: PortCodec[Any], value: Any) -> bytes | None:
    return None if value is None and port.tombstones else made.encode(value)


def _pairs(headers: HeaderValues) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (name, text.encode() if isinstance(text, str) else text) for name, text in headers.items()
    )
