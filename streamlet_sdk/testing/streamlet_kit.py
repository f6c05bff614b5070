"""The kit for one streamlet.

def test_low_values_are_invalid() -> None:
    with StreamletKit(MetricsValidation, floor=2.0) as kit:
        kit.feed("in", a_metric(1.0), a_metric(3.0))
        kit.run()
        assert kit.values("valid") == [a_metric(3.0)]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, Unpack, cast

from pydantic import ValidationError

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
from streamlet_sdk.parameters import Parameter, VolumeMount, value_text
from streamlet_sdk.runtime.instances import instance
from streamlet_sdk.runtime.ports import declared
from streamlet_sdk.runtime.transport import TopicSpec
from streamlet_sdk.streamlet import Streamlet, settings
from streamlet_sdk.testing.asking import question
from streamlet_sdk.testing.bench import LIMIT, Design
from streamlet_sdk.testing.kit import Kit, source_role
from streamlet_sdk.testing.letters import DeadLetter, dead_letter
from streamlet_sdk.testing.wire import Wire, found, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from streamlet_sdk.delivery import Delivery
    from streamlet_sdk.records import Record
    from streamlet_sdk.runtime.counters import Counters
    from streamlet_sdk.testing.asking import Answer, Body
    from streamlet_sdk.testing.wire import Extras

NAME: Final = "streamlet-under-test"

S = TypeVar("S", bound=Streamlet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a streamlet is run in a test, besides its parameters.

    Attributes:
        partitions: of every topic.
        replicas: instances that share the partitions.
        delivery: policies by inlet, instead of those in the code.
        settings: of the engine, as in a configuration: `{"commit-interval": "100ms"}`.
        limit: how long one call of the kit may take, in real time.
    """

    partitions: int = 1
    replicas: int = 1
    delivery: Mapping[str, Delivery] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    limit: timedelta = LIMIT


class StreamletKit(Kit, Generic[S]):
    """Runs one streamlet; each port is on a topic of its own name."""

    def __init__(self, cls: type[S], setup: Setup | None = None, /, **parameters: object) -> None:
        """Check all that a deployment checks; nothing starts before the first call.

        Args:
            cls: the class of the streamlet.
            setup: how it is run.
            parameters: parameters and volume mounts by attribute, as values or as text of a
                configuration. A mount that is not given is an empty folder, see `mount`.

        Raises:
            BlueprintError: with every problem of the class.
            ConfigurationError: with every parameter that is missing or wrong.
            TypeError: when the class has no such parameter.
            LookupError: when it has no such inlet.
            ValueError: when a setting of the engine is wrong.
        """
        super().__init__()
        self._cls = cls
        _, problems = describe(cls, _class_name(cls))
        if problems:
            raise BlueprintError(problems)
        self._inlets, self._outlets = declared(cls)
        setup = setup or Setup()
        with self._folders:  # emptied again if a check fails
            self._config = self._configured(setup, parameters)
            # Made once for its checks, and thrown away.
            instance(cls, self._config)
            self._folders = self._folders.pop_all()
        streamlet = LocalStreamlet(cls=cls, config=self._config, replicas=setup.replicas)
        topics = [TopicSpec(name=name, partitions=setup.partitions) for name in self._config.ports]
        self._use(Design(streamlets=[streamlet], topics=topics, limit=setup.limit))

    def feed(self, inlet: str, *values: Any, **extras: Unpack[Extras]) -> None:
        """Write values to an inlet's topic, in its schema; they are handled by `run`.

        Args:
            inlet: the port's name.
            values: of the inlet's type. None is a tombstone where the inlet takes them. A
                `Record` brings its key, headers and time along.
            extras: `key` (or a function of the value), `headers`, `timestamp_ms` of every value.

        Raises:
            EncodeError: when a value does not fit the inlet's schema.
        """
        self._inlet(inlet).feed(values, extras)

    def feed_raw(self, inlet: str, *data: bytes | None, **extras: Unpack[Extras]) -> None:
        """Write bytes to an inlet's topic as they are; None is a record without a value."""
        self._inlet(inlet).feed_raw(data, extras)

    def received(self, outlet: str) -> list[Record[Any]]:
        """All that the streamlet has written to an outlet so far, partition by partition."""
        return self._wire(outlet, self._outlets, "outlet").received()

    def values(self, outlet: str) -> list[Any]:
        """The values of `received`."""
        return [record.value for record in self.received(outlet)]

    def dead_letters(self, inlet: str) -> list[DeadLetter]:
        """All records that an inlet has given up into its dead letters so far."""
        wire = self._inlet(inlet)
        letters = self._bench.records(dead_letter_port(inlet))
        return [dead_letter(one, wire.decoded) for one in letters]

    def request(self, method: str, path: str, **body: Unpack[Body]) -> Answer:
        """Ask the server that the streamlet is, without a socket.

        Args:
            method: such as `POST`.
            path: with its query.
            body: `json`, or `body` as bytes or pieces of them; `headers`.
        """
        return self._ask(NAME, question(method, path, body))

    def mount(self, name: str) -> Path:
        """The folder of a volume mount; fill it before the call that starts the streamlet."""
        return Path(found(self._config.volume_mounts, name, "volume mount"))

    def checkpoint(self, source: str) -> Any:
        """The stored position of a source, by its method's name; None when there is none."""
        role = source_role(self._cls, source)
        return self._position(self._config, source, role.position)

    def rebalance(self, inlet: str) -> None:
        """Take all partitions of an inlet away, as a rebalance does, and give them back.

        Raises:
            Exception: what a hook of the streamlet raises.
        """
        self._inlet(inlet)
        self._bench.rebalance(inlet, self._config.group(inlet))

    @property
    def counters(self) -> Counters:
        """What the streamlet has done, over all replicas and crashes."""
        return self._bench.started().counters[NAME]

    @property
    def streamlet(self) -> S:
        """The running instance; that of the first replica."""
        return cast("S", self._instance(NAME, 0))

    def _inlet(self, name: str) -> Wire:
        return self._wire(name, self._inlets, "inlet")

    def _wire(self, name: str, ports: Mapping[str, Any], what: str) -> Wire:
        return Wire(self._bench, name, [found(ports, name, what)])

    def _configured(self, setup: Setup, given: Mapping[str, object]) -> StreamletConfig:
        known = settings(self._cls)
        for name in given:
            if name not in known:
                raise TypeError(unknown("parameter", name, known))
        for inlet in setup.delivery:
            found(self._inlets, inlet, "inlet")
        ports = [*self._inlets, *self._outlets, *map(dead_letter_port, self._inlets)]
        return StreamletConfig.model_validate(
            {
                "application": "test",
                "streamlet": NAME,
                "class": _class_name(self._cls),
                "parameters": {
                    item.name: ParameterSource(value=value_text(given[attribute]))
                    for attribute, item in known.items()
                    if isinstance(item, Parameter) and given.get(attribute) is not None
                },
                "settings": _engine(setup.settings),
                "ports": {name: Binding(topic=name, kafka_name=name) for name in ports},
                "delivery": {name: delivery_data(one) for name, one in setup.delivery.items()},
                "volumeMounts": {
                    item.name: str(given.get(attribute) or self._folder())
                    for attribute, item in known.items()
                    if isinstance(item, VolumeMount)
                },
            }
        )


def _class_name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _engine(values: Mapping[str, object]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError(f"settings of the engine: {wrong}") from None
